use std::fmt;
use std::net::IpAddr;

/// An address and a prefix length as written: host bits are kept, for messages and routes show them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    /// The address; an IPv4-mapped one is IPv4.
    pub address: IpAddr,
    /// The length as written, 0 to 32 or 128; for an IPv4-mapped address it counts 128 bits.
    pub length: u8,
    /// Written as an IPv4-mapped IPv6 address.
    pub mapped: bool,
}

impl Cidr {
    /// Bits of an address in the notation used: 32 or 128.
    #[must_use]
    pub const fn bits(&self) -> u8 {
        match self.address {
            IpAddr::V4(_) if !self.mapped => 32,
            _ => 128,
        }
    }
}

/// `address/length`, with the IPv4 length of an IPv4-mapped address.
impl fmt::Display for Cidr {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = if self.mapped {
            self.length.saturating_sub(96)
        } else {
            self.length
        };
        write!(out, "{}/{length}", self.address)
    }
}

/// One address (spec §4.1): no zone, no leading zeros; an IPv4-mapped one is IPv4.
#[must_use]
pub fn parse_ip(text: &str) -> Option<IpAddr> {
    plain(text).map(|address| address.to_canonical())
}

/// `address/length` (spec §4.1); leading zeros in the length are accepted, a sign is not.
#[must_use]
pub fn parse_cidr(text: &str) -> Option<Cidr> {
    let (address, length) = text.split_once('/')?;
    let written = plain(address)?;
    let address = written.to_canonical();
    if length.is_empty() || !length.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let cidr = Cidr {
        address,
        length: length.parse().ok()?,
        mapped: address.is_ipv4() != written.is_ipv4(),
    };
    (cidr.length <= cidr.bits()).then_some(cidr)
}

fn plain(text: &str) -> Option<IpAddr> {
    // `parse_address` would drop a zone; here it is malformed.
    if text.contains('%') {
        return None;
    }
    addr::parse_address(text).ok()
}
