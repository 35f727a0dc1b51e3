use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::plan::capture::Sources;
use crate::plan::document::interface;

fn port(name: &str, ids: &[u16]) -> Port {
    let heard = ids.iter().map(|id| {
        (
            *id,
            Heard {
                vlan: format!("net{id}"),
                system: Some("sw1".to_owned()),
            },
        )
    });
    Port {
        name: name.to_owned(),
        heard: heard.collect(),
        ..Port::default()
    }
}

fn bond(name: &str, ports: &[&str], ids: &[u16]) -> Bond {
    Bond {
        name: name.to_owned(),
        ports: ports.iter().map(|port| (*port).to_owned()).collect(),
        vlan_ids: ids.to_vec(),
    }
}

fn grouped(settings: &BondSettings, ids: &[u16], ports: &[Port], before: &[Bond]) -> Groups {
    group(settings, Some(&ids.iter().copied().collect()), ports, before)
}

fn run(settings: &BondSettings, ports: &[Port], before: &[Bond], desired: &Value, state: &Value) -> Outcome {
    let ids = BTreeSet::from([101, 102]);
    let input = Input {
        settings,
        ids: Some(&ids),
        ports,
        before,
        desired,
        state,
    };
    plan(&input, &Sources::default()).unwrap()
}

#[test]
fn case_105_ports_of_one_vlan_become_a_bond_and_others_stay() {
    let groups = grouped(
        &BondSettings::default(),
        &[101],
        &[port("e1", &[101]), port("e2", &[101]), port("e3", &[102])],
        &[],
    );
    assert_eq!(groups.bonds, [bond("bond101", &["e1", "e2"], &[101])]);
    assert_eq!(groups.left_out[0].0, "e3");
}

#[test]
fn case_106_ports_joined_by_any_id_are_one_bond() {
    let groups = grouped(
        &BondSettings::default(),
        &[101, 102],
        &[port("e1", &[101, 102]), port("e2", &[102])],
        &[],
    );
    assert_eq!(groups.bonds, [bond("bond101", &["e1", "e2"], &[101, 102])]);
}

#[test]
fn case_107_the_port_with_the_nodes_address_is_left_out() {
    let mut e1 = port("e1", &[101]);
    e1.carries = Some(Carries::NodeAddress);
    let outcome = run(
        &BondSettings::default(),
        &[e1, port("e2", &[101])],
        &[],
        &Value::Null,
        &json!({}),
    );
    let Outcome::Nothing(message) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        message,
        "nothing to bond: VLAN 101 has 1 of 2 ports (e2); left out: e1 carries the node's address; \
         bond.allowDefaultRoute would take it"
    );
}

#[test]
fn ids_never_rename_a_bond_and_silent_ports_stay() {
    let before = [bond("bond102", &["e1", "e2"], &[102])];
    // e2 is silent, e1 now hears 101 as well, e3 is new.
    let ports = [port("e1", &[101, 102]), port("e2", &[]), port("e3", &[101])];
    let groups = grouped(&BondSettings::default(), &[101, 102], &ports, &before);
    assert_eq!(groups.bonds, [bond("bond102", &["e1", "e2", "e3"], &[101, 102])]);
}

#[test]
fn a_bond_of_silent_ports_is_joined_by_what_it_remembers() {
    let before = [bond("bond101", &["e1", "e2"], &[101])];
    let groups = grouped(&BondSettings::default(), &[101], &[port("e3", &[101])], &before);
    assert_eq!(groups.bonds, [bond("bond101", &["e1", "e2", "e3"], &[101])]);
}

#[test]
fn systems_divide_groups_where_asked() {
    let settings = BondSettings {
        group_by: GroupBy::VlanAndSystem,
        ..BondSettings::default()
    };
    let mut other = port("e3", &[101]);
    other.heard = BTreeMap::from([(
        101,
        Heard {
            vlan: String::new(),
            system: Some("sw2".to_owned()),
        },
    )]);
    let groups = grouped(
        &settings,
        &[101],
        &[port("e1", &[101]), port("e2", &[101]), other],
        &[],
    );
    assert_eq!(groups.bonds, [bond("bond101", &["e1", "e2"], &[101])]);
    assert_eq!(groups.small, [bond("bond101", &["e3"], &[101])]);
}

#[test]
fn the_bond_is_rendered_with_template_vlans_and_options() {
    let settings = BondSettings::parse(&json!({"autoBonding": true, "bond": {
        "mode": "802.3ad", "options": {"miimon": "100"}, "createVlans": true, "vlanNameFrom": "Lldp",
    }}))
    .unwrap();
    let mut e2 = port("e2", &[101, 102]);
    e2.heard.get_mut(&102).unwrap().vlan = "name with blanks".to_owned();
    let desired = json!({"interfaces": [{"ipv4": {"enabled": true, "dhcp": true}, "description": "of {{ interface.name }}"}]});
    let outcome = run(&settings, &[port("e1", &[101]), e2], &[], &desired, &json!({}));
    let Outcome::Bonds {
        document,
        bonds,
        note,
    } = outcome
    else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        document,
        json!({"interfaces": [
            {
                "name": "bond101", "type": "bond", "state": "up", "description": "of bond101",
                "link-aggregation": {"mode": "802.3ad", "options": {"miimon": "100"}, "port": ["e1", "e2"]},
                "ipv4": {"enabled": true, "dhcp": true},
            },
            {"name": "net101", "type": "vlan", "state": "up", "vlan": {"base-iface": "bond101", "id": 101}},
            {"name": "bond101.102", "type": "vlan", "state": "up", "vlan": {"base-iface": "bond101", "id": 102}},
        ]})
    );
    assert_eq!(
        (bonds, note),
        (vec![bond("bond101", &["e1", "e2"], &[101, 102])], String::new())
    );
}

