//! What tests of several rooms share.
//!
//! - [`assets`]: the programs of a control plane and the definitions of Cluster API, found, fetched or built;
//! - [`ControlPlane`]: a real etcd and kube-apiserver on loopback, gone when the test process is;
//! - [`FaultProxy`]: the same API server, answering badly on request;
//! - [`Cadastre`]: our own program as a child process to stop, continue and kill;
//! - [`cloud`]: `cadastre cloud` as such a process, and the Nodes it is for (features `cluster` and `proxmox`);
//! - [`dice`]: chance with a seed;
//! - [`eventually`]: waiting for a condition instead of sleeping;
//! - [`cni`]: CNI plugins called as a runtime calls them (feature `cni`);
//! - [`netns`]: network namespaces of our own (features `cable`, `cni`, `nm`, `proxmox`);
//! - [`cable`]: what is at the other end of a node's cables (feature `cable`);
//! - `network_manager`: NetworkManager with a bus of its own, in namespaces (feature `nm`);
//! - [`proxmox`]: a Proxmox VE API to talk to, and real guest agents behind it (feature `proxmox`).
//!
//! Without features only [`assets`] exists; all but the last five need the feature `cluster`.

pub mod assets;

#[cfg(feature = "cable")]
pub mod cable;
#[cfg(feature = "cni")]
pub mod cni;
#[cfg(any(feature = "cluster", feature = "cni", feature = "proxmox"))]
pub mod dice;
#[cfg(any(feature = "cable", feature = "cni", feature = "nm", feature = "proxmox"))]
pub mod netns;
#[cfg(feature = "nm")]
pub mod network_manager;
#[cfg(feature = "proxmox")]
pub mod proxmox;

#[cfg(feature = "cluster")]
mod client;
#[cfg(all(feature = "cluster", feature = "proxmox"))]
pub mod cloud;
#[cfg(feature = "cluster")]
mod control_plane;
#[cfg(feature = "cluster")]
pub mod controller;
#[cfg(any(feature = "cluster", feature = "nm", feature = "proxmox"))]
mod eventually;
#[cfg(feature = "cluster")]
pub mod fault;
#[cfg(feature = "cluster")]
pub mod install;
#[cfg(any(feature = "cluster", feature = "nm", feature = "proxmox"))]
mod keeper;
#[cfg(feature = "cluster")]
mod pki;
#[cfg(any(feature = "cluster", feature = "proxmox"))]
mod port;
#[cfg(any(feature = "cluster", feature = "nm", feature = "proxmox"))]
mod process;
#[cfg(feature = "cluster")]
mod requests;

pub use assets::{CapiVersion, capi_crds};

#[cfg(feature = "cluster")]
pub use client::client;
#[cfg(feature = "cluster")]
pub use control_plane::{ControlPlane, Options, apply};
#[cfg(any(feature = "cluster", feature = "nm", feature = "proxmox"))]
pub use eventually::eventually;
#[cfg(feature = "cluster")]
pub use fault::FaultProxy;
#[cfg(any(feature = "cluster", feature = "proxmox"))]
pub use port::Port;
#[cfg(any(feature = "cluster", feature = "nm", feature = "proxmox"))]
pub use process::{Cadastre, Process};
#[cfg(feature = "proxmox")]
pub use proxmox::ProxmoxVe;
#[cfg(feature = "cluster")]
pub use requests::{RequestKey, Requests};
