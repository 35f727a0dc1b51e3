//! What tests of several rooms share.
//!
//! - [`assets`]: the programs of a control plane and the definitions of Cluster API, found, fetched or built;
//! - [`ControlPlane`]: a real etcd and kube-apiserver on loopback, gone when the test process is;
//! - [`FaultProxy`]: the same API server, answering badly on request;
//! - [`Cadastre`]: our own program as a child process to stop, continue and kill;
//! - [`eventually`]: waiting for a condition instead of sleeping;
//! - [`cni`]: CNI plugins called as a runtime calls them (feature `cni`);
//! - [`netns`]: network namespaces of our own (feature `cni`).
//!
//! Without features only [`assets`] exists; all but the last two need the feature `cluster`.

pub mod assets;

#[cfg(feature = "cni")]
pub mod cni;
#[cfg(feature = "cni")]
pub mod netns;

#[cfg(feature = "cluster")]
mod client;
#[cfg(feature = "cluster")]
mod control_plane;
#[cfg(feature = "cluster")]
pub mod controller;
#[cfg(feature = "cluster")]
mod eventually;
#[cfg(feature = "cluster")]
pub mod fault;
#[cfg(feature = "cluster")]
pub mod install;
#[cfg(feature = "cluster")]
mod keeper;
#[cfg(feature = "cluster")]
mod pki;
#[cfg(feature = "cluster")]
mod port;
#[cfg(feature = "cluster")]
mod process;
#[cfg(feature = "cluster")]
mod requests;

pub use assets::{CapiVersion, capi_crds};

#[cfg(feature = "cluster")]
pub use client::client;
#[cfg(feature = "cluster")]
pub use control_plane::{ControlPlane, Options, apply};
#[cfg(feature = "cluster")]
pub use eventually::eventually;
#[cfg(feature = "cluster")]
pub use fault::FaultProxy;
#[cfg(feature = "cluster")]
pub use port::Port;
#[cfg(feature = "cluster")]
pub use process::{Cadastre, Process};
#[cfg(feature = "cluster")]
pub use requests::{RequestKey, Requests};
