//! Chassis and port ids, and addresses as text.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// An Ethernet address. Written in upper case with colons, as nmstate does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// Exactly six bytes.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hexadecimal(&self.0))
    }
}

/// A chassis or port id: its kind as sent, and the text nmstate shows for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier {
    /// Subtype, 802.1AB tables 8-2 (chassis) and 8-3 (port). Everything above 7 is reserved.
    pub kind: u8,
    /// Addresses in their usual form, everything else as text without control characters.
    pub text: String,
}

impl Identifier {
    /// Value of TLV 1. `None` without at least one byte of id, or with more than 255.
    pub(super) fn chassis(value: &[u8]) -> Option<Self> {
        Self::read(value, |kind| match kind {
            4 => Form::Mac,
            5 => Form::Network,
            1..=3 | 6 | 7 => Form::Text,
            _ => Form::Unknown,
        })
    }

    /// Value of TLV 2, likewise.
    pub(super) fn port(value: &[u8]) -> Option<Self> {
        Self::read(value, |kind| match kind {
            3 => Form::Mac,
            4 => Form::Network,
            1 | 2 | 5..=7 => Form::Text,
            _ => Form::Unknown,
        })
    }

    fn read(value: &[u8], form: impl Fn(u8) -> Form) -> Option<Self> {
        let (&kind, id) = value.split_first()?;
        if id.is_empty() || id.len() > 255 {
            return None;
        }
        let shown = match form(kind) {
            Form::Text => text(id),
            Form::Network => network(id).unwrap_or_else(|| hexadecimal(id)),
            Form::Mac | Form::Unknown => hexadecimal(id),
        };
        Some(Self { kind, text: shown })
    }
}

enum Form {
    Text,
    Mac,
    Network,
    Unknown,
}

/// An address family number of IANA and the address.
fn network(id: &[u8]) -> Option<String> {
    let (&family, address) = id.split_first()?;
    match family {
        1 => <[u8; 4]>::try_from(address)
            .ok()
            .map(|octets| Ipv4Addr::from(octets).to_string()),
        2 => <[u8; 16]>::try_from(address)
            .ok()
            .map(|octets| Ipv6Addr::from(octets).to_string()),
        _ => None,
    }
}

/// `52:54:00:12:34:56`, any number of bytes.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

/// Text of a switch: the zeros some put at the end are left out, bytes that are no UTF-8 and control characters other
/// than tab and line break become U+FFFD, because this ends up in terminals.
pub(super) fn text(bytes: &[u8]) -> String {
    let end = bytes
        .iter()
        .rposition(|&byte| byte != 0)
        .map_or(0, |last| last + 1);
    let bytes = bytes.get(..end).unwrap_or_default();
    let plain = |c: char| match c {
        '\n' | '\t' => c,
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    String::from_utf8_lossy(bytes)
        .replace("\r\n", "\n")
        .chars()
        .map(plain)
        .collect()
}
