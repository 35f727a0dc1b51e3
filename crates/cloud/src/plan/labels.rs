//! Which labels a Node gets (§8.1, §6.3).

use std::collections::{BTreeMap, BTreeSet};

use super::facts::NodeFacts;
use super::provider_id::ProviderId;
use super::topology::Topology;
use crate::names;

/// Labels to write: a value sets, `None` removes. Only what differs is in it.
pub type LabelChanges = BTreeMap<String, Option<String>>;

/// What the labels of a Node say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// The configured region of the machine.
    pub region: &'a str,
    /// Zone and groups.
    pub topology: &'a Topology,
    /// Name of the machine's type, where its size is known.
    pub instance_type: Option<&'a str>,
}

/// Labels at initialisation: those of Kubernetes are overwritten, ours are set only where absent.
#[must_use]
pub fn initial(node: &NodeFacts, wanted: &Wanted<'_>) -> LabelChanges {
    let mut changes = Changes::of(node);
    changes.kubernetes(wanted, true);
    for (key, value) in ours(wanted) {
        if node.label(&key).is_none() {
            changes.set(&key, value);
        }
    }
    changes.done()
}

/// Labels of an initialised Node: ours follow the machine, those of Kubernetes only with `force_update_labels`.
///
/// Storage keeps the zone in volumes, so moving `topology.kubernetes.io/zone` can strand pods.
#[must_use]
pub fn update(node: &NodeFacts, wanted: &Wanted<'_>, force: bool) -> LabelChanges {
    let mut changes = Changes::of(node);
    changes.kubernetes(wanted, force);
    for (key, value) in ours(wanted) {
        changes.set(&key, value);
    }
    if let Some(groups) = &wanted.topology.groups {
        changes.remove_groups_except(groups);
    }
    let mut changes = changes.done();
    // The beta label is the master copy on every event; without `force` it decides here too, or both would fight.
    if !force {
        changes.extend(reconcile(node));
    }
    changes
}

/// The event-time rule: where a beta label exists, its successor has the same value (§6.3). Nodes of other clouds are left
/// alone: what their labels say is the business of their own controller.
#[must_use]
pub fn reconcile(node: &NodeFacts) -> LabelChanges {
    if ProviderId::parse(&node.provider_id).is_own() {
        followers(node)
    } else {
        LabelChanges::new()
    }
}

/// The same whosever Node it is, as the replaced controller has it.
#[must_use]
pub fn followers(node: &NodeFacts) -> LabelChanges {
    let mut changes = Changes::of(node);
    for (beta, stable) in names::LABEL_PAIRS {
        if let Some(value) = node.label(beta) {
            changes.set(stable, value);
        }
    }
    changes.done()
}

/// Labels in our own domain.
fn ours<'a>(wanted: &'a Wanted<'_>) -> impl Iterator<Item = (String, &'a str)> {
    let groups = wanted.topology.groups.iter().flatten();
    let groups = groups.map(|name| (format!("{}{name}", names::GROUP_PREFIX), ""));
    let zone = wanted
        .topology
        .zone
        .iter()
        .map(|zone| (names::PROXMOX_ZONE.to_owned(), zone.as_str()));
    let region = std::iter::once((names::PROXMOX_REGION.to_owned(), wanted.region));
    region.chain(zone).chain(groups)
}

/// Changes against the labels a Node has.
struct Changes<'a> {
    node: &'a NodeFacts,
    changes: LabelChanges,
}

impl<'a> Changes<'a> {
    fn of(node: &'a NodeFacts) -> Self {
        Self {
            node,
            changes: LabelChanges::new(),
        }
    }

    fn set(&mut self, key: &str, value: &str) {
        if self.node.label(key) != Some(value) {
            self.changes.insert(key.to_owned(), Some(value.to_owned()));
        }
    }

    /// The six well-known labels, if they are to be written at all.
    fn kubernetes(&mut self, wanted: &Wanted<'_>, write: bool) {
        if !write {
            return;
        }
        let values = [
            (names::BETA_REGION, names::REGION, Some(wanted.region)),
            (names::BETA_ZONE, names::ZONE, wanted.topology.zone.as_deref()),
            (
                names::BETA_INSTANCE_TYPE,
                names::INSTANCE_TYPE,
                wanted.instance_type,
            ),
        ];
        for (beta, stable, value) in values {
            if let Some(value) = value {
                self.set(beta, value);
                self.set(stable, value);
            }
        }
    }

    /// A group label with an empty value is managed by us; one with a value is somebody else's.
    fn remove_groups_except(&mut self, groups: &[Box<str>]) {
        let groups: BTreeSet<&str> = groups.iter().map(|name| &**name).collect();
        for (key, value) in &self.node.labels {
            let Some(group) = key.strip_prefix(names::GROUP_PREFIX) else {
                continue;
            };
            if value.is_empty() && !groups.contains(group) {
                self.changes.insert(key.to_string(), None);
            }
        }
    }

    fn done(self) -> LabelChanges {
        self.changes
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Node;

    use super::*;

    #[test]
    fn case_118_the_beta_label_is_followed_on_our_own_nodes_and_on_no_others() {
        let mut node = NodeFacts::read(&Node::default());
        node.labels.insert(names::BETA_ZONE.into(), "a".into());
        node.labels.insert(names::ZONE.into(), "b".into());
        let follows = LabelChanges::from([(names::ZONE.to_owned(), Some("a".to_owned()))]);
        for (provider_id, wanted) in [
            ("", &follows),
            ("proxmox://fsn/100", &follows),
            ("proxmox://11833f4c-341f-4bd3-aad7-f7abed000001", &follows),
            ("k3s://n1", &LabelChanges::new()),
            ("proxmoxfoo://fsn/100", &LabelChanges::new()),
        ] {
            node.provider_id = provider_id.into();
            assert_eq!(reconcile(&node), *wanted, "{provider_id}");
        }
    }
}
