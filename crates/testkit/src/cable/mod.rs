//! What a node sees at the other end of its cables: a switch that announces itself, a gateway, a name server.
//!
//! All in network namespaces of our own, and all real: frames go over veth pairs, the gateway's answers come from a
//! kernel, the name server listens on port 53.

mod dns;
mod gateway;
mod lldp;

pub use dns::{Manner, NameServer};
pub use gateway::Gateway;
pub use lldp::{Announcement, Switch};
