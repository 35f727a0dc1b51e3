//! The grammar of spec §5 once more, written as naively as possible and without the standard parser.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether the text is an entry.
pub(crate) fn is_entry(text: &str) -> bool {
    if text.contains(char::is_whitespace) {
        return false;
    }
    if let Some(dash) = text.find('-') {
        return match (
            address_with_zone(&text[..dash]),
            address_with_zone(&text[dash + 1..]),
        ) {
            (Some(first), Some(last)) => first.is_ipv4() == last.is_ipv4() && first <= last,
            _ => false,
        };
    }
    let Some(slash) = text.rfind('/') else {
        return address_with_zone(text).is_some();
    };
    let longest = match address(&text[..slash]) {
        Some(IpAddr::V4(_)) => 32,
        Some(IpAddr::V6(_)) => 128,
        None => return false,
    };
    (0..=longest).any(|length: u8| length.to_string() == text[slash + 1..])
}

/// A plain address; a zone is dropped.
pub(crate) fn address_with_zone(text: &str) -> Option<IpAddr> {
    match text.find('%') {
        None => address(text),
        Some(_) if text.ends_with('%') && text.matches('%').count() == 1 => None,
        Some(_) if text.contains(char::is_whitespace) => None,
        Some(at) => address(&text[..at]).filter(IpAddr::is_ipv6),
    }
}

fn address(text: &str) -> Option<IpAddr> {
    v4(text).map(IpAddr::V4).or_else(|| v6(text).map(IpAddr::V6))
}

fn v4(text: &str) -> Option<Ipv4Addr> {
    let octets: Option<Vec<u8>> = text
        .split('.')
        .map(|octet| (0..=255_u8).find(|n| n.to_string() == octet))
        .collect();
    <[u8; 4]>::try_from(octets?).ok().map(Ipv4Addr::from)
}

fn v6(text: &str) -> Option<Ipv6Addr> {
    let groups = match text.split_once("::") {
        None => groups(text, true)?,
        Some((before, after)) => {
            let (mut head, tail) = (groups(before, false)?, groups(after, true)?);
            let zeros = 8_usize
                .checked_sub(head.len() + tail.len())
                .filter(|&zeros| zeros > 0)?;
            head.extend(vec![0; zeros]);
            head.extend(tail);
            head
        }
    };
    <[u16; 8]>::try_from(groups).ok().map(Ipv6Addr::from)
}

/// Groups between single colons; a dotted quad may stand last in the address.
fn groups(text: &str, at_the_end: bool) -> Option<Vec<u16>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let parts: Vec<&str> = text.split(':').collect();
    let mut groups = Vec::new();
    for (i, part) in parts.iter().enumerate() {
        let last = at_the_end && i + 1 == parts.len();
        if let Some(quad) = v4(part).filter(|_| last) {
            let [a, b, c, d] = quad.octets();
            groups.extend([u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]);
        } else if (1..=4).contains(&part.len()) && part.chars().all(|c| c.is_ascii_hexdigit()) {
            groups.push(u16::from_str_radix(part, 16).ok()?);
        } else {
            return None;
        }
    }
    Some(groups)
}
