//! A Proxmox VE API that behaves like the real one, and fails when told to.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use std::time::Duration;
//! use testkit::ProxmoxVe;
//! use testkit::proxmox::{Fault, Guest, Limits, Privileges, Template, Vm};
//!
//! let pve = ProxmoxVe::builder()
//!     .region("fsn")
//!     .host("pve-1")
//!     .host("pve-2")
//!     .vm(Vm::new(100, "n1").host("pve-1").guest(Guest::eth0(&["10.0.0.5/24", "2001:db8::5/64"])))
//!     .token("kubernetes@pve!ccm", "6f2f6b1e-1c1e-4c55-9d43-0d6a3a9f6f10", Privileges::all())
//!     .limits(Limits::quick())
//!     .start()
//!     .await?;
//! let (url, ca) = (pve.url("fsn"), pve.ca_file());
//!
//! pve.fail(Fault::agent_not_running().probability(0.3, 1));
//! pve.fail(Fault::hang().host("pve-2"));
//! pve.update(|model| model.vm(100).stop());
//! pve.migrate(100, "pve-2");
//! pve.region_down("fsn").await;
//! assert_eq!(pve.count(Template::Config), 1, "{}", pve.log_tail());
//! # Ok(())
//! # }
//! ```
//!
//! - [`Builder`]: clusters, hosts, guests and accounts, and with [`Limits`] the times and limits of the servers;
//! - [`Model`]: the same while it runs, through [`ProxmoxVe::update`];
//! - [`Fault`], [`Latency`]: what goes wrong and how long things take;
//! - [`ProxmoxVe::counts`], [`ProxmoxVe::log`]: what has been asked;
//! - [`GuestAgent`]: a real `qemu-ga` in a network namespace, to be the guest of a VM.
//!
//! What it answers follows the API as its clients see it: HTTP/1.1, keys in random order, errors as reason phrase and
//! body, connections that close after 5 s without use, after 100 requests and after every error, lists filtered in
//! silence, tickets that expire. It shares no code with any client.

mod api;
mod auth;
mod builder;
mod fault;
mod form;
mod guest;
mod handle;
mod json;
mod latency;
mod limits;
mod model;
mod pack;
mod privileges;
mod record;
mod reply;
mod serve;
mod template;
mod tls;

pub use builder::Builder;
pub use fault::{Fault, Injected};
pub use guest::{GuestAgent, GuestOptions};
pub use handle::ProxmoxVe;
pub use latency::Latency;
pub use limits::Limits;
pub use model::{
    Guest, Ha, HaGroup, HaRule, Host, HostState, Interface, Kind, Model, Region, Release, Status, Token,
    User, Vm,
};
pub use privileges::Privileges;
pub use record::Entry;
pub use template::Template;

use handle::Endpoints;
