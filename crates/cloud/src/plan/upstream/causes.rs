//! Which listed differences (§13) are behind two different outcomes.

use std::net::IpAddr;

use super::{Cause, Facts, Outcome};
use crate::plan::address::{InterfaceFilter, Provided, unmapped};
use crate::plan::facts::{GuestAnswer, GuestInterface};
use crate::plan::identity::Resolution;
use crate::plan::instance;
use crate::plan::settings::Semantics;

const fn cause(id: &'static str, text: &'static str, switch: Option<&'static str>) -> Cause {
    Cause { id, text, switch }
}

const D1: Cause = cause(
    "D1",
    "ip_sort_order has its documented meaning: plain items sort, ! items drop",
    Some("features.network.cidr_semantics: upstream"),
);
const D3: Cause = cause(
    "D3",
    "! items of external_ip_cidrs drop guest addresses",
    Some("features.network.cidr_semantics: upstream"),
);
const D5: Cause = cause("D5", "a guest that cannot be asked takes no address away", None);
const D6: Cause = cause(
    "D6",
    "provided addresses are never dropped",
    Some("features.network.cidr_semantics: upstream"),
);
const D7: Cause = cause(
    "D7",
    "Nodes of other clouds are left alone",
    Some("features.foreign_nodes: untaint"),
);
const D8: Cause = cause("D8", "a Node whose machine is not known stays tainted", None);
const D9: Cause = cause(
    "D9",
    "a Node is deleted only when its machine is gone for certain",
    Some("features.deletion: upstream"),
);
const D10: Cause = cause(
    "D10",
    "match_name decides whether names have to fit",
    Some("features.match_name: prefix"),
);
const D11: Cause = cause("D11", "a SKU that cannot be a label value is not used", None);
const D12: Cause = cause(
    "D12",
    "interfaces of containers, services and tunnels are left out",
    Some("features.network.interfaces.exclude_defaults: false"),
);
const D14: Cause = cause(
    "D14",
    "link-local, unspecified, multicast and broadcast addresses are dropped",
    Some("features.network.ipv4_link_local: keep (for the first)"),
);
const D17: Cause = cause(
    "D17",
    "of several machines with one UUID none is taken by chance",
    None,
);
const D27: Cause = cause("D27", "addresses are updated although no HA group is found", None);
const D30: Cause = cause(
    "D30",
    "blanks in, and emptiness of, kubelet's annotation are tolerated",
    None,
);
const BARE: Cause = cause(
    "5.4",
    "an address without length in a list of networks means itself",
    None,
);
const SCHEME: Cause = cause(
    "3.1",
    "only provider IDs that start with proxmox:// are ours",
    None,
);
const ORDER: Cause = cause(
    "6.4",
    "a list in another order is another list, and is written once",
    None,
);
const OURS: Cause = cause(
    "2",
    "settings that the replaced controller does not have, or reads elsewhere",
    None,
);

/// The causes that apply to these facts. Never empty: what cannot be told is put down to own settings.
pub(super) fn find(facts: &Facts<'_>, upstream: &Outcome, ours: &Outcome) -> Vec<Cause> {
    let mut causes = by_resolution(facts, upstream);
    if let Resolution::Found(found) = facts.resolution {
        if facts.settings.ha_group && !matches!(upstream, Outcome::Publishes(_)) {
            causes.push(D27);
        }
        if instance::instance_type(&found.machine, &found.config.config)
            .refused_sku
            .is_some()
        {
            causes.push(D11);
        }
        by_addresses(facts, &mut causes);
        if same_entries(upstream, ours) && causes.is_empty() {
            causes.push(ORDER);
        }
    }
    if causes.is_empty() {
        causes.push(OURS);
    }
    causes
}

fn by_resolution(facts: &Facts<'_>, upstream: &Outcome) -> Vec<Cause> {
    match (facts.resolution, upstream) {
        (_, Outcome::Deletes) => vec![D9],
        (Resolution::Foreign, Outcome::UntaintsBlindly | Outcome::Untouched) => vec![D7],
        (Resolution::Foreign, _) if facts.node.provider_id.starts_with("proxmox") => vec![SCHEME],
        (Resolution::Foreign, _) => vec![D7],
        (Resolution::NameMismatch(_), _) => vec![D10],
        (Resolution::Ambiguous(_), _) => vec![D17],
        (Resolution::Found(_), _) => Vec::new(),
        (_, Outcome::UntaintsBlindly) => vec![D8],
        _ => Vec::new(),
    }
}

fn by_addresses(facts: &Facts<'_>, causes: &mut Vec<Cause>) {
    let annotation = facts.node.provided_node_ip.as_deref();
    if annotation.is_some_and(|text| text.contains(char::is_whitespace) || unspecified(text)) {
        causes.push(D30);
    }
    if !facts.settings.network.mode.asks_guest() {
        return;
    }
    match facts.guest {
        Some(GuestAnswer::Known(interfaces)) => by_interfaces(facts, interfaces, causes),
        Some(GuestAnswer::Unavailable(_)) | None => causes.push(D5),
    }
    by_lists(facts, causes);
}

fn unspecified(text: &str) -> bool {
    text.is_empty() || text.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified())
}

fn by_interfaces(facts: &Facts<'_>, interfaces: &[GuestInterface], causes: &mut Vec<Cause>) {
    let rules = &facts.settings.network;
    let minimal = InterfaceFilter {
        exclude_defaults: false,
        ..InterfaceFilter::default()
    };
    let seen = || {
        interfaces
            .iter()
            .filter(|one| minimal.refusal(&one.name).is_none())
    };
    if seen().any(|one| rules.interfaces.refusal(&one.name).is_some()) {
        causes.push(D12);
    }
    let addresses = seen()
        .flat_map(|one| &one.addresses)
        .filter_map(|text| text.parse().ok());
    if addresses
        .map(unmapped)
        .any(|ip| is_odd(ip, rules.keep_ipv4_link_local))
    {
        causes.push(D14);
    }
}

fn is_odd(ip: IpAddr, keep_link_local: bool) -> bool {
    let of_v4 = match ip {
        IpAddr::V4(v4) => v4.is_broadcast() || (v4.is_link_local() && !keep_link_local),
        IpAddr::V6(_) => false,
    };
    of_v4 || ip.is_unspecified() || ip.is_multicast()
}

fn by_lists(facts: &Facts<'_>, causes: &mut Vec<Cause>) {
    let rules = &facts.settings.network;
    if rules.semantics == Semantics::Documented {
        if !rules.sort.is_empty() {
            causes.push(D1);
        }
        if rules.external.items().iter().any(|item| item.negated) {
            causes.push(D3);
        }
        let provided = Provided::read(facts.node.provided_node_ip.as_deref());
        let hits = |ip: &IpAddr| rules.sort.ignoring(*ip, Semantics::Upstream).is_some();
        if provided.is_ok_and(|provided| provided.addresses().iter().any(hits)) {
            causes.push(D6);
        }
    }
    if rules
        .external
        .items()
        .iter()
        .chain(rules.sort.items())
        .any(|item| item.bare)
    {
        causes.push(BARE);
    }
}

fn same_entries(upstream: &Outcome, ours: &Outcome) -> bool {
    match (upstream, ours) {
        (Outcome::Publishes(a), Outcome::Publishes(b)) => {
            a.len() == b.len() && a.iter().all(|entry| b.contains(entry))
        }
        _ => false,
    }
}
