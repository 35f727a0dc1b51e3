//! What is known of the cluster, and who has something to do when it changes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use api::nmstate::Policy;
use jiff::Timestamp;

use crate::plan::rollout::{EnactmentView, NodeView, Nodes, Orphan, Plan, Settings, Snapshot, orphan, plan};
use crate::plan::selector::Labels;

/// What a change concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Touched {
    /// Nothing that anybody reads.
    Nothing,
    /// One policy.
    Policy(String),
    /// Every policy.
    All,
}

/// An enactment and the version of it that was seen.
#[derive(Clone, Debug)]
struct Entry {
    view: EnactmentView,
    version: u64,
}

/// All that was seen.
#[derive(Debug, Default)]
pub(super) struct Index {
    policies: BTreeMap<String, (Arc<Policy>, u64)>,
    enactments: HashMap<String, Entry>,
    /// Names of enactments by policy.
    of_policy: BTreeMap<String, BTreeSet<String>>,
    nodes: Nodes,
    /// Pods of our process, by name, with their node.
    pods: HashMap<String, String>,
    unmanaged: BTreeSet<String>,
    signs: HashMap<String, Timestamp>,
    /// Age and setting of every NMState object, by name.
    operators: BTreeMap<String, (Option<Timestamp>, bool)>,
}

/// Resource versions grow; what cannot be read counts as the newest.
pub(super) fn version(text: Option<&str>) -> u64 {
    text.and_then(|text| text.parse().ok()).unwrap_or(u64::MAX)
}

impl Index {
    pub(super) fn policy_names(&self) -> Vec<String> {
        self.policies.keys().cloned().collect()
    }

    pub(super) fn enactment_names(&self) -> Vec<String> {
        self.enactments.keys().cloned().collect()
    }

    pub(super) fn enactments_of(&self, policy: &str) -> Vec<String> {
        self.of_policy
            .get(policy)
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }

    pub(super) fn enactments_on(&self, node: &str) -> Vec<String> {
        let on_it = self.enactments.values().filter(|entry| entry.view.node == node);
        on_it.map(|entry| entry.view.name.clone()).collect()
    }

    pub(super) fn policy(&self, name: &str) -> Option<Arc<Policy>> {
        self.policies.get(name).map(|(policy, _)| Arc::clone(policy))
    }

    pub(super) fn enactment(&self, name: &str) -> Option<&EnactmentView> {
        self.enactments.get(name).map(|entry| &entry.view)
    }

    /// An enactment and the resource version it was seen at.
    pub(super) fn versioned(&self, name: &str) -> Option<(EnactmentView, u64)> {
        self.enactments
            .get(name)
            .map(|entry| (entry.view.clone(), entry.version))
    }

    pub(super) fn set_policy(&mut self, policy: Policy) -> Touched {
        let name = policy.name().to_owned();
        let new = version(policy.metadata.resource_version.as_deref());
        if self
            .policies
            .get(&name)
            .is_some_and(|(_, old)| *old >= new && new != u64::MAX)
        {
            return Touched::Nothing;
        }
        self.policies.insert(name.clone(), (Arc::new(policy), new));
        Touched::Policy(name)
    }

    pub(super) fn drop_policy(&mut self, name: &str) {
        self.policies.remove(name);
    }

    pub(super) fn set_enactment(&mut self, view: EnactmentView, version: u64) -> Touched {
        let old = self.enactments.get(&view.name);
        if old.is_some_and(|old| old.version >= version && version != u64::MAX) {
            return Touched::Nothing;
        }
        let same = old.is_some_and(|old| old.view == view);
        let (name, policy) = (view.name.clone(), view.policy.clone());
        if let Some(old) = self.enactments.insert(name.clone(), Entry { view, version }) {
            self.forget(&old.view.policy, &name);
        }
        self.of_policy.entry(policy.clone()).or_default().insert(name);
        if same {
            Touched::Nothing
        } else {
            Touched::Policy(policy)
        }
    }

