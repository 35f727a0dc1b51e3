use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::Same;

/// `IFA_PROTO` of link-local addresses the kernel made (`include/uapi/linux/if_addr.h`).
const KERNEL_LINK_LOCAL: u8 = 3;

/// An address on a link, with everything needed to put it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    /// Name of the link.
    pub link: String,
    /// The address.
    pub address: IpAddr,
    /// Prefix length, 0..=128.
    pub length: u8,
    /// The far end of a point-to-point link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<IpAddr>,
    /// Broadcast address, IPv4 only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broadcast: Option<Ipv4Addr>,
    /// Label, IPv4 only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// `rt_scope_t`: 0 universe, 253 link, 254 host.
    #[serde(default)]
    pub scope: u8,
    /// The `IFA_F_*` flags people set: nodad, home, mngtmpaddr, noprefixroute, autojoin.
    #[serde(default)]
    pub flags: u32,
    /// Metric of the route to its prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<u32>,
    /// `IFA_PROTO`: who set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<u8>,
    /// How long it stays, from when it was read; none: for ever. Unit: seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid: Option<u32>,
    /// How long it is preferred, from when it was read; none: for ever. Unit: seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred: Option<u32>,
}

impl Address {
    /// A plain static address.
    #[must_use]
    pub fn new(link: &str, address: IpAddr, length: u8) -> Self {
        Self {
            link: link.to_owned(),
            address,
            length,
            peer: None,
            broadcast: None,
            label: None,
            scope: 0,
            flags: 0,
            metric: None,
            protocol: None,
            valid: None,
            preferred: None,
        }
    }

    /// Whether the kernel makes and unmakes it by itself: the link-local address of an IPv6 link. Kernels before 6.3
    /// do not say so; then it is known by being made from the hardware address.
    #[must_use]
    pub fn is_generated(&self, mac: &str) -> bool {
        let IpAddr::V6(address) = self.address else {
            return false;
        };
        let link_local = address.segments()[0] & 0xffc0 == 0xfe80;
        link_local && (self.protocol == Some(KERNEL_LINK_LOCAL) || Some(address) == eui64(mac))
    }
}

impl Same for Address {
    /// The kernel knows an address by link, address and prefix length.
    fn same(&self, other: &Self) -> bool {
        (&self.link, self.address, self.length) == (&other.link, other.address, other.length)
    }
}

/// The link-local address of a hardware address (RFC 4291, appendix A).
fn eui64(mac: &str) -> Option<Ipv6Addr> {
    let mut octets = [0_u8; 6];
    let mut parts = mac.split(':');
    for octet in &mut octets {
        *octet = u8::from_str_radix(parts.next()?, 16).ok()?;
    }
    let [a, b, c, d, e, f] = octets;
    let end = [a ^ 2, b, c, 0xff, 0xfe, d, e, f];
    let mut all = [0_u8; 16];
    all[..2].copy_from_slice(&[0xfe, 0x80]);
    all[8..].copy_from_slice(&end);
    parts.next().is_none().then(|| Ipv6Addr::from(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_makes_itself_is_known() {
        let mut address = Address::new("e1", "fe80::5054:ff:fe12:3456".parse().unwrap(), 64);
        assert!(address.is_generated("52:54:00:12:34:56"));
        assert!(
            !address.is_generated("52:54:00:12:34:57"),
            "somebody set it by hand"
        );
        address.protocol = Some(KERNEL_LINK_LOCAL);
        assert!(address.is_generated("52:54:00:12:34:57"));
        let global = Address::new("e1", "2001:db8::1".parse().unwrap(), 64);
        assert!(!global.is_generated("52:54:00:12:34:56"));
        assert!(!Address::new("e1", "169.254.0.1".parse().unwrap(), 16).is_generated(""));
    }
}
