//! JSON patches of Nodes. Each tests uid and resourceVersion first, so that it applies to the state it was made for.
//!
//! Why not a merge patch with the resourceVersion inside: it would replace `spec.taints` as a whole, and with that the
//! time a taint was added, which we do not keep.

use serde_json::{Value, json};

use crate::names;
use crate::observe::Seen;
use crate::plan::facts::{NodeAddress, NodeFacts, Taint};
use crate::plan::labels::LabelChanges;
use crate::plan::node::Change;

/// A patch in the making.
pub(super) struct Draft<'a> {
    seen: &'a Seen,
    operations: Vec<Value>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(seen: &'a Seen) -> Self {
        let facts = &seen.facts;
        let operations = vec![
            json!({"op": "test", "path": "/metadata/uid", "value": facts.uid}),
            json!({"op": "test", "path": "/metadata/resourceVersion", "value": facts.resource_version}),
        ];
        Self { seen, operations }
    }

    /// Provider ID, labels and annotation of a change; addresses are of the status.
    pub(super) fn change(mut self, change: &Change) -> Self {
        if let Some(id) = &change.provider_id {
            self.add("/spec/providerID", &json!(id));
        }
        self = self.labels(&change.labels);
        if let Some(id) = &change.instance_id {
            if !self.seen.has_annotations {
                self.add("/metadata/annotations", &json!({}));
            }
            self.add(
                &format!("/metadata/annotations/{}", escaped(names::INSTANCE_ID)),
                &json!(id),
            );
        }
        self
    }

    pub(super) fn labels(mut self, changes: &LabelChanges) -> Self {
        if !changes.is_empty() && !self.seen.has_labels {
            self.add("/metadata/labels", &json!({}));
        }
        for (key, value) in changes {
            let path = format!("/metadata/labels/{}", escaped(key));
            match value {
                Some(value) => self.add(&path, &json!(value)),
                None => self.operations.push(json!({"op": "remove", "path": path})),
            }
        }
        self
    }

    /// Removes every taint with this key, with the one effect or with all of them.
    pub(super) fn without_taint(mut self, key: &str, effect: Option<&str>) -> Self {
        let taints = self.seen.facts.taints.iter().enumerate();
        let is_meant =
            |taint: &Taint| &*taint.key == key && effect.is_none_or(|effect| &*taint.effect == effect);
        // From the last: each removal moves those behind it.
        let places: Vec<usize> = taints
            .filter(|(_, taint)| is_meant(taint))
            .map(|(place, _)| place)
            .collect();
        for place in places.into_iter().rev() {
            self.operations
                .push(json!({"op": "remove", "path": format!("/spec/taints/{place}")}));
        }
        self
    }

    pub(super) fn with_taint(mut self, key: &str, effect: &str) -> Self {
        let taint = json!({"key": key, "effect": effect});
        if self.seen.facts.taints.is_empty() {
            self.add("/spec/taints", &json!([taint]));
        } else {
            self.add("/spec/taints/-", &taint);
        }
        self
    }

    pub(super) fn addresses(mut self, addresses: &[NodeAddress]) -> Self {
        let list: Vec<Value> = addresses
            .iter()
            .map(|entry| json!({"type": entry.kind.as_str(), "address": entry.address}))
            .collect();
        self.add("/status/addresses", &json!(list));
        self
    }

    /// Whether it says anything besides its conditions.
    pub(super) fn is_empty(&self) -> bool {
        self.operations.len() <= 2
    }

    pub(super) fn finish(self) -> json_patch::Patch {
        serde_json::from_value(Value::Array(self.operations)).expect("every operation is one of JSON Patch")
    }

    fn add(&mut self, path: &str, value: &Value) {
        self.operations
            .push(json!({"op": "add", "path": path, "value": value}));
    }
}

