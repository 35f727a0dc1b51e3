//! A connection to the API server: TCP, through a proxy if one is named, TLS if the server's address says so.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};

use super::{
    access::{Access, Proxy},
    base64,
    failure::Failure,
    http,
    resolve::resolve,
    url::{Host, Scheme, Url},
};
use crate::deadline::Deadline;

/// One address may take this long to accept, so that the next one, or another try, still has time.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// A connection that can be read and written until its deadline.
pub(super) trait Connection: Read + Write {}

impl<T: Read + Write> Connection for T {}

/// What TLS needs; `None` for a server with an http address.
pub(super) type Tls = Option<(Arc<ClientConfig>, ServerName<'static>)>;

/// Opens a connection to the server of `access`.
pub(super) fn connect(
    access: &Access,
    tls: &Tls,
    deadline: Deadline,
) -> Result<Box<dyn Connection>, Failure> {
    debug_assert_eq!(tls.is_some(), access.server.scheme == Scheme::Https);
    let mut stream = match &access.proxy {
        None => open(&access.server, deadline)?,
        Some(proxy) => open(&proxy.url, deadline)?,
    };
    if let Some(proxy) = &access.proxy {
        tunnel(&mut stream, proxy, &access.server)?;
    }
    let Some((config, name)) = tls else {
        return Ok(Box::new(stream));
    };
    let session = ClientConnection::new(Arc::clone(config), name.clone())
        .map_err(|error| Failure::Permanent(format!("{}: {error}", access.server)))?;
    let mut encrypted = StreamOwned::new(session, stream);
    // The handshake by itself, so that its errors are told from those of the request.
    while encrypted.conn.is_handshaking() {
        encrypted
            .conn
            .complete_io(&mut encrypted.sock)
            .map_err(|error| Failure::from_io(&access.server, &error))?;
    }
    Ok(Box::new(encrypted))
}

/// Tries all addresses of the host, one after the other.
fn open(url: &Url, deadline: Deadline) -> Result<LimitedStream, Failure> {
    let addresses = match &url.host {
        Host::Address(address) => vec![*address],
        Host::Name(name) => resolve(name, deadline).map_err(|error| Failure::from_io(url, &error))?,
    };
    let mut failure = None;
    for address in addresses {
        match open_address(address, url.port, deadline) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = Some((address, error)),
        }
    }
    Err(match failure {
        Some((address, error)) if matches!(url.host, Host::Name(_)) => {
            Failure::from_io(format_args!("{url} ({address})"), &error)
        }
        Some((_, error)) => Failure::from_io(url, &error),
        None => Failure::Transient(format!("{url}: the name has no address")),
    })
}

fn open_address(address: IpAddr, port: u16, deadline: Deadline) -> io::Result<LimitedStream> {
    let limit = deadline.left_or_timeout()?.min(CONNECT_LIMIT);
    let stream = TcpStream::connect_timeout(&SocketAddr::new(address, port), limit)?;
    // Without it the second small write of a request waits for a delayed acknowledgement, 40 ms.
    stream.set_nodelay(true)?;
    Ok(LimitedStream { stream, deadline })
}

/// Asks the proxy for a tunnel to `server` (RFC 9110 §9.3.6).
fn tunnel(stream: &mut LimitedStream, proxy: &Proxy, server: &Url) -> Result<(), Failure> {
    let authority = server.authority();
    let mut head = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
    if let Some(login) = &proxy.login {
        let credentials = base64::encode(format!("{}:{}", login.name, login.password.reveal()).as_bytes());
        head.push_str(&format!("Proxy-Authorization: Basic {credentials}\r\n"));
    }
    head.push_str("\r\n");
    let broken = |error: io::Error| Failure::from_io(format_args!("proxy {}", proxy.url), &error);
    stream.write_all(head.as_bytes()).map_err(broken)?;
    // Byte by byte, because everything after the head belongs to the tunnel. It happens once, and is short.
    let head = http::read_head_exactly(stream).map_err(broken)?;
    if (200..300).contains(&head.status) {
        return Ok(());
    }
    let text = format!(
        "proxy {} answered {} to CONNECT {authority}",
        proxy.url, head.status
    );
    Err(if head.status >= 500 {
        Failure::Transient(text)
    } else {
        Failure::Permanent(text)
    })
}

/// A TCP stream on which no single wait goes past the deadline.
struct LimitedStream {
    stream: TcpStream,
    deadline: Deadline,
}

impl LimitedStream {
    /// A socket's time-out shows as `WouldBlock`, and does not say how long it was.
    fn timed_out(&self, error: io::Error) -> io::Error {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => self.deadline.ran_out(),
            _ => error,
        }
    }
}

impl Read for LimitedStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream
            .set_read_timeout(Some(self.deadline.left_or_timeout()?))?;
        self.stream.read(buffer).map_err(|error| self.timed_out(error))
    }
}

impl Write for LimitedStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream
            .set_write_timeout(Some(self.deadline.left_or_timeout()?))?;
        self.stream.write(bytes).map_err(|error| self.timed_out(error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