#[test]
fn what_the_port_carried_moves_to_the_bond_where_allowed() {
    let settings = BondSettings {
        allow_default_route: true,
        ..BondSettings::default()
    };
    let mut e1 = port("e1", &[101]);
    e1.carries = Some(Carries::DefaultRoute);
    let state = json!({
        "interfaces": [{"name": "e1", "type": "ethernet", "ipv4": {"enabled": true, "dhcp": false, "address": [
            {"ip": "192.0.2.10", "prefix-length": 24},
            {"ip": "192.0.2.99", "prefix-length": 24, "valid-life-time": "300sec"},
        ]}}],
        "routes": {"config": [{"destination": "0.0.0.0/0", "next-hop-interface": "e1", "next-hop-address": "192.0.2.1"}]},
    });
    let outcome = run(&settings, &[e1, port("e2", &[101])], &[], &Value::Null, &state);
    let Outcome::Bonds { document, .. } = outcome else {
        panic!("{outcome:?}")
    };
    let made = interface(&document, "bond101").unwrap();
    assert_eq!(made["copy-mac-from"], "e1");
    assert_eq!(
        made["ipv4"]["address"],
        json!([{"ip": "192.0.2.10", "prefix-length": 24}])
    );
    assert_eq!(
        document["routes"]["config"][0],
        json!({"state": "absent", "next-hop-interface": "e1"})
    );
    assert_eq!(document["routes"]["config"][1]["next-hop-interface"], "bond101");
}

#[test]
fn a_foreign_interface_of_that_name_is_a_conflict_and_our_own_is_none() {
    let ports = [port("e1", &[101]), port("e2", &[101])];
    let state = json!({"interfaces": [{"name": "bond101", "type": "bond"}]});
    let outcome = run(&BondSettings::default(), &ports, &[], &Value::Null, &state);
    assert!(matches!(outcome, Outcome::NameConflict(message) if message.contains("bond101")));
    let before = [bond("bond101", &["e1", "e2"], &[101])];
    let outcome = run(&BondSettings::default(), &ports, &before, &Value::Null, &state);
    assert!(matches!(outcome, Outcome::Bonds { .. }));
}

#[test]
fn settings_are_refused_by_name() {
    let problems = |value: Value| -> Vec<String> {
        BondSettings::parse(&value)
            .unwrap_err()
            .iter()
            .map(|problem| problem.path.clone())
            .collect()
    };
    assert_eq!(problems(json!({"bond": {}})), ["spec.autoConfig.autoBonding"]);
    assert_eq!(
        problems(
            json!({"autoBonding": true, "bond": {"mode": "none", "minPorts": 9, "namePrefix": "much-too-long-", "x": 1}})
        ),
        ["x", "mode", "namePrefix", "minPorts"].map(|key| format!("spec.autoConfig.bond.{key}"))
    );
    assert_eq!(
        problems(json!({"autoBonding": true, "bond": {"minPorts": 3, "maxPorts": 2}})),
        ["spec.autoConfig.bond.minPorts"]
    );
}

proptest! {
    /// No port is in two bonds, whatever is heard and remembered.
    #[test]
    fn no_port_is_in_two_bonds(
        heard in prop::collection::btree_map("e[0-9]", prop::collection::btree_set(100u16..106, 0..3), 0..8),
        remembered in prop::collection::vec(("e[0-4]", 100u16..106), 0..3),
        by_system in any::<bool>(),
    ) {
        let ports: Vec<Port> = heard.iter().map(|(name, ids)| port(name, &ids.iter().copied().collect::<Vec<_>>())).collect();
        let mut before: Vec<Bond> = Vec::new();
        for (name, id) in &remembered {
            if before.iter().all(|bond| !bond.ports.contains(name) && bond.vlan_ids != [*id]) {
                before.push(bond(&format!("bond{id}"), &[name.as_str()], &[*id]));
            }
        }
        let group_by = if by_system { GroupBy::VlanAndSystem } else { GroupBy::Vlan };
        let groups = group(&BondSettings { group_by, ..BondSettings::default() }, None, &ports, &before);
        let mut all: Vec<&String> = groups.bonds.iter().flat_map(|bond| &bond.ports).collect();
        let count = all.len();
        all.sort();
        all.dedup();
        prop_assert_eq!(all.len(), count);
        // Every remembered bond is there, with all its ports.
        for old in &before {
            let kept = groups.bonds.iter().find(|bond| bond.name == old.name).unwrap();
            prop_assert!(old.ports.iter().all(|port| kept.ports.contains(port)));
        }
    }
}
