//! How a probe ended, in one line.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::Probe;
use super::target::{Gateway, NameServer};

/// What became of one probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The probe.
    pub probe: Probe,
    /// How it passed, or why its last attempt did not: one line, lower case.
    pub result: Result<Passed, String>,
    /// From the start of the run to the success, or the whole budget.
    pub took: Duration,
    /// Attempts made, the last one included; at least 1.
    pub attempts: u32,
}

/// What answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passed {
    /// The gateway, by ICMP.
    Icmp {
        /// Which one.
        gateway: Gateway,
    },
    /// The gateway, by ARP or neighbour discovery alone.
    Neighbour {
        /// Which one.
        gateway: Gateway,
        /// Why ICMP did not do: one line. `None` when it was not asked for.
        icmp: Option<String>,
    },
    /// A name server.
    Dns {
        /// Which one.
        server: NameServer,
    },
    /// A connection to this address.
    Tcp(SocketAddr),
    /// The API server.
    ApiServer,
    /// The API server, and the node is Ready.
    NodeReady,
}

impl Outcome {
    /// True when it passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.result.is_ok()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, seconds) = (self.probe.name(), self.took.as_secs_f64());
        match &self.result {
            Ok(passed) => write!(f, "probe {name} passed after {seconds:.1} s: {passed}"),
            Err(why) => write!(
                f,
                "probe {name} of {} failed for {seconds:.0} s (attempts: {}): {why}",
                self.probe, self.attempts
            ),
        }
    }
}

impl fmt::Display for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Icmp { gateway } => write!(f, "{gateway} answers ICMP"),
            Self::Neighbour { gateway, icmp } => {
                write!(f, "{gateway} answers {}", resolution(gateway.address))?;
                icmp.as_ref()
                    .map_or(Ok(()), |why| write!(f, ", but not ICMP: {why}"))
            }
            Self::Dns { server } => write!(f, "name server {server} answers"),
            Self::Tcp(address) => write!(f, "{address} accepts connections"),
            Self::ApiServer => f.write_str("the API server answers"),
            Self::NodeReady => f.write_str("the node is Ready"),
        }
    }
}

/// What finds neighbours in the family of `address`.
pub(super) fn resolution(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "ARP",
        IpAddr::V6(_) => "neighbour discovery",
    }
}
