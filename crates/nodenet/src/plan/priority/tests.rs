use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::plan::document::leaf::{Place, leaves};

fn layer<'a>(priority: i32, name: &'a str, document: &'a Value) -> Layer<'a> {
    Layer {
        rank: Rank { priority, name },
        document,
    }
}

fn mtu(mtu: u32) -> Value {
    json!({"interfaces": [{"name": "eth1", "type": "ethernet", "state": "up", "mtu": mtu}]})
}

fn over(path: &str, by: &str) -> Overridden {
    Overridden {
        path: path.to_owned(),
        by: by.to_owned(),
    }
}

#[test]
fn case_103_the_higher_priority_counts() {
    let (low, high) = (mtu(1400), mtu(9000));
    let masked = mask(&layer(10, "z", &low), &[layer(20, "a", &high)]);
    assert_eq!(masked.overridden, [over("interfaces.eth1.mtu", "a")]);
    assert!(masked.nothing_left, "{}", masked.document);
    assert_eq!(
        mask(&layer(20, "a", &high), &[layer(10, "z", &low)]).document,
        high
    );
}

#[test]
fn case_104_without_the_stronger_one_everything_is_there_again() {
    let low = mtu(1400);
    let masked = mask(&layer(10, "z", &low), &[]);
    assert_eq!(
        (masked.document, masked.overridden.len(), masked.nothing_left),
        (low, 0, false)
    );
}

#[test]
fn the_strongest_of_several_is_named() {
    let (low, mid, high) = (mtu(1400), mtu(1500), mtu(9000));
    let masked = mask(
        &layer(1, "low", &low),
        &[layer(3, "high", &high), layer(2, "mid", &mid)],
    );
    assert_eq!(masked.overridden, [over("interfaces.eth1.mtu", "high")]);
}

#[test]
fn only_the_disputed_settings_go() {
    let low = json!({
        "interfaces": [{"name": "eth1", "type": "ethernet", "mtu": "1400", "ipv4": {"enabled": true, "dhcp": false,
            "address": [{"ip": "192.0.2.1", "prefix-length": 24}]}}],
        "routes": {"config": [
            {"destination": "0.0.0.0/0", "next-hop-interface": "eth1", "metric": 100},
            {"destination": "198.51.100.0/24", "next-hop-interface": "eth1"},
        ]},
        "dns-resolver": {"config": {"server": ["192.0.2.53"]}},
    });
    let high = json!({
        "interfaces": [{"name": "eth1", "type": "ethernet", "mtu": 1400, "ipv4": {"enabled": true, "address": []}}],
        "routes": {"config": [{"destination": "0.0.0.0/0", "next-hop-interface": "eth1", "table-id": 254, "metric": 5}]},
        "dns-resolver": {"config": {"server": []}},
    });
    let masked = mask(&layer(0, "low", &low), &[layer(1, "high", &high)]);
    assert_eq!(
        masked.document,
        json!({
            "interfaces": [{"name": "eth1", "type": "ethernet", "mtu": "1400", "ipv4": {"enabled": true, "dhcp": false}}],
            "routes": {"config": [{"destination": "198.51.100.0/24", "next-hop-interface": "eth1"}]},
        })
    );
    let paths: Vec<&str> = masked
        .overridden
        .iter()
        .map(|entry| entry.path.as_str())
        .collect();
    assert_eq!(
        paths,
        [
            "dns-resolver.config",
            "interfaces.eth1.ipv4.address",
            "routes.config[destination=0.0.0.0/0,next-hop-interface=eth1,table-id=254]",
        ]
    );
    assert!(!masked.nothing_left);
}

#[test]
fn absent_and_up_are_decided_by_strength_as_a_whole() {
    let up =
        json!({"interfaces": [{"name": "br0", "type": "linux-bridge", "mtu": 1400, "bridge": {"port": []}}]});
    let absent = json!({"interfaces": [{"name": "br0", "state": "absent"}]});
    for (weak, strong) in [(&up, &absent), (&absent, &up)] {
        let masked = mask(&layer(0, "weak", weak), &[layer(1, "strong", strong)]);
        assert!(masked.nothing_left, "{}", masked.document);
        assert!(
            masked
                .overridden
                .contains(&over("interfaces.br0.state", "strong"))
        );
    }
}

#[test]
fn an_absent_route_that_would_wipe_a_stronger_ones_gives_way() {
    let wipe = json!({"routes": {"config": [{"state": "absent", "next-hop-interface": "eth1"}]}});
    let route = json!({"routes": {"config": [{"destination": "0.0.0.0/0", "next-hop-interface": "eth1"}]}});
    for (weak, strong) in [(&wipe, &route), (&route, &wipe)] {
        assert!(mask(&layer(0, "weak", weak), &[layer(1, "strong", strong)]).nothing_left);
    }
}

#[test]
fn equals_conflict_and_both_say_so() {
    let (a, b) = (mtu(1400), mtu(9000));
    let (a, b) = (layer(5, "a", &a), layer(5, "b", &b));
    let conflict = |with: &str| Conflict {
        path: "interfaces.eth1.mtu".to_owned(),
        with: with.to_owned(),
    };
    let (first, second) = (mask(&a, &[b]), mask(&b, &[a]));
    assert_eq!(
        (first.conflicts, first.overridden.len()),
        (vec![conflict("b")], 1)
    );
    assert_eq!(
        (second.conflicts, second.overridden.len()),
        (vec![conflict("a")], 0)
    );
    // The same value is no conflict.
    let same = mtu(1400);
    assert_eq!(mask(&a, &[layer(5, "c", &same)]).conflicts, []);
}

