use std::fmt;
use std::net::IpAddr;

use addr::{AddrRange, AddrSet, Prefix};

use super::address::Cidr;
use super::fields;
use super::options::Options;
use crate::error::Error;
use crate::json::{Json, Object};

/// A part of a subnet to hand out addresses from, checked (spec §4.2). Displayed as `first-last`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The network; its length goes into results.
    pub subnet: Prefix,
    /// From rangeStart to rangeEnd.
    pub addresses: AddrRange,
    /// What results name as gateway; never handed out. It may lie outside the subnet or be of the other family.
    /// `None` only with `"gateway": "none"` \[E\] or a subnet of one address.
    pub gateway: Option<IpAddr>,
    /// Never handed out either, unless asked for \[E\].
    pub excluded: AddrSet,
}

/// A range as written: every text in it is well-formed, nothing is checked against anything else.
#[derive(Debug)]
pub(super) struct Written {
    /// Where it is written.
    path: String,
    pub(super) subnet: Option<Cidr>,
    start: Option<IpAddr>,
    end: Option<IpAddr>,
    gateway: Gateway,
    excluded: AddrSet,
}

#[derive(Debug)]
enum Gateway {
    Default,
    None,
    At(IpAddr),
}

impl Written {
    /// # Errors
    /// Code 999: a member of the wrong kind, or a malformed address.
    pub(super) fn read(of: &Object, path: &str) -> Result<Self, Error> {
        let subnet = match fields::text(of, path, "subnet")? {
            None => None,
            Some(text) => {
                let refused = || fields::invalid_cidr(&fields::member(path, "subnet"), text);
                Some(super::parse_cidr(text).ok_or_else(refused)?)
            }
        };
        let gateway = match fields::text(of, path, "gateway")? {
            Some("none") => Gateway::None,
            _ => fields::ip(of, path, "gateway")?.map_or(Gateway::Default, Gateway::At),
        };
        Ok(Self {
            path: path.to_owned(),
            subnet,
            start: fields::ip(of, path, "rangeStart")?,
            end: fields::ip(of, path, "rangeEnd")?,
            gateway,
            excluded: excluded(of, path)?,
        })
    }

    /// Checks and completes the range; the error is the bare text of spec §4.2.
    pub(super) fn check(self, options: &Options) -> Result<Range, String> {
        let missing = || format!("{}.subnet is missing; write one, such as 10.0.0.0/24", self.path);
        let cidr = self.subnet.ok_or_else(missing)?;
        if cidr.length + 2 > cidr.bits() && (cidr.mapped || !options.allow_small) {
            return Err(format!("Network {cidr} too small to allocate from"));
        }
        if cidr.mapped {
            return Err("IPNet IP and Mask version mismatch".to_owned());
        }
        let subnet = Prefix::new_masked(cidr.address, cidr.length).map_err(|e| e.to_string())?;
        if subnet.base() != cidr.address {
            return Err(format!(
                "Network has host bits set. For a subnet mask of length {} the network address is {}",
                subnet.length(),
                subnet.base()
            ));
        }
        Ok(Range {
            subnet,
            addresses: bounds(subnet, self.start, self.end)?,
            gateway: match self.gateway {
                Gateway::Default => second(subnet),
                Gateway::None => None,
                Gateway::At(address) => Some(address),
            },
            excluded: self.excluded,
        })
    }
}

impl Range {
    /// Whether an address may be handed out without being asked for: not the gateway, not excluded.
    #[must_use]
    pub fn offers(&self, address: IpAddr) -> bool {
        self.addresses.contains(address) && self.gateway != Some(address) && !self.excluded.contains(address)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.addresses, out)
    }
}

/// rangeStart to rangeEnd, or what they are by default.
fn bounds(subnet: Prefix, start: Option<IpAddr>, end: Option<IpAddr>) -> Result<AddrRange, String> {
    let (low, high) = default_bounds(subnet);
    if let Some(start) = start
        && (!subnet.contains(start) || end.is_some_and(|end| start > end))
    {
        return Err(format!("RangeStart {start} not in network {subnet}"));
    }
    let first = start.unwrap_or(low);
    // A start beyond the default end is the broadcast address: asked for, so it is handed out.
    let last = end.unwrap_or(high.max(first));
    if !subnet.contains(last) {
        return Err(format!("RangeEnd {last} not in network {subnet}"));
    }
    AddrRange::new(first, last).map_err(|_| format!("RangeEnd {last} not in network {subnet}"))
}

/// Without network address, and for IPv4 without broadcast address; all of a subnet of one or two addresses.
fn default_bounds(subnet: Prefix) -> (IpAddr, IpAddr) {
    let all = subnet.range();
    if subnet.family().bits() - subnet.length() < 2 {
        return (all.first(), all.last());
    }
    let mut inner = AddrSet::from(all);
    inner.remove(AddrRange::single(all.first()));
    if subnet.family() == addr::Family::V4 {
        inner.remove(AddrRange::single(all.last()));
    }
    (
        inner.first().unwrap_or(all.first()),
        inner.last().unwrap_or(all.last()),
    )
}

/// Network address + 1: the gateway when none is named. A subnet of one address has none.
fn second(subnet: Prefix) -> Option<IpAddr> {
    let mut rest = AddrSet::from(subnet.range());
    rest.take_first();
    rest.first()
}

/// `exclude` \[E\]: addresses, ranges and prefixes that are not handed out.
fn excluded(of: &Object, path: &str) -> Result<AddrSet, Error> {
    let items = fields::list(of, path, "exclude")?.unwrap_or_default();
    let read = |(i, item): (usize, &Json)| {
        let path = format!("{path}.exclude[{i}]");
        let wrong = || fields::wrong_kind(&path, "an address, a range or a CIDR", item);
        let entry = item.as_str().ok_or_else(wrong)?.parse::<addr::Entry>();
        entry
            .map(|entry| entry.range())
            .map_err(|e| Error::allocator(format!("{path}: {e}")))
    };
    items.iter().enumerate().map(read).collect()
}
