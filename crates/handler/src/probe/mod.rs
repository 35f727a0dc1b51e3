//! Probes: is this node still reachable, and does it still reach what it needs (spec §10).
//!
//! All in process: no `ping`, no resolver of the C library. [`run()`] runs any set of them at once within one budget.
//! [`preflight()`] does so before an apply and says which of them must pass after it; `run` does so again. Which probes are
//! run, required or skipped is decided in `nodenet::plan::probe`; here is only how.

mod api_server;
mod ask;
mod attempt;
mod dns;
mod gateway;
mod icmp;
mod neighbour;
mod outcome;
mod preflight;
mod run;
mod target;
mod tcp;
#[cfg(test)]
mod tests;

pub use api_server::ApiServer;
pub use outcome::{Outcome, Passed};
pub use preflight::{Preflight, preflight};
pub use run::{RETRY, run};
pub use target::{Gateway, NameServer, Targets};

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// One thing to try until it works once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// The next hop of the default route answers.
    Gateway(GatewayMode),
    /// One name server answers a question about this host: `root-servers.net` is asked for its name servers, any other
    /// name for its addresses.
    Dns {
        /// A DNS name.
        host: String,
    },
    /// A TCP connection is accepted.
    Tcp(SocketAddr),
    /// The API server answers a read of the namespace `default`, over a fresh connection.
    ApiServer,
    /// The API server says that this node is Ready.
    NodeReady {
        /// Name of the Node object.
        node: String,
    },
}

/// What counts as an answer of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GatewayMode {
    /// An ICMP echo reply; without one, that the address belongs to a machine on the link (ARP, ND). But the next hop
    /// in `pinged` answered ICMP before, so from this one nothing less counts: a machine that has lost us still answers
    /// ARP.
    Auto {
        /// The next hop that answered ICMP before the change.
        pinged: Option<IpAddr>,
    },
    /// An ICMP echo reply.
    Icmp,
    /// The address belongs to a machine on the link.
    Neighbour,
}

impl Probe {
    /// What it is called in messages and metrics: `ping`, `dns`, `tcp`, `api-server` or `node-readiness`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Gateway(_) => "ping",
            Self::Dns { .. } => "dns",
            Self::Tcp(_) => "tcp",
            Self::ApiServer => "api-server",
            Self::NodeReady { .. } => "node-readiness",
        }
    }

    /// The probe to run after a change, given how it went before: a gateway that answered ICMP has to do so again, see
    /// [`GatewayMode::Auto`].
    #[must_use]
    pub fn after(&self, before: &Outcome) -> Self {
        match (self, &before.result) {
            (Self::Gateway(GatewayMode::Auto { .. }), Ok(Passed::Icmp { gateway, .. })) => {
                Self::Gateway(GatewayMode::Auto {
                    pinged: Some(gateway.address),
                })
            }
            _ => self.clone(),
        }
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gateway(_) => f.write_str("the default gateway"),
            Self::Dns { host } => write!(f, "name servers about {host}"),
            Self::Tcp(address) => write!(f, "{address}"),
            Self::ApiServer => f.write_str("the API server"),
            Self::NodeReady { node } => write!(f, "node {node}"),
        }
    }
}
