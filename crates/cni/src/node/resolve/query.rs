//! One name asked of one server: A and AAAA together over UDP, over TCP when an answer does not fit.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket},
    time::Duration,
};

use super::message::{Record, Reply, question, reply};
use crate::deadline::Deadline;

/// What a server said.
pub(super) enum Answer {
    Addresses(Vec<IpAddr>),
    None,
}

/// How long the second answer is waited for once the first has addresses: they are enough to connect.
const SECOND_ANSWER: Duration = Duration::from_millis(300);

/// One of the two questions, and what came of it.
struct Pending {
    record: Record,
    question: Vec<u8>,
    outcome: Option<io::Result<Vec<IpAddr>>>,
}

/// Asks `server` for the addresses of `name`. An answer to one of the two questions is enough, if there are addresses
/// in it.
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
    let silence = collect(&socket, server, &mut pending, deadline);
    let mut addresses = Vec::new();
    let mut failure = None;
    for one in pending {
        match one.outcome {
            Some(Ok(found)) => addresses.extend(found),
            Some(Err(error)) => failure = Some(error),
            None => {}
        }
    }
    match failure.or(silence.err()) {
        _ if !addresses.is_empty() => Ok(Answer::Addresses(addresses)),
        // With one question open, nobody knows that there is no address.
        Some(error) => Err(error),
        None => Ok(Answer::None),
    }
}

/// Waits for both outcomes, or for the end of the time.
fn collect(
    socket: &UdpSocket,
    server: SocketAddr,
    pending: &mut [Pending; 2],
    mut deadline: Deadline,
) -> io::Result<()> {
    let mut buffer = [0; 4096];
    while pending.iter().any(|one| one.outcome.is_none()) {
        socket.set_read_timeout(Some(deadline.left_or_timeout()?))?;
        let length = socket.recv(&mut buffer).map_err(timed_out)?;
        for one in pending.iter_mut().filter(|one| one.outcome.is_none()) {
            one.take(&buffer[..length], server, deadline);
        }
        if pending.iter().any(Pending::has_addresses) {
            deadline = deadline.at_most(SECOND_ANSWER);
        }
    }
    Ok(())
}

fn new_question(name: &str, record: Record) -> io::Result<Pending> {
    let mut id = [0; 2];
    rustix::rand::getrandom(&mut id, rustix::rand::GetRandomFlags::empty())?;
    let question = question(u16::from_be_bytes(id), name, record)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not a host name"))?;
    Ok(Pending {
        record,
        question,
        outcome: None,
    })
}

impl Pending {
    fn take(&mut self, message: &[u8], server: SocketAddr, deadline: Deadline) {
        match reply(message, &self.question, self.record) {
            Reply::Foreign => {}
            Reply::Addresses(addresses) => self.outcome = Some(Ok(addresses)),
            Reply::Refused(code) => self.outcome = Some(Err(refused(code))),
            Reply::Truncated => self.outcome = Some(self.over_tcp(server, deadline)),
        }
    }

    fn has_addresses(&self) -> bool {
        matches!(&self.outcome, Some(Ok(addresses)) if !addresses.is_empty())
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

#[cfg(test)]
mod tests {
    use std::{
        io::ErrorKind,
        net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
        thread,
        time::{Duration, Instant},
    };

    use super::{Answer, ask};
    use crate::deadline::Deadline;

    /// A server for two questions: it gives one address for A unless told otherwise, and `aaaa` to the other.
    fn server(a: Option<u8>, aaaa: Option<u8>) -> SocketAddr {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let address = socket.local_addr().unwrap();
        thread::spawn(move || {
            let mut buffer = [0; 512];
            for _ in 0..2 {
                let (length, client) = socket.recv_from(&mut buffer).unwrap();
                let mut reply = buffer[..length].to_vec();
                let is_a = reply[length - 3] == 1;
                let Some(code) = (if is_a { a } else { aaaa }) else {
                    continue;
                };
                (reply[2], reply[3]) = (0x81, 0x80 | code);
                if is_a && code == 0 {
                    reply[7] = 1;
                    reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
                }
                socket.send_to(&reply, client).unwrap();
            }
        });
        address
    }

    const SERVFAIL: u8 = 2;

    fn asked(a: Option<u8>, aaaa: Option<u8>, limit: Duration) -> Result<Vec<IpAddr>, ErrorKind> {
        match ask(server(a, aaaa), "api.example", Deadline::after(limit)) {
            Ok(Answer::Addresses(addresses)) => Ok(addresses),
            Ok(Answer::None) => Ok(Vec::new()),
            Err(error) => Err(error.kind()),
        }
    }

    #[test]
    fn one_answer_with_addresses_is_enough() {
        let found = Ok(vec![IpAddr::from([192, 0, 2, 1])]);
        let limit = Duration::from_secs(60);
        let start = Instant::now();
        assert_eq!(asked(Some(0), Some(0), limit), found);
        assert_eq!(asked(Some(0), Some(SERVFAIL), limit), found);
        assert_eq!(
            asked(Some(0), None, limit),
            found,
            "the second one is not waited for"
        );
        assert!(start.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn without_addresses_an_open_question_is_an_error() {
        let long = Duration::from_secs(60);
        assert_eq!(asked(Some(3), Some(3), long), Ok(vec![]));
        assert_eq!(asked(Some(3), Some(SERVFAIL), long), Err(ErrorKind::Other));
        assert_eq!(asked(Some(SERVFAIL), Some(0), long), Err(ErrorKind::Other));
        assert_eq!(
            asked(Some(3), None, Duration::from_millis(300)),
            Err(ErrorKind::TimedOut)
        );
    }
}
