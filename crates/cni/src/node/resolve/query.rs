//! One name asked of one server: A and AAAA together over UDP, over TCP when an answer does not fit.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket},
    time::Duration,
};

use super::{
    super::deadline::Deadline,
    message::{Record, Reply, question, reply},
};

/// What a server said.
pub(super) enum Answer {
    Addresses(Vec<IpAddr>),
    None,
}

/// One of the two questions, and the addresses once they came.
struct Pending {
    record: Record,
    question: Vec<u8>,
    addresses: Option<Vec<IpAddr>>,
}

/// Asks `server` for the addresses of `name`.
///
/// # Errors
/// `TimedOut` when it does not answer in time, `Other` when it refuses.
pub(super) fn ask(server: SocketAddr, name: &str, deadline: Deadline) -> io::Result<Answer> {
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    // A connected socket takes packets from this server only, and hears when nobody listens there.
    socket.connect(server)?;
    let mut pending = [new_question(name, Record::A)?, new_question(name, Record::Aaaa)?];
    for one in &pending {
        socket.send(&one.question)?;
    }
    let mut buffer = [0; 4096];
    while pending.iter().any(|one| one.addresses.is_none()) {
        socket.set_read_timeout(Some(deadline.left_or_timeout()?))?;
        let length = socket.recv(&mut buffer).map_err(timed_out)?;
        for one in pending.iter_mut().filter(|one| one.addresses.is_none()) {
            one.take(&buffer[..length], server, deadline)?;
        }
    }
    let addresses: Vec<IpAddr> = pending
        .into_iter()
        .filter_map(|one| one.addresses)
        .flatten()
        .collect();
    Ok(if addresses.is_empty() {
        Answer::None
    } else {
        Answer::Addresses(addresses)
    })
}

fn new_question(name: &str, record: Record) -> io::Result<Pending> {
    let mut id = [0; 2];
    rustix::rand::getrandom(&mut id, rustix::rand::GetRandomFlags::empty())?;
    let question = question(u16::from_be_bytes(id), name, record)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not a host name"))?;
    Ok(Pending {
        record,
        question,
        addresses: None,
    })
}

impl Pending {
    fn take(&mut self, message: &[u8], server: SocketAddr, deadline: Deadline) -> io::Result<()> {
        match reply(message, &self.question, self.record) {
            Reply::Foreign => {}
            Reply::Addresses(addresses) => self.addresses = Some(addresses),
            Reply::Refused(code) => return Err(refused(code)),
            Reply::Truncated => self.addresses = Some(self.over_tcp(server, deadline)?),
        }
        Ok(())
    }

    /// RFC 1035 §4.2.2: the same messages with their length in front.
    fn over_tcp(&self, server: SocketAddr, deadline: Deadline) -> io::Result<Vec<IpAddr>> {
        let mut stream = TcpStream::connect_timeout(&server, deadline.left_or_timeout()?)?;
        stream.set_write_timeout(Some(deadline.left_or_timeout()?))?;
        let length = u16::try_from(self.question.len()).expect("a question has at most 271 bytes");
        stream.write_all(&[&length.to_be_bytes(), self.question.as_slice()].concat())?;
        stream.set_read_timeout(Some(deadline.left_or_timeout()?.min(Duration::from_secs(5))))?;
        let mut length = [0; 2];
        stream.read_exact(&mut length).map_err(timed_out)?;
        let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut message).map_err(timed_out)?;
        match reply(&message, &self.question, self.record) {
            Reply::Addresses(addresses) => Ok(addresses),
            Reply::Refused(code) => Err(refused(code)),
            Reply::Truncated | Reply::Foreign => Err(io::Error::other("an answer over TCP that is not one")),
        }
    }
}

fn refused(code: u8) -> io::Error {
    io::Error::other(format!("the server answered with error {code}"))
}

/// A read time-out of a socket shows as `WouldBlock`.
fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::Error::new(io::ErrorKind::TimedOut, "no answer"),
        _ => error,
    }
}
