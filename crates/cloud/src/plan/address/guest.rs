use std::net::{IpAddr, Ipv6Addr};

use super::interfaces::Choice;
use super::unmapped;
use crate::plan::facts::{GuestInterface, Mac};
use crate::plan::settings::{NetworkSettings, NicMatch};
use crate::plan::verdict::Verdict;

/// An address of a guest that may be published, as far as the guest's side is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestAddress {
    /// The address, never IPv4-mapped.
    pub ip: IpAddr,
    /// The interface it is on.
    pub interface: Box<str>,
}

/// The addresses of a guest that count, in the order reported, and why the others do not (§5.3).
#[must_use]
pub fn usable(
    interfaces: &[GuestInterface],
    macs: &[Mac],
    rules: &NetworkSettings,
) -> (Vec<GuestAddress>, Vec<Verdict>) {
    let macs = (rules.nic_match == NicMatch::Mac).then_some(macs);
    let choice = Choice::new(&rules.interfaces, macs, interfaces);
    let (mut found, mut verdicts) = (Vec::new(), Vec::new());
    for interface in interfaces {
        if let Some(refusal) = choice.refusal(interface) {
            verdicts.push(Verdict::new("guest interface", &interface.name, refusal));
            continue;
        }
        for text in &interface.addresses {
            match judge(text, rules) {
                Ok(ip) => found.push(GuestAddress {
                    ip,
                    interface: interface.name.clone(),
                }),
                Err(why) => verdicts.push(Verdict::new(
                    "guest address",
                    format_args!("{} {text}", interface.name),
                    format_args!("skipped: {why}"),
                )),
            }
        }
    }
    (found, verdicts)
}

/// The address in a text, or why it is not for a Node. The order of the checks is that of §5.3.
fn judge(text: &str, rules: &NetworkSettings) -> Result<IpAddr, &'static str> {
    let address = unmapped(text.parse().map_err(|_| "no IP address")?);
    if address.is_loopback() {
        return Err("loopback");
    }
    if address.is_unspecified() {
        return Err("unspecified");
    }
    if address.is_multicast() {
        return Err("multicast");
    }
    match address {
        IpAddr::V4(v4) if v4.is_broadcast() => Err("broadcast"),
        IpAddr::V4(v4) if v4.is_link_local() && !rules.keep_ipv4_link_local => Err("IPv4 link-local"),
        IpAddr::V6(_) if rules.ipv6_disabled => Err("ipv6_support_disabled"),
        IpAddr::V6(v6) if is_unique_local(v6) && !rules.keep_ula => {
            Err("unique-local (ipv6_ula: keep publishes it)")
        }
        IpAddr::V6(v6) if is_link_local(v6) => Err("IPv6 link-local"),
        IpAddr::V4(_) | IpAddr::V6(_) => Ok(address),
    }
}

/// `fc00::/7`.
pub(in crate::plan) fn is_unique_local(address: Ipv6Addr) -> bool {
    address.to_bits() >> 121 == 0xfc >> 1
}

/// `fe80::/10`.
pub(in crate::plan) fn is_link_local(address: Ipv6Addr) -> bool {
    address.to_bits() >> 118 == 0xfe80 >> 6
}
