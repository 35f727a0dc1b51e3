//! Cases 110 to 119: zones, groups and labels.

use runtime::answer::Answer;

use super::world::{World, entries};
use crate::names;
use crate::plan::facts::{Affinity, GuestAnswer};
use crate::plan::labels::{self, LabelChanges};
use crate::plan::node::{Retry, Write};
use crate::plan::notice::Reason;

const OURS: &str = "proxmox://cluster-1/100";

fn groups() -> Answer<Vec<Affinity>> {
    Answer::Known(vec![
        Affinity::new("zeta", "pve-1:2,pve-2"),
        Affinity::new("alpha", "pve-2,pve-1"),
        Affinity::new("other", "pve-11"),
    ])
}

fn group(name: &str) -> String {
    format!("{}{name}", names::GROUP_PREFIX)
}

fn value<'a>(labels: &'a LabelChanges, key: &str) -> Option<&'a str> {
    labels
        .get(key)
        .map(|value| value.as_deref().expect("not removed"))
}

/// The changes of one pass over an initialised Node; empty when nothing is written.
fn pass(world: &mut World) -> LabelChanges {
    match world.look().decision.write {
        Write::Nothing => LabelChanges::new(),
        Write::Update(change) => change.labels,
        other => panic!("{other:?}"),
    }
}

#[test]
fn case_110() {
    let mut world = World::new("{}");
    world.affinity = groups();
    let look = world.look();
    let labels = &look.initialises().labels;
    assert_eq!(
        (value(labels, &group("alpha")), value(labels, &group("zeta"))),
        (Some(""), Some(""))
    );
    assert_eq!(labels.len(), 10, "and the eight of std: {labels:?}");
    assert_eq!(value(labels, names::ZONE), Some("pve-1"));
}

#[test]
fn case_111() {
    let mut world = World::new("{ha_group: true}");
    world.affinity = groups();
    let look = world.look();
    let labels = &look.initialises().labels;
    for key in [names::ZONE, names::BETA_ZONE, names::PROXMOX_ZONE] {
        assert_eq!(value(labels, key), Some("alpha"), "{key}");
    }
}

#[test]
fn case_112() {
    let mut world = World::new("{ha_group: true}");
    let look = world.look();
    look.waits(Reason::NoHaGroup);
    assert!(look.decision.notices[0].text.contains("ha_group_fallback: host"));
    let mut world = World::new("{ha_group: true, ha_group_fallback: host}");
    assert_eq!(
        value(&world.look().initialises().labels, names::ZONE),
        Some("pve-1")
    );
    // Not knowing is no fallback.
    world.affinity = Answer::Unknown("403 Permission check failed (/, Sys.Audit)".to_owned());
    let look = world.look();
    look.waits(Reason::NoHaGroup);
    let text = &look.decision.notices[0].text;
    assert!(
        text.contains("grant Sys.Audit") && !text.contains("fallback"),
        "{text}"
    );
}

#[test]
fn case_113() {
    let mut world = World::initialised(
        "{ha_group: true, network: {mode: qemu}}",
        OURS,
        "H n1, I 10.0.0.5",
    );
    world.guest = GuestAnswer::Known(super::world::interfaces("eth0 10.0.0.6"));
    let look = world.look();
    let Write::Update(change) = &look.decision.write else {
        panic!("{:?}", look.decision)
    };
    assert_eq!(change.addresses, Some(entries("H n1, I 10.0.0.6")));
    assert_eq!(change.labels, LabelChanges::new(), "the last known zone stays");
    assert_eq!(look.comparison.causes[0].id, "D27");
    assert_eq!(look.decision.retry, Retry::Pass);
}

/// The source gives rules for groups (§9); what reaches the plan is the same.
#[test]
fn case_114() {
    let mut world = World::new("{}");
    world.affinity = Answer::Known(vec![Affinity::new("alpha", "pve-1:2")]);
    assert_eq!(
        value(&world.look().initialises().labels, &group("alpha")),
        Some("")
    );
    // While neither can be read, the Node is std all the same, and labels stay.
    let mut world = World::initialised("{}", OURS, "H n1");
    world.node.labels.insert(group("alpha").into(), "".into());
    world.affinity =
        Answer::Unknown("500 cannot index groups: ha groups have been migrated to rules".to_owned());
    assert_eq!(pass(&mut world), LabelChanges::new());
}

#[test]
fn case_115() {
    let mut world = World::new("{ha_group: true}");
    world.affinity = Answer::Known(vec![Affinity::new("alpha", "pve-1:2")]);
    assert_eq!(
        value(&world.look().initialises().labels, names::ZONE),
        Some("alpha")
    );
}

fn moved(features: &str) -> LabelChanges {
    let mut world = World::initialised(features, OURS, "H n1");
    for key in [names::ZONE, names::BETA_ZONE, names::PROXMOX_ZONE] {
        world.node.labels.insert(key.into(), "pve-9".into());
    }
    pass(&mut world)
}

#[test]
fn case_116() {
    let labels = moved("{}");
    assert_eq!(labels.keys().collect::<Vec<_>>(), [names::PROXMOX_ZONE]);
    assert_eq!(value(&labels, names::PROXMOX_ZONE), Some("pve-1"));
}

#[test]
fn case_117() {
    let labels = moved("{force_update_labels: true}");
    for key in [names::ZONE, names::BETA_ZONE, names::PROXMOX_ZONE] {
        assert_eq!(value(&labels, key), Some("pve-1"), "{key}");
    }
    assert_eq!(labels.len(), 3);
}

#[test]
fn case_118() {
    let mut world = World::initialised("{}", OURS, "H n1");
    world.node.labels.insert(names::BETA_ZONE.into(), "a".into());
    world.node.labels.insert(names::ZONE.into(), "b".into());
    let labels = labels::reconcile(&world.node);
    assert_eq!(
        labels.into_iter().collect::<Vec<_>>(),
        [(names::ZONE.to_owned(), Some("a".to_owned()))]
    );
}

#[test]
fn case_119() {
    let mut world = World::initialised("{}", OURS, "H n1");
    world.node.labels.insert(group("old").into(), "".into());
    world.node.labels.insert(group("theirs").into(), "yes".into());
    world.affinity = Answer::Known(vec![Affinity::new("new", "pve-1"), Affinity::new("old", "pve-2")]);
    let labels = pass(&mut world);
    assert_eq!(
        labels.into_iter().collect::<Vec<_>>(),
        [(group("new"), Some(String::new())), (group("old"), None)],
        "a label with a value is not ours"
    );
}

#[test]
fn group_labels_are_left_alone_if_not_wanted() {
    let mut world = World::initialised("{ha_labels: false}", OURS, "H n1");
    world.node.labels.insert(group("old").into(), "".into());
    world.affinity = groups();
    assert_eq!(pass(&mut world), LabelChanges::new());
    assert!(!world.config.settings.needs_affinity());
}

#[test]
fn a_group_name_that_is_no_label_is_left_out() {
    let mut world = World::new("{}");
    world.affinity = Answer::Known(vec![
        Affinity::new("-odd-", "pve-1"),
        Affinity::new("good", "pve-1"),
    ]);
    let look = world.look();
    let labels = &look.initialises().labels;
    assert!(
        labels.contains_key(&group("good")) && labels.len() == 9,
        "{labels:?}"
    );
}
