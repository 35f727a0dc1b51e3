use std::collections::{BTreeMap, BTreeSet};

use nispor::{
    BondConf, BondPortConf, BridgeConf, BridgePortConf, BridgeVlanEntry, VlanConf, VrfConf, VxlanConf,
};
use serde::{Deserialize, Serialize};

use super::part::missing;

/// What a link is, with the options that belong to its kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A network card, or what we cannot tell apart from one. Cannot be made.
    Ethernet,
    /// `lo`. Cannot be made.
    Loopback,
    /// One end of a pair.
    Veth {
        /// The other end; none when it is in another network namespace.
        peer: Option<String>,
    },
    /// A bridge.
    Bridge(BridgeConf),
    /// A bond.
    Bond(BondConf),
    /// An 802.1Q or 802.1ad link.
    Vlan(VlanConf),
    /// A VXLAN tunnel.
    Vxlan(VxlanConf),
    /// A routing domain.
    Vrf(VrfConf),
    /// A link to nowhere.
    Dummy,
    /// Anything else. Cannot be made.
    Other {
        /// The kernel's name of the kind.
        name: String,
        /// The link it stands on.
        base: Option<String>,
    },
}

impl Kind {
    /// Name for people, as nmstate writes it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Ethernet => "ethernet",
            Self::Loopback => "loopback",
            Self::Veth { .. } => "veth",
            Self::Bridge(_) => "linux-bridge",
            Self::Bond(_) => "bond",
            Self::Vlan(_) => "vlan",
            Self::Vxlan(_) => "vxlan",
            Self::Vrf(_) => "vrf",
            Self::Dummy => "dummy",
            Self::Other { name, .. } => name,
        }
    }

    /// Whether this back end can make one, and so can delete one and put it back.
    #[must_use]
    pub fn can_be_made(&self) -> bool {
        !matches!(
            self,
            Self::Ethernet | Self::Loopback | Self::Other { .. } | Self::Veth { peer: None }
        )
    }

    /// The link it stands on.
    #[must_use]
    pub fn base(&self) -> Option<&str> {
        match self {
            Self::Vlan(vlan) => vlan.base_iface.as_deref(),
            Self::Vxlan(vxlan) => vxlan.base_iface.as_deref(),
            Self::Other { base, .. } => base.as_deref(),
            _ => None,
        }
        .filter(|base| !base.is_empty())
    }

    /// The other end of a pair.
    #[must_use]
    pub fn peer(&self) -> Option<&str> {
        match self {
            Self::Veth { peer } => peer.as_deref(),
            _ => None,
        }
    }

    /// What of `self`, a wish, is not so in `now`: the options to change, or that it has to be made anew.
    #[must_use]
    pub fn difference(&self, now: &Self) -> Difference {
        let of =
            |part: Option<Self>| part.map_or(Difference::None, |part| Difference::Options(Box::new(part)));
        match (self, now) {
            (Self::Bridge(wish), Self::Bridge(now)) => {
                of(missing(&as_far_as_known(wish, now), now).map(Self::Bridge))
            }
            (Self::Bond(wish), Self::Bond(now)) => match missing(wish, now) {
                // The kernel changes the mode of a bond without ports only.
                Some(part) if part.mode.is_some() => Difference::Anew,
                part => of(part.map(Self::Bond)),
            },
            (Self::Vlan(wish), Self::Vlan(now)) => match missing(wish, now) {
                Some(part) if part.vlan_id.or(part.protocol.map(|_| 0)).is_some() => Difference::Anew,
                Some(part) if part.base_iface.is_some() => Difference::Anew,
                part => of(part.map(Self::Vlan)),
            },
            (Self::Vxlan(wish), Self::Vxlan(now)) => match missing(wish, now) {
                Some(part) if keeps_its_life(&part) => Difference::Anew,
                part => of(part.map(Self::Vxlan)),
            },
            (Self::Vrf(wish), Self::Vrf(now)) => {
                missing(wish, now).map_or(Difference::None, |_| Difference::Anew)
            }
            (Self::Veth { peer: wish }, Self::Veth { peer: now }) => {
                if wish.is_none() || wish == now {
                    Difference::None
                } else {
                    Difference::Anew
                }
            }
            // nmstate calls the ends of a pair ethernet as well.
            (Self::Ethernet, Self::Veth { .. }) => Difference::None,
            (wish, now) if wish == now => Difference::None,
            _ => Difference::Anew,
        }
    }
}

