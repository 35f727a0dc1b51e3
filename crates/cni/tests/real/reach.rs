//! Whether one namespace reaches another: by TCP and by ping.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, ipproto, recv, sendto, socket};
use testkit::netns::Netns;

/// How long a network may take to come up: neighbour discovery, a bridge port that learns.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(1);

/// Between two attempts, for those that fail at once.
const POLL: Duration = Duration::from_millis(10);

/// Sends bytes over TCP from one namespace to an address in another, and gets them back.
pub(crate) fn tcp(from: &Netns, to: &Netns, address: IpAddr) {
    let listener = until(&format!("{address} can be listened on"), || {
        to.run(|| TcpListener::bind((address, 0)))
            .expect("the namespace is there")
            .map_err(|e| e.to_string())
    });
    let target: SocketAddr = listener.local_addr().expect("it is bound");
    let mut near = until(&format!("{target} answers"), || {
        let connect = || TcpStream::connect_timeout(&target, ATTEMPT);
        from.run(connect)
            .expect("the namespace is there")
            .map_err(|e| e.to_string())
    });
    let (mut far, _) = listener.accept().expect("the connection is made");
    let mut buffer = [0; 5];
    near.write_all(b"hello").expect("sent");
    far.read_exact(&mut buffer).expect("received");
    far.write_all(&buffer).expect("sent back");
    near.read_exact(&mut buffer).expect("received back");
    assert_eq!(&buffer, b"hello");
}

/// Sends an ICMP echo request from a namespace and waits for the reply, as ping does.
pub(crate) fn ping(from: &Netns, address: IpAddr) {
    until(&format!("{address} answers pings"), || {
        from.run(|| echo(address)).expect("the namespace is there")
    });
}

fn echo(address: IpAddr) -> Result<(), String> {
    // Ping sockets are forbidden in a new namespace until it says which groups may use them.
    std::fs::write("/proc/sys/net/ipv4/ping_group_range", "0 0").map_err(|e| e.to_string())?;
    let (family, protocol, request, reply) = match address {
        IpAddr::V4(_) => (AddressFamily::INET, ipproto::ICMP, 8, 0),
        IpAddr::V6(_) => (AddressFamily::INET6, ipproto::ICMPV6, 128, 129),
    };
    let attempt = || -> rustix::io::Result<u8> {
        let socket = socket(family, SocketType::DGRAM, Some(protocol))?;
        set_socket_timeout(&socket, Timeout::Recv, Some(ATTEMPT))?;
        // Type, code, checksum and identifier (both filled in by the kernel), sequence number, payload (RFC 792).
        let message = [request, 0, 0, 0, 0, 0, 0, 1, b'h', b'i'];
        sendto(
            &socket,
            &message,
            SendFlags::empty(),
            &SocketAddr::new(address, 0),
        )?;
        let mut buffer = [0_u8; 64];
        recv(&socket, &mut buffer[..], RecvFlags::empty())?;
        Ok(buffer[0])
    };
    match attempt() {
        Ok(kind) if kind == reply => Ok(()),
        Ok(kind) => Err(format!("ICMP message of type {kind}")),
        Err(error) => Err(error.to_string()),
    }
}

/// Tries until it works; the attempts themselves wait.
fn until<T>(what: &str, mut attempt: impl FnMut() -> Result<T, String>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(reason) => assert!(
                Instant::now() < end,
                "after {PATIENCE:?} still not: {what}; {reason}"
            ),
        }
        std::thread::sleep(POLL);
    }
}
