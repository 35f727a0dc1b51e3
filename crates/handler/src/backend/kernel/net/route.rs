use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Same;

/// Protocol number of what the kernel adds and removes by itself (`RTPROT_KERNEL`).
pub(crate) const BY_KERNEL: u8 = 2;
/// Protocol number of what an administrator wrote (`RTPROT_STATIC`).
pub(crate) const BY_PEOPLE: u8 = 4;
/// `RT_TABLE_MAIN`.
pub(crate) const MAIN_TABLE: u32 = 254;
/// `RTN_UNICAST`.
pub(crate) const UNICAST: u8 = 1;

/// A network: an address and the length of its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Prefix {
    /// First address.
    pub address: IpAddr,
    /// 0..=32 or 0..=128.
    pub length: u8,
}

impl FromStr for Prefix {
    type Err = String;

    /// `192.0.2.0/24`; without a length it is one address.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
        let address: IpAddr = address
            .parse()
            .map_err(|_| format!("`{text}` is no address or prefix"))?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Ok(most), |length| {
            length
                .parse()
                .ok()
                .filter(|length| *length <= most)
                .ok_or_else(|| format!("the prefix length of `{text}` is not 0 to {most}"))
        })?;
        Ok(Self { address, length })
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

/// One way out of a route with several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hop {
    /// Name of the link.
    pub link: String,
    /// Next router.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
    /// Share, 1..=256.
    pub weight: u16,
    /// The router is taken to be on the link, whatever the addresses say.
    #[serde(default)]
    pub onlink: bool,
}

/// A route, with everything needed to put it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// Where to; `0.0.0.0/0` or `::/0` for the default route.
    pub destination: Prefix,
    /// Number of the table.
    pub table: u32,
    /// Priority of the kernel: the smaller wins.
    #[serde(default)]
    pub metric: u32,
    /// Type of service.
    #[serde(default)]
    pub tos: u8,
    /// `RTN_*`: 1 unicast, 6 blackhole, 7 unreachable, 8 prohibit.
    pub kind: u8,
    /// `RTPROT_*`: who wrote it.
    pub protocol: u8,
    /// `RT_SCOPE_*`.
    pub scope: u8,
    /// Name of the link it goes out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Next router.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
    /// The router is taken to be on the link, whatever the addresses say.
    #[serde(default)]
    pub onlink: bool,
    /// Source address of what we send over it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<IpAddr>,
    /// `RTAX_*` by number: 1 locks, 2 MTU, 7 congestion window, …
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<u16, u32>,
    /// Several ways out; then `link` and `gateway` are unset.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hops: Vec<Hop>,
    /// It has attributes we cannot write back (encapsulation, next-hop objects, an expiry), named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opaque: Option<String>,
}

impl Route {
    /// An empty unicast route of people in the main table.
    #[must_use]
    pub fn new(destination: Prefix) -> Self {
        Self {
            destination,
            table: MAIN_TABLE,
            metric: 0,
            tos: 0,
            kind: UNICAST,
            protocol: BY_PEOPLE,
            scope: 0,
            link: None,
            gateway: None,
            onlink: false,
            source: None,
            metrics: BTreeMap::new(),
            hops: Vec::new(),
            opaque: None,
        }
    }

    /// Whether it goes out of this link.
    #[must_use]
    pub fn uses(&self, link: &str) -> bool {
        self.link.as_deref() == Some(link) || self.hops.iter().any(|hop| hop.link == link)
    }

    /// Whether another route must be there first: one that makes its router reachable.
    #[must_use]
    pub fn needs_another(&self) -> bool {
        (self.gateway.is_some() && !self.onlink) || !self.hops.is_empty()
    }

    /// Whether the kernel keeps it by itself.
    #[must_use]
    pub fn is_automatic(&self) -> bool {
        self.protocol == BY_KERNEL
    }
}

impl Same for Route {
    fn same(&self, other: &Self) -> bool {
        self == other
    }
}

impl fmt::Display for Route {
    /// As `ip route` begins.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.destination)?;
        if let Some(gateway) = self.gateway {
            write!(f, " via {gateway}")?;
        }
        if let Some(link) = &self.link {
            write!(f, " dev {link}")?;
        }
        if self.table != MAIN_TABLE {
            write!(f, " table {}", self.table)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_read_with_and_without_a_length() {
        let read = |text: &str| text.parse::<Prefix>().map(|prefix| prefix.to_string());
        assert_eq!(read("192.0.2.0/24").unwrap(), "192.0.2.0/24");
        assert_eq!(read("192.0.2.1").unwrap(), "192.0.2.1/32");
        assert_eq!(read("::/0").unwrap(), "::/0");
        for wrong in ["192.0.2.0/33", "a", "192.0.2.0/", "::1/129"] {
            assert!(read(wrong).unwrap_err().contains(wrong), "{wrong}");
        }
    }
}