/// Without what cannot be read now: while the spanning tree changes, the kernel shortens the ageing time and does not
/// tell the one that was set.
fn as_far_as_known(wish: &BridgeConf, now: &BridgeConf) -> BridgeConf {
    let mut known = wish.clone();
    if now.ageing_time.is_none() {
        known.ageing_time = None;
    }
    known
}

/// VXLAN options the kernel never changes on a link that exists.
fn keeps_its_life(part: &VxlanConf) -> bool {
    part.vxlan_id.is_some()
        || part.base_iface.is_some()
        || part.dst_port.is_some()
        || part.max_address.is_some()
        || part.src_port_min.is_some()
        || part.src_port_max.is_some()
        || [part.proxy, part.rsc, part.l2miss, part.l3miss, part.udp_check_sum]
            .iter()
            .chain(&[part.udp6_zero_check_sum_tx, part.udp6_zero_check_sum_rx])
            .chain(&[part.remote_check_sum_tx, part.remote_check_sum_rx, part.gbp])
            .chain(&[part.remote_check_sum_no_partial, part.collect_metadata, part.gpe])
            .any(Option::is_some)
}

/// How a wish and what is there differ in kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Difference {
    /// Not at all.
    None,
    /// In these options, which can be changed.
    Options(Box<Kind>),
    /// In what cannot be changed: delete it and make it anew.
    Anew,
}

/// VLANs of a bridge or of a port of one that are treated alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Vlans {
    /// The first, 1..=4094.
    pub first: u16,
    /// The last, included.
    pub last: u16,
    /// Untagged frames that come in belong to it.
    pub pvid: bool,
    /// Frames of it go out untagged.
    pub untagged: bool,
}

impl Vlans {
    /// By number: pvid and untagged.
    fn by_number(list: &[Self]) -> BTreeMap<u16, (bool, bool)> {
        list.iter()
            .flat_map(|vlans| (vlans.first..=vlans.last).map(|id| (id, (vlans.pvid, vlans.untagged))))
            .collect()
    }

    fn entry(self, remove: bool) -> BridgeVlanEntry {
        let mut entry = BridgeVlanEntry::default();
        if self.first == self.last {
            entry.vid = Some(self.first);
        } else {
            entry.vid_range = Some((self.first, self.last));
        }
        entry.is_pvid = self.pvid;
        entry.is_egress_untagged = self.untagged;
        entry.remove = remove;
        entry
    }

    /// What nispor has to be told to get from `now` to `wish`; none when they are the same.
    #[must_use]
    pub fn changes(wish: &[Self], now: &[Self]) -> Option<Vec<BridgeVlanEntry>> {
        let (wish, now) = (Self::by_number(wish), Self::by_number(now));
        let gone = now.iter().filter(|(id, _)| !wish.contains_key(id));
        let new = wish.iter().filter(|(id, flags)| now.get(id) != Some(flags));
        let gone = Self::merged(gone.map(|(id, _)| (*id, (false, false))));
        let new = Self::merged(new.map(|(id, flags)| (*id, *flags)));
        let all: Vec<_> = gone
            .into_iter()
            .map(|vlans| vlans.entry(true))
            .chain(new.into_iter().map(|vlans| vlans.entry(false)))
            .collect();
        (!all.is_empty()).then_some(all)
    }

    /// Neighbours treated alike become one range; the kernel refuses ranges that are PVID.
    fn merged(numbers: impl Iterator<Item = (u16, (bool, bool))>) -> Vec<Self> {
        let mut list: Vec<Self> = Vec::new();
        for (id, (pvid, untagged)) in numbers {
            match list.last_mut() {
                Some(last) if !pvid && !last.pvid && last.last + 1 == id && last.untagged == untagged => {
                    last.last = id;
                }
                _ => list.push(Self {
                    first: id,
                    last: id,
                    pvid,
                    untagged,
                }),
            }
        }
        list
    }
}

