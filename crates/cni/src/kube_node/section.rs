//! The `ipam` section that the allocator gets, and who gets IPv4 (spec cni-ipam §5.5, §5.6).

use addr::Family;

use crate::{
    delegate::PLACEHOLDER,
    json::{Json, Object},
    plan::{self, Config, NodeCache},
    protocol::Network,
};

use super::settings::Settings;

/// The network with the ranges of the node.
pub(super) fn network_for(network: &Network, settings: &Settings, cache: &NodeCache) -> Network {
    let kind = settings.next.as_ref().map_or("host-local", |next| next.kind());
    let mut ipam = Object::from_iter([("type", Json::from(kind))]);
    if let Some(data_dir) = &cache.data_dir {
        ipam.set("dataDir", Json::from(data_dir.as_str()));
    }
    // The node's own routes come last and so win.
    for (key, value) in settings.passed_on.iter().chain(cache.ranges.iter()) {
        ipam.set(key, value.clone());
    }
    network.with_ipam(ipam)
}

/// Whether the pod's namespace is one of `ipv4-namespaces`, if there is such a list; `args` is `CNI_ARGS`.
pub(super) fn may_have_ipv4(settings: &Settings, args: &str) -> bool {
    let Some(allowed) = &settings.ipv4_namespaces else {
        return true;
    };
    let namespace = args
        .split(';')
        .find_map(|part| part.strip_prefix("K8S_POD_NAMESPACE="));
    namespace.is_some_and(|namespace| !namespace.is_empty() && allowed.iter().any(|one| one == namespace))
}

/// For the built-in allocator: the set keeps its number, and with it the other family its round robin.
pub(super) fn only_first_ipv6(config: &mut Config) {
    let first = config
        .range_sets
        .iter()
        .position(|set| set.family() == Family::V6);
    config.range_sets = first
        .map(|first| config.range_sets.swap_remove(first))
        .into_iter()
        .collect();
}

/// For another plugin, which numbers the sets it gets by itself.
pub(super) fn with_only_first_ipv6(network: &Network) -> Network {
    let Some(ipam) = network.ipam() else {
        return network.clone();
    };
    let sets = ipam.get("ranges").and_then(Json::as_list).unwrap_or_default();
    let subnet = |set: &Json| {
        let range = set.as_list()?.first()?.as_object()?;
        plan::parse_cidr(range.get("subnet")?.as_str()?)
    };
    let is_ipv6 = |set: &&Json| subnet(set).is_some_and(|cidr| cidr.address.is_ipv6());
    let kept: Vec<Json> = sets.iter().find(is_ipv6).cloned().into_iter().collect();
    let mut ipam = ipam.clone();
    ipam.set("ranges", Json::List(kept));
    network.with_ipam(ipam)
}

/// A range for another plugin's DEL and GC when none is known.
pub(super) fn placeholder() -> Object {
    let range = Object::from_iter([("subnet", Json::from(PLACEHOLDER))]);
    Object::from_iter([("ranges", Json::List(vec![Json::List(vec![Json::Object(range)])]))])
}