#[test]
fn after_waits_and_says_for_what() {
    let after = After::from([
        ("a", vec!["b"]),
        ("b", vec![]),
        ("x", vec!["y"]),
        ("y", vec!["z"]),
        ("z", vec!["x"]),
        ("u", vec!["gone"]),
    ]);
    let available = BTreeSet::from(["b"]);
    assert_eq!(waiting("a", &after, &available), None);
    assert_eq!(
        waiting("a", &after, &BTreeSet::new()),
        Some(Waiting::For(vec!["b".to_owned()]))
    );
    assert_eq!(
        waiting("u", &after, &available),
        Some(Waiting::Unknown(vec!["gone".to_owned()]))
    );
    let said = waiting("x", &after, &available).unwrap().to_string();
    assert_eq!(
        said,
        "policies wait for each other: x after y after z after x; take one out of spec.after"
    );
    assert_eq!(warning("a", &after), None);
    assert!(warning("u", &after).unwrap().contains("gone"));
    assert!(warning("y", &after).is_some());
}

/// A node as the settings it has: what applying a document does to it.
fn apply(node: &mut BTreeMap<Place, Value>, document: &Value) {
    for leaf in leaves(document) {
        node.insert(leaf.place, leaf.value);
    }
}

fn document() -> impl Strategy<Value = Value> {
    let entry = (
        "eth[12]",
        prop::option::of(1u32..4),
        prop::option::of(prop::collection::vec(1u8..4, 0..3)),
        prop::option::of(any::<bool>()),
    );
    let entry = entry.prop_map(|(name, mtu, address, dhcp)| {
        let mut entry = json!({"name": name, "type": "ethernet", "state": "up"});
        if let Some(mtu) = mtu {
            entry["mtu"] = json!(mtu);
        }
        if let Some(address) = address {
            entry["ipv4"]["address"] = json!(address);
        }
        if let Some(dhcp) = dhcp {
            entry["ipv4"]["dhcp"] = json!(dhcp);
        }
        entry
    });
    let route = ("a|b", "eth[12]", 1u8..3).prop_map(|(destination, interface, metric)| {
        json!({"destination": destination, "next-hop-interface": interface, "metric": metric})
    });
    let interfaces = prop::collection::btree_map("eth[12]", entry, 0..3).prop_map(|entries| {
        let entries = entries.into_iter().map(|(name, mut entry)| {
            entry["name"] = json!(name);
            entry
        });
        entries.collect::<Vec<_>>()
    });
    let routes = prop::collection::btree_map("a|b", route, 0..2).prop_map(|routes| {
        let routes = routes.into_iter().map(|(destination, mut route)| {
            route["destination"] = json!(destination);
            route["next-hop-interface"] = json!("eth1");
            route
        });
        routes.collect::<Vec<_>>()
    });
    (interfaces, routes, prop::option::of(1u8..3)).prop_map(|(interfaces, routes, dns)| {
        let mut document = json!({"interfaces": interfaces, "routes": {"config": routes}});
        if let Some(dns) = dns {
            document["dns-resolver"]["config"]["server"] = json!([dns]);
        }
        document
    })
}

proptest! {
    /// Masked, policies may be applied in any order, again and again: the strongest word on each setting stays.
    #[test]
    fn any_order_of_masked_policies_gives_the_same(
        documents in prop::collection::vec((-2i32..3, document()), 1..4),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let names = ["a", "b", "c"];
        let layers: Vec<Layer<'_>> = documents.iter().zip(names).map(|((priority, document), name)| layer(*priority, name, document)).collect();
        let masked: Vec<Value> = layers.iter().map(|own| {
            let others: Vec<Layer<'_>> = layers.iter().filter(|other| other.rank != own.rank).copied().collect();
            mask(own, &others).document
        }).collect();

        let mut unmasked = BTreeMap::new();
        let mut ranked = layers.clone();
        ranked.sort_by_key(|layer| layer.rank);
        for layer in &ranked {
            apply(&mut unmasked, layer.document);
        }
        let mut any_order = BTreeMap::new();
        let all = order.iter().map(|index| index.index(masked.len())).chain(0..masked.len());
        for index in all {
            apply(&mut any_order, &masked[index]);
        }
        prop_assert_eq!(any_order, unmasked);
    }

    /// What is taken out is exactly what somebody stronger says otherwise.
    #[test]
    fn nothing_undisputed_is_taken_out(weak in document(), strong in document()) {
        let masked = mask(&layer(0, "weak", &weak), &[layer(1, "strong", &strong)]);
        let strong: BTreeMap<Place, Value> = leaves(&strong).into_iter().map(|leaf| (leaf.place, leaf.value)).collect();
        let left: BTreeMap<Place, Value> = leaves(&masked.document).into_iter().map(|leaf| (leaf.place, leaf.value)).collect();
        for leaf in leaves(&weak) {
            let disputed = strong.get(&leaf.place).is_some_and(|value| *value != leaf.value);
            let kept = left.contains_key(&leaf.place) || leaf.place.is_state();
            prop_assert!(disputed != kept, "{} in {}", leaf.place, masked.document);
        }
    }
}