/// A link as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// Number of the kernel; another one after it was made anew.
    pub index: u32,
    /// What it is.
    pub kind: Kind,
    /// Switched on, whatever the carrier says.
    pub up: bool,
    /// Largest packet. Unit: bytes.
    pub mtu: u32,
    /// Hardware address in upper case, or empty.
    pub mac: String,
    /// The bridge, bond or VRF it belongs to.
    pub controller: Option<String>,
    /// As a port of a bridge.
    pub bridge_port: Option<BridgePortConf>,
    /// As a port of a bond.
    pub bond_port: Option<BondPortConf>,
    /// VLANs of the bridge itself, or of the port.
    pub vlans: Vec<Vlans>,
    /// Other names.
    pub alt_names: BTreeSet<String>,
    /// Whether IPv6 is switched on; none when that cannot be read.
    pub ipv6: Option<bool>,
}

impl Link {
    /// A wish for exactly this.
    ///
    /// The hardware address of a port of a bond is the bond's business; VLANs without filtering are nobody's.
    #[must_use]
    pub fn to_shape(&self, in_bond: bool) -> Shape {
        Shape {
            kind: Some(self.kind.clone()),
            up: Some(self.up),
            mtu: Some(self.mtu),
            mac: Some(self.mac.clone()).filter(|mac| !mac.is_empty() && !in_bond),
            controller: Some(self.controller.clone().unwrap_or_default()),
            bridge_port: self.bridge_port.clone(),
            bond_port: self.bond_port.clone(),
            vlans: Some(self.vlans.clone()).filter(|vlans| !vlans.is_empty()),
            alt_names: Some(self.alt_names.clone()),
            ipv6: self.ipv6,
        }
    }
}

/// What a link shall look like; what is unset does not matter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shape {
    /// What it is; unset options of the kind do not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Switched on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up: Option<bool>,
    /// Largest packet. Unit: bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// Hardware address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// The bridge, bond or VRF it belongs to; empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<String>,
    /// As a port of a bridge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridge_port: Option<BridgePortConf>,
    /// As a port of a bond.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bond_port: Option<BondPortConf>,
    /// VLANs of the bridge itself, or of the port: exactly these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlans: Option<Vec<Vlans>>,
    /// Other names: exactly these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alt_names: Option<BTreeSet<String>>,
    /// IPv6 switched on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vlans(first: u16, last: u16) -> Vlans {
        Vlans {
            first,
            last,
            pvid: false,
            untagged: false,
        }
    }

    #[test]
    fn vlans_change_by_what_differs_in_ranges() {
        let native = Vlans {
            pvid: true,
            untagged: true,
            ..vlans(1, 1)
        };
        let changes = Vlans::changes(
            &[native, vlans(2, 4094)],
            &[native, vlans(2, 10), vlans(20, 4094)],
        )
        .unwrap();
        assert_eq!(changes.len(), 1, "{changes:?}");
        assert_eq!(changes[0].vid_range, Some((11, 19)));
        let changes = Vlans::changes(&[vlans(5, 5)], &[native, vlans(5, 6)]).unwrap();
        let gone: Vec<_> = changes.iter().map(|entry| (entry.vid, entry.remove)).collect();
        assert_eq!(gone, [(Some(1), true), (Some(6), true)]);
        assert_eq!(Vlans::changes(&[native], &[native]), None);
    }

    #[test]
    fn what_the_kernel_never_changes_is_made_anew() {
        let vlan = |id, reorder| {
            let mut vlan = VlanConf::default();
            vlan.vlan_id = Some(id);
            vlan.base_iface = Some("e1".to_owned());
            vlan.is_reorder_hdr = Some(reorder);
            Kind::Vlan(vlan)
        };
        assert_eq!(vlan(7, true).difference(&vlan(7, true)), Difference::None);
        assert_eq!(vlan(8, true).difference(&vlan(7, true)), Difference::Anew);
        assert!(matches!(
            vlan(7, false).difference(&vlan(7, true)),
            Difference::Options(part) if matches!(&*part, Kind::Vlan(part) if part.vlan_id.is_none() && part.is_reorder_hdr == Some(false))
        ));
        let vrf = |table| {
            let mut vrf = VrfConf::default();
            vrf.table_id = Some(table);
            Kind::Vrf(vrf)
        };
        assert_eq!(vrf(10).difference(&vrf(11)), Difference::Anew);
        assert_eq!(Kind::Dummy.difference(&vrf(11)), Difference::Anew);
        let veth = |peer: Option<&str>| Kind::Veth {
            peer: peer.map(str::to_owned),
        };
        assert_eq!(Kind::Ethernet.difference(&veth(None)), Difference::None);
        assert_eq!(veth(Some("a")).difference(&veth(Some("b"))), Difference::Anew);
    }
}
