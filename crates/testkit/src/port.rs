//! TCP ports for servers that must be told theirs.

use std::net::{Ipv4Addr, TcpListener};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Result, bail};

/// Below the range from which Linux takes ports of outgoing connections (32768 up). So nobody gets the port of a
/// server that is being restarted by accident.
const FIRST: u32 = 20_000;
/// How many ports from [`FIRST`] we may use.
const COUNT: u32 = 12_000;

/// A free TCP port on 127.0.0.1 that no other process using this crate will take while this value lives.
///
/// The claim is an abstract Unix socket with the port in its name: the kernel removes it when we end, however we do.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _claim: UnixListener,
}

impl Port {
    /// Finds one.
    ///
    /// # Errors
    /// None of 12,000 ports is free.
    pub fn reserve() -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // Processes start at different places, so that they seldom try the same port.
        let start = std::process::id().wrapping_mul(7919);
        for _ in 0..COUNT {
            let offset = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
            let Ok(number) = u16::try_from(FIRST + offset) else {
                continue;
            };
            if let Some(port) = Self::claim(number) {
                return Ok(port);
            }
        }
        bail!(
            "no TCP port between {FIRST} and {} is free on 127.0.0.1",
            FIRST + COUNT - 1
        );
    }

    fn claim(number: u16) -> Option<Self> {
        let name = SocketAddr::from_abstract_name(format!("cadastre-testkit-port-{number}")).ok()?;
        let claim = UnixListener::bind_addr(&name).ok()?;
        // Free for us is not yet free: another program may listen there.
        TcpListener::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
        Some(Self {
            number,
            _claim: claim,
        })
    }

    /// The number.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Port;

    #[test]
    fn reserved_ports_differ_and_can_be_listened_on() {
        let ports: Vec<Port> = (0..20).map(|_| Port::reserve().expect("a free port")).collect();
        let numbers: BTreeSet<u16> = ports.iter().map(Port::number).collect();
        assert_eq!(numbers.len(), ports.len());
        for number in numbers {
            std::net::TcpListener::bind(("127.0.0.1", number)).expect("free");
        }
    }

    #[test]
    fn a_taken_port_is_not_claimed_twice() {
        let port = Port::reserve().expect("a free port");
        assert!(Port::claim(port.number()).is_none());
        let number = port.number();
        drop(port);
        assert!(Port::claim(number).is_some(), "free again");
    }
}
