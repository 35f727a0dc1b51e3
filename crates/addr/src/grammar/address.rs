use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::ParseError;

/// Parses one plain address (spec §5).
///
/// IPv4 is four decimal octets without leading zeros; IPv6 is RFC 4291 text in either case, also with a trailing
/// dotted quad. An IPv6 zone (`fe80::1%eth0`) is accepted and dropped. Nothing is trimmed.
/// Print the result with `Display` for the canonical text (IPv6: RFC 5952).
///
/// # Errors
/// [`ParseError`] with the text and what to write instead.
///
/// ```
/// assert_eq!(addr::parse_address("FE80::1%eth0")?.to_string(), "fe80::1");
/// # Ok::<(), addr::ParseError>(())
/// ```
pub fn parse_address(text: &str) -> Result<IpAddr, ParseError> {
    check_blanks(text)?;
    if text.contains('/') && !text.contains('%') {
        return refuse(text, "a network is not allowed here; remove the part from `/` on");
    }
    plain(text).ok_or(()).or_else(|()| refuse(text, hint(text)))
}

/// The address, or `None` when the text is none. A zone is dropped.
pub(super) fn plain(text: &str) -> Option<IpAddr> {
    match text.split_once('%') {
        None => without_zone(text),
        // RFC 4007: only IPv6 has zones. The zone's text is the system's business, but there must be one.
        Some((address, zone)) if !zone.is_empty() => Some(IpAddr::V6(address.parse::<Ipv6Addr>().ok()?)),
        Some(_) => None,
    }
}

/// The address, or `None` when the text is none or has a zone.
///
/// The standard parser is as strict as spec §5 asks: it trims nothing, and refuses leading zeros and zones.
pub(super) fn without_zone(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

/// Refuses what no entry may have, before anything else is looked at.
pub(super) fn check_blanks(text: &str) -> Result<(), ParseError> {
    if text.is_empty() {
        return Err(ParseError::Empty);
    }
    if text.contains(char::is_whitespace) {
        return Err(ParseError::Blank { value: text.into() });
    }
    Ok(())
}

fn refuse(text: &str, hint: &'static str) -> Result<IpAddr, ParseError> {
    Err(ParseError::Address {
        value: text.into(),
        hint,
    })
}

/// The remedy for the mistake that the text most looks like.
pub(super) fn hint(text: &str) -> &'static str {
    if text.contains(',') {
        "write one entry per list item, without commas"
    } else if text.ends_with('%') {
        "write a zone after `%` or remove the `%`"
    } else if text.contains('%') {
        "a zone (`%…`) needs an IPv6 address in front of it"
    } else if without_leading_zeros(text).parse::<Ipv4Addr>().is_ok() {
        "write the octets without leading zeros"
    } else if text.contains(':') {
        "an IPv6 address has eight groups of up to four hexadecimal digits, with at most one `::`"
    } else {
        "an IPv4 address has four numbers from 0 to 255, as in `10.0.0.5`"
    }
}

fn without_leading_zeros(text: &str) -> String {
    let octets = text.split('.').map(|octet| match octet.trim_start_matches('0') {
        "" if !octet.is_empty() => "0",
        rest => rest,
    });
    octets.collect::<Vec<_>>().join(".")
}
