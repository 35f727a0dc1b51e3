//! DNS messages (RFC 1035 §4): one question, and the addresses in an answer. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The two kinds of records wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Record {
    A = 1,
    Aaaa = 28,
}

const HEADER: usize = 12;
const CLASS_IN: u16 = 1;

/// What one message says about the question.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// Addresses of the wanted kind; empty when the name exists without one, or does not exist.
    Addresses(Vec<IpAddr>),
    /// The answer did not fit; ask again over TCP.
    Truncated,
    /// The server could not or would not answer (RFC 1035 `RCODE`).
    Refused(u8),
    /// Not an answer to this question, or malformed: wait for the right one.
    Foreign,
}

/// The question for `record` of `name`; `None` when the name cannot be one.
pub(super) fn question(id: u16, name: &str, record: Record) -> Option<Vec<u8>> {
    const RECURSION_DESIRED: u16 = 0x0100;
    let mut message = Vec::with_capacity(HEADER + name.len() + 6);
    for field in [id, RECURSION_DESIRED, 1, 0, 0, 0] {
        message.extend(field.to_be_bytes());
    }
    if name.is_empty() || name.len() > 253 {
        return None;
    }
    for label in name.split('.') {
        let length = u8::try_from(label.len())
            .ok()
            .filter(|length| (1..=63).contains(length))?;
        message.push(length);
        message.extend(label.as_bytes());
    }
    message.push(0);
    message.extend((record as u16).to_be_bytes());
    message.extend(CLASS_IN.to_be_bytes());
    Some(message)
}

/// Reads `message` as the reply to `question`.
pub(super) fn reply(message: &[u8], question: &[u8], record: Record) -> Reply {
    parse(message, question, record).unwrap_or(Reply::Foreign)
}

fn parse(message: &[u8], question: &[u8], record: Record) -> Option<Reply> {
    let asked = question.get(HEADER..)?;
    let echoed = message.get(HEADER..HEADER + asked.len())?;
    let flags = word(message, 2)?;
    let is_reply = flags & 0x8000 != 0;
    if word(message, 0)? != word(question, 0)? || !is_reply || !echoed.eq_ignore_ascii_case(asked) {
        return None;
    }
    const NAME_ERROR: u8 = 3;
    match (flags & 0x000f) as u8 {
        _ if flags & 0x0200 != 0 => return Some(Reply::Truncated),
        0 => {}
        NAME_ERROR => return Some(Reply::Addresses(Vec::new())),
        code => return Some(Reply::Refused(code)),
    }
    let mut addresses = Vec::new();
    let mut at = HEADER + asked.len();
    for _ in 0..word(message, 6)? {
        at = after_name(message, at)?;
        let (kind, class, length) = (word(message, at)?, word(message, at + 2)?, word(message, at + 8)?);
        let data = message.get(at + 10..at + 10 + usize::from(length))?;
        at += 10 + data.len();
        if kind == record as u16 && class == CLASS_IN {
            addresses.push(address(data)?);
        }
    }
    Some(Reply::Addresses(addresses))
}

fn address(data: &[u8]) -> Option<IpAddr> {
    if let Ok(octets) = <[u8; 4]>::try_from(data) {
        return Some(IpAddr::V4(Ipv4Addr::from(octets)));
    }
    <[u8; 16]>::try_from(data)
        .ok()
        .map(|octets| IpAddr::V6(Ipv6Addr::from(octets)))
}

fn word(message: &[u8], at: usize) -> Option<u16> {
    let bytes = message.get(at..at + 2)?;
    Some(u16::from_be_bytes(bytes.try_into().ok()?))
}

/// Where the name that starts at `at` ends. Compression pointers end a name (RFC 1035 §4.1.4), so none is
/// followed.
fn after_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            length if length >= 0xc0 => return Some(at + 2),
            length => at += 1 + usize::from(length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Record, Reply, question, reply};

    fn answer(question: &[u8], flags: u16, records: &[(&[u8], u16, &[u8])]) -> Vec<u8> {
        let mut message = question.to_vec();
        message[2..4].copy_from_slice(&flags.to_be_bytes());
        message[6..8].copy_from_slice(&u16::try_from(records.len()).unwrap().to_be_bytes());
        for (name, kind, data) in records {
            message.extend(*name);
            message.extend(kind.to_be_bytes());
            message.extend([0, 1, 0, 0, 0, 60]);
            message.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
            message.extend(*data);
        }
        message
    }

    #[test]
    fn addresses_behind_an_alias_are_found() {
        let question = question(7, "api.example", Record::A).unwrap();
        let alias: (&[u8], u16, &[u8]) = (&[0xc0, 12], 5, &[1, b'b', 0xc0, 16]);
        let message = answer(
            &question,
            0x8180,
            &[alias, (&[1, b'b', 0xc0, 16], 1, &[192, 0, 2, 1])],
        );
        assert_eq!(
            reply(&message, &question, Record::A),
            Reply::Addresses(vec!["192.0.2.1".parse().unwrap()])
        );
    }

    #[test]
    fn other_answers_are_told_apart() {
        let question = question(7, "api.example", Record::Aaaa).unwrap();
        let flags = |flags| reply(&answer(&question, flags, &[]), &question, Record::Aaaa);
        assert_eq!(flags(0x8180), Reply::Addresses(vec![]));
        assert_eq!(flags(0x8183), Reply::Addresses(vec![]));
        assert_eq!(flags(0x8182), Reply::Refused(2));
        assert_eq!(flags(0x8380), Reply::Truncated);
        assert_eq!(flags(0x0100), Reply::Foreign);
        let other = super::question(8, "api.example", Record::Aaaa).unwrap();
        assert_eq!(
            reply(&answer(&other, 0x8180, &[]), &question, Record::Aaaa),
            Reply::Foreign
        );
    }

    #[test]
    fn a_name_that_cannot_be_asked_for_is_refused() {
        for name in ["", "a..b", ".a", &"a".repeat(64), &"a.".repeat(130)] {
            assert_eq!(question(1, name, Record::A), None, "{name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let question = question(7, "a", Record::A).unwrap();
            let mut message = question.clone();
            message[2] = 0x81;
            message[7] = 9;
            message.extend(bytes);
            reply(&message, &question, Record::A);
        }
    }
}