/// A key as part of a JSON pointer (RFC 6901).
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Whether a decision made on `old` is still the right one on `new`: only what it does not read has changed. Readiness is
/// read by the lifecycle alone.
pub(super) fn still_holds(old: &NodeFacts, new: &NodeFacts, reads_ready: bool) -> bool {
    old.uid == new.uid
        && old.provider_id == new.provider_id
        && old.system_uuid == new.system_uuid
        && old.provided_node_ip == new.provided_node_ip
        && old.instance_id == new.instance_id
        && old.labels == new.labels
        && old.addresses == new.addresses
        && old.is_tainted() == new.is_tainted()
        && old.is_shut_down() == new.is_shut_down()
        && (!reads_ready || old.ready == new.ready)
        && old.deleting == new.deleting
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Node;

    use super::*;
    use crate::plan::facts::{AddressKind, Ready};

    fn seen(taints: &[&str], has_labels: bool) -> Seen {
        let mut facts = NodeFacts::read(&Node::default());
        (facts.uid, facts.resource_version) = ("u".into(), "7".into());
        facts.taints = taints
            .iter()
            .map(|key| Taint {
                key: (*key).into(),
                value: "".into(),
                effect: "NoSchedule".into(),
            })
            .collect();
        Seen {
            facts,
            has_labels,
            has_annotations: false,
        }
    }

    fn applied(draft: Draft<'_>, mut to: Value) -> Value {
        json_patch::patch(&mut to, &draft.finish()).unwrap();
        to
    }

    #[test]
    fn a_new_node_gets_everything_in_one_patch() {
        let seen = seen(
            &[names::TAINT_UNINITIALIZED, "other", names::TAINT_UNINITIALIZED],
            false,
        );
        let mut change = Change {
            provider_id: Some("proxmox://fsn/1".into()),
            ..Change::default()
        };
        change.instance_id = Some("1".into());
        change.labels.insert(names::REGION.into(), Some("fsn".into()));
        let draft = Draft::new(&seen)
            .change(&change)
            .without_taint(names::TAINT_UNINITIALIZED, None);
        let node = json!({"metadata": {"uid": "u", "resourceVersion": "7"}, "spec": {"taints": [
            {"key": names::TAINT_UNINITIALIZED}, {"key": "other", "timeAdded": "t"}, {"key": names::TAINT_UNINITIALIZED},
        ]}});
        let node = applied(draft, node);
        assert_eq!(
            node["spec"]["taints"],
            json!([{"key": "other", "timeAdded": "t"}])
        );
        assert_eq!(node["spec"]["providerID"], "proxmox://fsn/1");
        assert_eq!(node["metadata"]["labels"], json!({names::REGION: "fsn"}));
        assert_eq!(node["metadata"]["annotations"], json!({names::INSTANCE_ID: "1"}));
    }

    #[test]
    fn only_the_effect_that_was_written_is_taken_back() {
        let mut seen = seen(&[names::TAINT_SHUTDOWN, "other", names::TAINT_SHUTDOWN], true);
        seen.facts.taints[0].effect = "NoExecute".into();
        let draft = Draft::new(&seen).without_taint(names::TAINT_SHUTDOWN, Some("NoSchedule"));
        let node = json!({"metadata": {"uid": "u", "resourceVersion": "7"}, "spec": {"taints": [
            {"key": names::TAINT_SHUTDOWN, "effect": "NoExecute"}, {"key": "other"},
            {"key": names::TAINT_SHUTDOWN, "effect": "NoSchedule"},
        ]}});
        let node = applied(draft, node);
        let left = json!([{"key": names::TAINT_SHUTDOWN, "effect": "NoExecute"}, {"key": "other"}]);
        assert_eq!(node["spec"]["taints"], left);
    }

    #[test]
    fn a_patch_for_another_state_does_not_apply() {
        let seen = seen(&[], true);
        let draft = Draft::new(&seen).with_taint(names::TAINT_SHUTDOWN, "NoSchedule");
        assert!(!draft.is_empty());
        let mut node = json!({"metadata": {"uid": "u", "resourceVersion": "8"}, "spec": {}});
        assert!(json_patch::patch(&mut node, &draft.finish()).is_err());
    }

    #[test]
    fn addresses_replace_the_whole_list() {
        let seen = seen(&[], true);
        let list = [NodeAddress::new(AddressKind::Hostname, "n1")];
        let node = json!({"metadata": {"uid": "u", "resourceVersion": "7"},
            "status": {"addresses": [{"type": "InternalDNS", "address": "x"}]}});
        let node = applied(Draft::new(&seen).addresses(&list), node);
        assert_eq!(
            node["status"]["addresses"],
            json!([{"type": "Hostname", "address": "n1"}])
        );
    }

    #[test]
    fn a_heartbeat_does_not_undo_a_decision_and_a_new_address_does() {
        let old = seen(&[], true).facts;
        let mut new = old.clone();
        new.resource_version = "8".into();
        assert!(still_holds(&old, &new, true));
        new.ready = Ready::True;
        assert!(still_holds(&old, &new, false) && !still_holds(&old, &new, true));
        new.provided_node_ip = Some("10.0.0.5".into());
        assert!(!still_holds(&old, &new, false));
    }
}