    /// The answer to a write of ours, unless the object was seen to go or to be another one meanwhile.
    pub(super) fn answered(&mut self, view: EnactmentView, version: u64) {
        if self
            .enactment(&view.name)
            .is_some_and(|known| known.uid == view.uid)
        {
            self.set_enactment(view, version);
        }
    }

    pub(super) fn drop_enactment(&mut self, name: &str) -> Touched {
        let Some(old) = self.enactments.remove(name) else {
            return Touched::Nothing;
        };
        self.forget(&old.view.policy, name);
        Touched::Policy(old.view.policy)
    }

    fn forget(&mut self, policy: &str, name: &str) {
        if let Some(names) = self.of_policy.get_mut(policy) {
            names.remove(name);
            if names.is_empty() {
                self.of_policy.remove(policy);
            }
        }
    }

    pub(super) fn set_node(&mut self, name: &str, labels: Labels, ready: bool) -> Touched {
        let view = NodeView {
            labels,
            ready,
            handler: self.pods.values().any(|node| node == name),
            managed: !self.unmanaged.contains(name),
            sign: self.signs.get(name).copied(),
        };
        self.replace(name, view)
    }

    fn replace(&mut self, name: &str, view: NodeView) -> Touched {
        if self.nodes.get(name) == Some(&view) {
            return Touched::Nothing;
        }
        self.nodes.insert(name.to_owned(), view);
        Touched::All
    }

    pub(super) fn drop_node(&mut self, name: &str) -> Touched {
        match self.nodes.remove(name) {
            Some(_) => Touched::All,
            None => Touched::Nothing,
        }
    }

    pub(super) fn node_names(&self) -> Vec<String> {
        self.nodes.keys().cloned().collect()
    }

    pub(super) fn set_pod(&mut self, pod: &str, node: Option<&str>) -> Touched {
        let old = match node {
            Some(node) => self.pods.insert(pod.to_owned(), node.to_owned()),
            None => self.pods.remove(pod),
        };
        if old.as_deref() == node {
            return Touched::Nothing;
        }
        let of_old = old.map_or(Touched::Nothing, |old| self.refresh(&old));
        let of_new = node.map_or(Touched::Nothing, |node| self.refresh(node));
        if of_old == Touched::All { of_old } else { of_new }
    }

    pub(super) fn pod_names(&self) -> Vec<String> {
        self.pods.keys().cloned().collect()
    }

    pub(super) fn set_managed(&mut self, node: &str, managed: bool) -> Touched {
        let changed = if managed {
            self.unmanaged.remove(node)
        } else {
            self.unmanaged.insert(node.to_owned())
        };
        if changed {
            self.refresh(node)
        } else {
            Touched::Nothing
        }
    }

    pub(super) fn unmanaged_names(&self) -> Vec<String> {
        self.unmanaged.iter().cloned().collect()
    }

    pub(super) fn set_sign(&mut self, node: &str, sign: Option<Timestamp>) -> Touched {
        match sign {
            Some(sign) => self.signs.insert(node.to_owned(), sign),
            None => self.signs.remove(node),
        };
        self.refresh(node)
    }

    /// Puts together anew what is known of a node from elsewhere.
    fn refresh(&mut self, name: &str) -> Touched {
        let Some(node) = self.nodes.get(name) else {
            return Touched::Nothing;
        };
        let (labels, ready) = (node.labels.clone(), node.ready);
        self.set_node(name, labels, ready)
    }

    pub(super) fn set_operator(&mut self, name: &str, seen: Option<(Option<Timestamp>, bool)>) -> Touched {
        let before = self.settings();
        match seen {
            Some(seen) => self.operators.insert(name.to_owned(), seen),
            None => self.operators.remove(name),
        };
        if self.settings() == before {
            Touched::Nothing
        } else {
            Touched::All
        }
    }

    pub(super) fn operator_names(&self) -> Vec<String> {
        self.operators.keys().cloned().collect()
    }

