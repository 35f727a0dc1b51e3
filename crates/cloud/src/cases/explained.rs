//! What `--explain` and `--compare-upstream` say.

use super::world::{G, World, entries, interfaces};
use crate::names;
use crate::plan::explain::Explanation;
use crate::plan::facts::{GuestAnswer, Ready};
use crate::plan::upstream::Outcome;

fn explain(world: &mut World) -> String {
    let (guest, affinity, node) = (world.guest.clone(), world.affinity.clone(), world.node.clone());
    let look = world.look();
    let judgement = (node.ready != Ready::True).then(|| world.lifecycle());
    Explanation {
        node: &node,
        resolution: &look.resolution,
        trail: &look.trail,
        guest: look.asked.then_some(&guest),
        affinity: Some(&affinity),
        decision: &look.decision,
        lifecycle: judgement.as_ref(),
        comparison: Some(&look.comparison),
    }
    .to_string()
}

#[test]
fn an_explanation_names_every_source_rule_and_difference() {
    let mut world = World::new("{network: {mode: qemu, external_ip_cidrs: '203.0.113.0/24,!10.0.0.6'}}");
    world.guest = GuestAnswer::Known(interfaces(G));
    let text = explain(&mut world);
    for line in [
        "Node n1",
        "  providerID        (none)",
        "  machine: machine cluster-1/100 on pve-1",
        "    eth0: 10.0.0.5, 10.0.0.6, 203.0.113.7, 2001:db8::5, fd00:1::5, fe80::5",
        "  identity: name and UUID: n1 11833f4c-341f-4bd3-aad7-f7abed000001 -> machine cluster-1/100 on pve-1",
        "  zone: host pve-1 -> pve-1",
        "  instance type: cluster-1/100 -> 4VCPU-8GB",
        "  guest interface: docker0 -> skipped: the built-in exclude list has docker*",
        "  guest address: eth0 fe80::5 -> skipped: IPv6 link-local",
        "  external_ip_cidrs: eth0 10.0.0.6 -> dropped by !10.0.0.6",
        "  external_ip_cidrs: eth0 203.0.113.7 -> ExternalIP by 203.0.113.0/24",
        "  ExternalIP 203.0.113.7",
        "The replaced controller publishes [Hostname n1, InternalIP 10.0.0.5, InternalIP 10.0.0.6",
        "  D12: interfaces of containers, services and tunnels are left out (restored by \
         features.network.interfaces.exclude_defaults: false)",
    ] {
        assert!(
            text.lines().any(|one| one.starts_with(line)),
            "{line}\n--- is missing in\n{text}"
        );
    }
    assert!(
        text.contains("Next: initialise the Node: providerID proxmox://cluster-1/100, label "),
        "{text}"
    );
}

#[test]
fn a_node_that_waits_is_explained_too() {
    let mut world = World::new("{}");
    world.remove_all();
    let text = explain(&mut world);
    for part in [
        "not found: no machine of any region has UUID",
        "event Warning InstanceNotFound",
        "Again in 1s",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn a_deletion_by_the_replaced_controller_is_announced() {
    let mut world = World::initialised("{}", "proxmox://cluster-1/100", "I 10.0.0.5, H n1");
    world.node.ready = Ready::Unknown;
    world.machines[0].name = Some("other".into());
    let comparison = world.look().comparison;
    assert_eq!(
        (&comparison.upstream, &comparison.ours),
        (&Outcome::Deletes, &Outcome::Untouched)
    );
    assert_eq!(comparison.causes[0].id, "D9");
    let text = explain(&mut world);
    for part in [
        "Lifecycle (the Node is not ready)",
        "exists: cluster-1/100 -> yes",
        "The replaced controller deletes",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn the_same_outcome_has_no_causes() {
    let mut world = World::initialised("{}", "proxmox://cluster-1/100", "I 10.0.0.5, H n1");
    world.node.provided_node_ip = Some("10.0.0.5".into());
    let comparison = world.look().comparison;
    assert!(!comparison.differs() && comparison.causes.is_empty());
    assert_eq!(comparison.ours, Outcome::Publishes(entries("I 10.0.0.5, H n1")));
    assert!(explain(&mut world).ends_with("The replaced controller does the same\n"));
}

#[test]
fn what_only_we_write_is_named() {
    let mut world = World::initialised("{provider: capmox}", "proxmox://cluster-1/100", "H n1");
    world
        .node
        .labels
        .insert("group.topology.proxmox.sinextra.dev/old".into(), "".into());
    let text = explain(&mut world);
    for line in [
        "The outcome is the same, but Cadastre also",
        "  removes label group.topology.proxmox.sinextra.dev/old, because the group is gone (D23)",
        "  sets annotation proxmox.sinextra.dev/instance-id to 100",
    ] {
        assert!(text.lines().any(|one| one == line), "{line}\n{text}");
    }
}

/// The replaced controller makes labels follow on Nodes of other clouds, too.
#[test]
fn labels_that_only_the_replaced_controller_writes_are_named() {
    let mut world = World::initialised("{}", "k3s://n1", "I 10.0.0.5, H n1");
    assert!(!world.look().comparison.differs(), "they follow already");
    let labels = &mut world.node.labels;
    labels.insert(names::BETA_ZONE.into(), "a".into());
    labels.remove(names::INSTANCE_TYPE);
    let line = |key: &str, value: &str| {
        format!(
            "leaves label {key} as it is instead of setting it to {value}, because the Node is not ours (D7)"
        )
    };
    let expected = [line(names::INSTANCE_TYPE, "4VCPU-8GB"), line(names::ZONE, "a")];
    let comparison = world.look().comparison;
    assert_eq!(comparison.besides, expected);
    assert!(comparison.differs());
    let text = explain(&mut world);
    assert!(
        text.contains("The outcome is the same, but Cadastre also"),
        "{text}"
    );

    // While the taint is there, labels do not follow; the replaced controller takes the taint, and then they do.
    let tainted = World::new("{}").node.taints;
    world.node.taints.clone_from(&tainted);
    let comparison = world.look().comparison;
    assert_eq!(
        (&comparison.upstream, comparison.besides),
        (&Outcome::UntaintsBlindly, expected.to_vec())
    );
    world.node.provided_node_ip = Some("10.0.0.5".into());
    let comparison = world.look().comparison;
    assert!(matches!(comparison.upstream, Outcome::Fails(_)), "{comparison:?}");
    assert_eq!(comparison.besides, Vec::<String>::new());
}
