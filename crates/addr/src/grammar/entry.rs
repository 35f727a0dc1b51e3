use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::ParseError;
use super::address::{check_blanks, hint, plain, without_zone};
use crate::values::{AddrRange, Family, Prefix, RangeError};

/// One entry of the address grammar (spec §5), kept as it was written, but for a zone, which is dropped.
///
/// The variants with two parts can only be made by parsing, so every entry is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Entry {
    /// A plain address.
    Address(IpAddr),
    /// `first-last`: one family, in order, both ends included.
    #[non_exhaustive]
    Range {
        /// The lower end.
        first: IpAddr,
        /// The upper end; may equal `first`.
        last: IpAddr,
    },
    /// `address/length`. Host bits may be set; the entry means the whole network all the same.
    #[non_exhaustive]
    Cidr {
        /// The address as written.
        address: IpAddr,
        /// Prefix length: at most 32 (IPv4) or 128 (IPv6).
        length: u8,
    },
}

impl Entry {
    /// The addresses the entry means; for a CIDR the whole network.
    #[must_use]
    pub fn range(&self) -> AddrRange {
        match *self {
            Self::Address(address) => AddrRange::single(address),
            Self::Range { first, last } => AddrRange::new(first, last).expect("checked while parsing"),
            Self::Cidr { address, length } => Prefix::masked(address, length).range(),
        }
    }

    /// The network of a CIDR entry, host bits cleared; `None` for an address or a range.
    #[must_use]
    pub fn prefix(&self) -> Option<Prefix> {
        match *self {
            Self::Cidr { address, length } => Some(Prefix::masked(address, length)),
            Self::Address(_) | Self::Range { .. } => None,
        }
    }

    /// The family of all addresses of the entry.
    #[must_use]
    pub const fn family(&self) -> Family {
        match *self {
            Self::Address(address) | Self::Range { first: address, .. } | Self::Cidr { address, .. } => {
                Family::of(address)
            }
        }
    }

    /// Whether this is a CIDR without host bits. An address or a range is never one, whatever it covers.
    #[must_use]
    pub fn is_network_aligned(&self) -> bool {
        matches!(*self, Self::Cidr { address, length } if Prefix::masked(address, length).base() == address)
    }
}

impl FromStr for Entry {
    type Err = ParseError;

    /// Decides by the first of these that fits: a `-` makes a range, a `/` a CIDR, anything else is an address.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        check_blanks(text)?;
        if let Some((first, last)) = text.split_once('-') {
            range(text, first, last)
        } else if let Some((address, length)) = text.rsplit_once('/') {
            cidr(text, address, length)
        } else {
            let refused = || ParseError::Address {
                value: text.into(),
                hint: hint(text),
            };
            plain(text).map(Self::Address).ok_or_else(refused)
        }
    }
}

fn range(text: &str, first: &str, last: &str) -> Result<Entry, ParseError> {
    let value = || text.into();
    let side = |side: &str| {
        plain(side).ok_or_else(|| ParseError::RangeSide {
            value: value(),
            side: side.into(),
        })
    };
    let (first, last) = (side(first)?, side(last)?);
    match AddrRange::new(first, last) {
        Ok(_) => Ok(Entry::Range { first, last }),
        Err(RangeError::MixedFamilies { .. }) => Err(ParseError::MixedFamilies { value: value() }),
        Err(RangeError::Reversed { .. }) => Err(ParseError::Reversed { value: value() }),
    }
}

fn cidr(text: &str, address: &str, length: &str) -> Result<Entry, ParseError> {
    let value = || text.into();
    if address.contains('%') {
        return Err(ParseError::CidrZone { value: value() });
    }
    let address = without_zone(address).ok_or_else(|| ParseError::CidrAddress {
        value: value(),
        address: address.into(),
    })?;
    let family = Family::of(address);
    match decimal(length).filter(|&length| length <= family.bits()) {
        Some(length) => Ok(Entry::Cidr { address, length }),
        None => Err(ParseError::CidrLength {
            value: value(),
            family,
        }),
    }
}

/// Digits alone, without a leading zero unless it is the only digit: `u8::from_str` would take `+24` and `024`.
fn decimal(text: &str) -> Option<u8> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

/// The canonical text: addresses as RFC 5952 has them, host bits of a CIDR kept. Parses back to the same entry.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Range { first, last } => write!(f, "{first}-{last}"),
            Self::Cidr { address, length } => write!(f, "{address}/{length}"),
        }
    }
}