    /// Of several NMState objects the oldest counts (spec §13).
    fn settings(&self) -> Settings {
        let oldest = self
            .operators
            .iter()
            .min_by_key(|(name, (age, _))| (age.unwrap_or(Timestamp::MAX), *name));
        Settings {
            degraded_while_retrying: oldest.is_some_and(|(_, (_, setting))| *setting),
        }
    }

    /// What follows for a policy; `None` if there is none of that name.
    pub(super) fn plan(&self, policy: &str, now: Timestamp) -> Option<(Arc<Policy>, Plan)> {
        let object = self.policy(policy)?;
        let names = self.of_policy.get(policy).into_iter().flatten();
        let enactments: Vec<&EnactmentView> = names.filter_map(|name| self.enactment(name)).collect();
        let plan = plan(&Snapshot {
            policy: &object,
            nodes: &self.nodes,
            enactments: &enactments,
            settings: self.settings(),
            now,
        });
        Some((object, plan))
    }

    /// Whether an enactment has lost its policy or its node.
    pub(super) fn orphan(&self, name: &str) -> Option<(EnactmentView, Orphan)> {
        let view = self.enactment(name)?;
        let policy = self.policies.contains_key(&view.policy);
        let why = orphan(view, policy, self.nodes.contains_key(&view.node))?;
        Some((view.clone(), why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(policy: &str, slot: Option<&str>) -> EnactmentView {
        EnactmentView {
            name: format!("n1.{policy}"),
            uid: "u".to_owned(),
            node: "n1".to_owned(),
            policy: policy.to_owned(),
            slot: slot.map(str::to_owned),
            ..EnactmentView::default()
        }
    }

    #[test]
    fn an_older_version_changes_nothing_and_a_heartbeat_wakes_nobody() {
        let mut index = Index::default();
        let p = Touched::Policy("p".to_owned());
        assert_eq!(index.set_enactment(view("p", None), 5), p);
        assert_eq!(index.set_enactment(view("p", Some("1")), 6), p);
        assert_eq!(index.set_enactment(view("p", None), 5), Touched::Nothing);
        assert_eq!(index.enactment("n1.p").unwrap().slot.as_deref(), Some("1"));
        assert_eq!(index.set_enactment(view("p", Some("1")), 7), Touched::Nothing);
        assert_eq!(index.drop_enactment("n1.p"), p);
        index.answered(view("p", Some("1")), 8);
        assert!(index.enactment("n1.p").is_none(), "an answer brings nothing back");
        assert!(index.enactments_of("p").is_empty());
    }

    #[test]
    fn what_is_known_of_a_node_comes_in_any_order() {
        let mut index = Index::default();
        assert_eq!(
            index.set_pod("handler-x", Some("n1")),
            Touched::Nothing,
            "no such node yet"
        );
        assert_eq!(index.set_managed("n1", false), Touched::Nothing);
        assert_eq!(index.set_node("n1", Labels::new(), true), Touched::All);
        assert_eq!(
            index.set_node("n1", Labels::new(), true),
            Touched::Nothing,
            "a heartbeat"
        );
        let node = &index.nodes["n1"];
        assert!(node.handler && !node.managed && node.ready);
        assert_eq!(index.set_managed("n1", true), Touched::All);
        assert_eq!(
            index.set_pod("handler-y", Some("n1")),
            Touched::Nothing,
            "a second pod"
        );
        assert_eq!(index.set_pod("handler-x", None), Touched::Nothing, "one is left");
        assert_eq!(index.set_pod("handler-y", None), Touched::All);
        assert!(!index.nodes["n1"].handler);
    }

    #[test]
    fn the_oldest_settings_count() {
        let mut index = Index::default();
        let at = |second| Some(Timestamp::from_second(second).unwrap());
        assert_eq!(index.set_operator("b", Some((at(2), false))), Touched::Nothing);
        assert_eq!(
            index.set_operator("a", Some((at(3), true))),
            Touched::Nothing,
            "younger"
        );
        assert_eq!(index.set_operator("b", None), Touched::All);
    }
}
