//! Addresses to listen on, as Go programs write them.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

/// Waiting connections the kernel keeps for us; Go's default on Linux is much the same.
const BACKLOG: u32 = 1024;

/// Where to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BindAddress {
    /// `None`: every address of both families.
    host: Option<IpAddr>,
    /// 0: any free port.
    port: u16,
}

/// An address to listen on cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The text is not an address.
    #[error(
        "{text:?} is not an address to listen on: {problem}; write host:port, [IPv6]:port, :port for all interfaces, or 0 to switch it off"
    )]
    Parse {
        /// What was given.
        text: String,
        /// Which part is wrong.
        problem: &'static str,
    },
    /// The operating system refused.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: BindAddress,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Parses `host:port` as Go's `net.Listen` does. `0` and the empty text mean "do not listen" (`None`), as in
/// controller-runtime; an empty host means all interfaces, IPv4 and IPv6.
///
/// Host names other than `localhost` are refused: resolving them would decide at start, by somebody else's
/// configuration, who may reach us.
///
/// # Errors
///
/// [`BindError::Parse`].
pub fn parse_bind_address(text: &str) -> Result<Option<BindAddress>, BindError> {
    if text.is_empty() || text == "0" {
        return Ok(None);
    }
    let refuse = |problem| BindError::Parse {
        text: text.to_owned(),
        problem,
    };
    let (host, port) = text
        .rsplit_once(':')
        .ok_or_else(|| refuse("the port is missing"))?;
    let port = port
        .parse()
        .map_err(|_| refuse("the port is not a number from 0 to 65535"))?;
    let host = match host {
        "" => None,
        "localhost" => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        host => Some(parse_host(host).ok_or_else(|| refuse("the host is not an IP address"))?),
    };
    Ok(Some(BindAddress { host, port }))
}

fn parse_host(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        // An IPv6 address without brackets would make the port ambiguous.
        None => host.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

impl BindAddress {
    /// Listens there. Must be called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`BindError::Listen`], e.g. when the port is taken.
    pub fn listen(self) -> Result<TcpListener, BindError> {
        let listening = match self.host {
            Some(host) => listen_on(SocketAddr::new(host, self.port)),
            None => match listen_on(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), self.port)) {
                // A machine without IPv6 refuses the socket or the address.
                Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                    listen_on(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), self.port))
                }
                result => result,
            },
        };
        listening.map_err(|source| BindError::Listen {
            address: self,
            source,
        })
    }

    /// The port, 0 for any.
    #[must_use]
    pub fn port(self) -> u16 {
        self.port
    }

    /// The one address to listen on; `None` for all interfaces of both families.
    #[must_use]
    pub fn host(self) -> Option<IpAddr> {
        self.host
    }

    /// All interfaces, or only one.
    #[must_use]
    pub fn new(host: Option<IpAddr>, port: u16) -> Self {
        Self { host, port }
    }
}

impl fmt::Display for BindAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host {
            Some(host) => SocketAddr::new(host, self.port).fmt(f),
            None => write!(f, ":{}", self.port),
        }
    }
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    if address.ip() == Ipv6Addr::UNSPECIFIED {
        // The default is a sysctl (net.ipv6.bindv6only); "all interfaces" must not depend on it.
        rustix::net::sockopt::set_ipv6_v6only(&socket, false)?;
    }
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_in_go() {
        let table = [
            (":8443", ":8443"),
            ("0.0.0.0:8080", "0.0.0.0:8080"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("[::1]:9443", "[::1]:9443"),
            ("[::]:9443", "[::]:9443"),
            ("localhost:8081", "127.0.0.1:8081"),
        ];
        for (text, want) in table {
            let address = parse_bind_address(text).unwrap().unwrap();
            assert_eq!(address.to_string(), want, "{text}");
        }
        assert_eq!(parse_bind_address("0").unwrap(), None);
        assert_eq!(parse_bind_address("").unwrap(), None);
    }

    #[test]
    fn refusals_name_the_problem() {
        let table = [
            ("8443", "the port is missing"),
            (":https", "the port is not a number"),
            (":70000", "the port is not a number"),
            ("::1:80", "the host is not an IP address"),
            ("example.org:80", "the host is not an IP address"),
            ("[10.0.0.1]:80", "the host is not an IP address"),
        ];
        for (text, want) in table {
            let error = parse_bind_address(text).unwrap_err().to_string();
            assert!(error.contains(want) && error.contains(text), "{text}: {error}");
        }
    }

    #[tokio::test]
    async fn all_interfaces_means_both_families() {
        let listener = parse_bind_address(":0").unwrap().unwrap().listen().unwrap();
        let local = listener.local_addr().unwrap();
        tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, local.port()))
            .await
            .unwrap();
        if local.is_ipv6() {
            tokio::net::TcpStream::connect((Ipv6Addr::LOCALHOST, local.port()))
                .await
                .unwrap();
        }
    }

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let first = parse_bind_address("127.0.0.1:0")
            .unwrap()
            .unwrap()
            .listen()
            .unwrap();
        let text = first.local_addr().unwrap().to_string();
        let error = parse_bind_address(&text).unwrap().unwrap().listen().unwrap_err();
        assert_eq!(error.to_string(), format!("cannot listen on {text}"));
    }
}
