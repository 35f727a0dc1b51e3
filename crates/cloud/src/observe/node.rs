//! A Node as the API server sends it, without what we never read: images and volumes are most of its bytes.

use std::borrow::Cow;

use k8s_openapi::ClusterResourceScope;
use k8s_openapi::api::core::v1::{
    Node, NodeAddress, NodeCondition, NodeSpec, NodeStatus, NodeSystemInfo, Taint,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::Deserialize;

use crate::plan::facts::NodeFacts;

/// A Node, as far as it is read. Not kept: [`SlimNode::seen`] is.
#[derive(Clone, Debug, Deserialize)]
pub struct SlimNode {
    #[serde(deserialize_with = "api::meta::slim")]
    metadata: ObjectMeta,
    #[serde(default)]
    spec: SlimSpec,
    #[serde(default)]
    status: SlimStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SlimSpec {
    #[serde(rename = "providerID")]
    provider_id: Option<String>,
    taints: Option<Vec<Taint>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SlimStatus {
    addresses: Option<Vec<NodeAddress>>,
    conditions: Option<Vec<SlimCondition>>,
    node_info: Option<SlimInfo>,
}

#[derive(Clone, Debug, Deserialize)]
struct SlimCondition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SlimInfo {
    #[serde(rename = "systemUUID", default)]
    system_uuid: String,
}

/// What is kept of a Node.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// What decisions read.
    pub facts: NodeFacts,
    /// `metadata.labels` exists, so that a patch need not make it.
    pub has_labels: bool,
    /// `metadata.annotations` exists.
    pub has_annotations: bool,
}

impl SlimNode {
    /// What is kept of it.
    #[must_use]
    pub fn seen(self) -> Seen {
        let (has_labels, has_annotations) = (
            self.metadata.labels.is_some(),
            self.metadata.annotations.is_some(),
        );
        Seen {
            facts: NodeFacts::read(&self.into_node()),
            has_labels,
            has_annotations,
        }
    }

    fn into_node(self) -> Node {
        let conditions = self.status.conditions.map(|all| {
            let condition = |slim: SlimCondition| NodeCondition {
                type_: slim.kind,
                status: slim.status,
                ..NodeCondition::default()
            };
            all.into_iter().map(condition).collect()
        });
        let node_info = self.status.node_info.map(|info| NodeSystemInfo {
            system_uuid: info.system_uuid,
            ..NodeSystemInfo::default()
        });
        Node {
            metadata: self.metadata,
            spec: Some(NodeSpec {
                provider_id: self.spec.provider_id,
                taints: self.spec.taints,
                ..NodeSpec::default()
            }),
            status: Some(NodeStatus {
                addresses: self.status.addresses,
                conditions,
                node_info,
                ..NodeStatus::default()
            }),
        }
    }
}

impl Resource for SlimNode {
    type DynamicType = ();
    type Scope = ClusterResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "Node".into()
    }

    fn group((): &()) -> Cow<'_, str> {
        "".into()
    }

    fn version((): &()) -> Cow<'_, str> {
        "v1".into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        "nodes".into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::facts::Ready;

    #[test]
    fn a_node_is_read_without_what_fills_it() {
        let node: SlimNode = serde_json::from_value(json!({
            "metadata": {
                "name": "n1", "uid": "u", "resourceVersion": "7", "labels": {"app": "x"},
                "annotations": {"alpha.kubernetes.io/provided-node-ip": "10.0.0.5"},
                "managedFields": [{"fieldsV1": {"f:status": {}}}],
            },
            "spec": {"providerID": "proxmox://fsn/100", "podCIDR": "10.1.0.0/24", "taints": [
                {"key": "node.cloudprovider.kubernetes.io/uninitialized", "effect": "NoSchedule", "value": "true"},
            ]},
            "status": {
                "addresses": [{"type": "Hostname", "address": "n1"}],
                "conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-01-01T00:00:00Z"}],
                "images": [{"names": ["a"], "sizeBytes": 1}],
                "nodeInfo": {"systemUUID": "U1", "kubeletVersion": "v1.35.0"},
            },
        }))
        .unwrap();
        let seen = node.seen();
        assert!(seen.has_labels && seen.has_annotations && seen.facts.is_tainted());
        assert_eq!(seen.facts.ready, Ready::True);
        assert_eq!(&*seen.facts.provider_id, "proxmox://fsn/100");
        assert_eq!(seen.facts.provided_node_ip.as_deref(), Some("10.0.0.5"));
        assert_eq!(
            seen.facts.system_uuid.map(|uuid| uuid.to_string()).as_deref(),
            Some("U1")
        );
        assert_eq!(seen.facts.addresses.len(), 1);
    }

    #[test]
    fn a_node_that_kubelet_has_just_made_is_read_too() {
        let node: SlimNode =
            serde_json::from_value(json!({"metadata": {"name": "n1"}, "spec": {}, "status": {}})).unwrap();
        let seen = node.seen();
        assert!(!seen.has_labels && !seen.facts.is_tainted());
        assert_eq!((seen.facts.ready, seen.facts.system_uuid), (Ready::Missing, None));
    }
}
