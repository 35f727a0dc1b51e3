use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;

use super::SystemUuid;
use crate::names;

/// Type of an entry of `status.addresses`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressKind {
    /// `Hostname`.
    Hostname,
    /// `InternalIP`.
    InternalIp,
    /// `ExternalIP`.
    ExternalIp,
    /// A type that we never produce, as `InternalDNS`.
    Other(Box<str>),
}

impl AddressKind {
    /// The text of the API.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Hostname => "Hostname",
            Self::InternalIp => "InternalIP",
            Self::ExternalIp => "ExternalIP",
            Self::Other(text) => text,
        }
    }

    /// Whether entries of this type hold an IP address.
    #[must_use]
    pub fn is_ip(&self) -> bool {
        matches!(self, Self::InternalIp | Self::ExternalIp)
    }
}

impl From<&str> for AddressKind {
    fn from(text: &str) -> Self {
        match text {
            "Hostname" => Self::Hostname,
            "InternalIP" => Self::InternalIp,
            "ExternalIP" => Self::ExternalIp,
            other => Self::Other(other.into()),
        }
    }
}

impl fmt::Display for AddressKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One entry of `status.addresses`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeAddress {
    /// Its type.
    pub kind: AddressKind,
    /// Its text: canonical for IP addresses that we made, as found for others.
    pub address: Box<str>,
}

impl NodeAddress {
    /// An entry.
    #[must_use]
    pub fn new(kind: AddressKind, address: &str) -> Self {
        Self {
            kind,
            address: address.into(),
        }
    }
}

impl fmt::Display for NodeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.address)
    }
}

/// Effect of the shutdown taint; those with another one are not ours (§7, §8.3).
pub const SHUTDOWN_EFFECT: &str = "NoSchedule";

/// A taint of a Node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taint {
    /// Its key.
    pub key: Box<str>,
    /// Its value, perhaps empty.
    pub value: Box<str>,
    /// Its effect, as `NoSchedule`.
    pub effect: Box<str>,
}

/// The Node's condition `Ready`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// `True`.
    True,
    /// `False`.
    False,
    /// `Unknown`: kubelet has not reported for a while.
    Unknown,
    /// There is no such condition.
    Missing,
}

/// What decisions read of a Node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeFacts {
    /// `metadata.name`.
    pub name: Box<str>,
    /// `metadata.uid`: a re-created Node of the same name is another Node.
    pub uid: Box<str>,
    /// Opaque token for guarded writes.
    pub resource_version: Box<str>,
    /// `spec.providerID`; empty when not set.
    pub provider_id: Box<str>,
    /// `status.nodeInfo.systemUUID`; `None` when empty.
    pub system_uuid: Option<SystemUuid>,
    /// Annotation `alpha.kubernetes.io/provided-node-ip`, raw.
    pub provided_node_ip: Option<Box<str>>,
    /// Annotation `proxmox.sinextra.dev/instance-id`, raw.
    pub instance_id: Option<Box<str>>,
    /// Labels of interest only ([`names::is_label_of_interest`]).
    pub labels: BTreeMap<Box<str>, Box<str>>,
    /// `spec.taints`, all of them: a write replaces the list.
    pub taints: Vec<Taint>,
    /// Condition `Ready`.
    pub ready: Ready,
    /// `status.addresses`, in order.
    pub addresses: Vec<NodeAddress>,
    /// `metadata.creationTimestamp`; whole seconds.
    pub created: Option<Timestamp>,
    /// Somebody asked for its deletion already.
    pub deleting: bool,
}

impl NodeFacts {
    /// Reads the facts of a Node. Never fails: what is missing is empty.
    #[must_use]
    pub fn read(node: &Node) -> Self {
        let (meta, spec, status) = (&node.metadata, node.spec.as_ref(), node.status.as_ref());
        let annotation = |key: &str| {
            meta.annotations
                .as_ref()?
                .get(key)
                .map(|text| text.as_str().into())
        };
        let system_uuid = status
            .and_then(|s| s.node_info.as_ref())
            .map(|info| info.system_uuid.as_str());
        Self {
            name: meta.name.as_deref().unwrap_or_default().into(),
            uid: meta.uid.as_deref().unwrap_or_default().into(),
            resource_version: meta.resource_version.as_deref().unwrap_or_default().into(),
            provider_id: spec
                .and_then(|s| s.provider_id.as_deref())
                .unwrap_or_default()
                .into(),
            system_uuid: system_uuid.and_then(SystemUuid::new),
            provided_node_ip: annotation(names::PROVIDED_NODE_IP),
            instance_id: annotation(names::INSTANCE_ID),
            labels: labels(node),
            taints: taints(node),
            ready: ready(node),
            addresses: addresses(node),
            created: meta.creation_timestamp.as_ref().map(|time| time.0),
            deleting: meta.deletion_timestamp.is_some(),
        }
    }

    /// Whether a cloud controller still has to initialise it (any effect counts).
    #[must_use]
    pub fn is_tainted(&self) -> bool {
        self.taints
            .iter()
            .any(|taint| &*taint.key == names::TAINT_UNINITIALIZED)
    }

    /// Whether it carries the shutdown taint, with the effect that we write.
    #[must_use]
    pub fn is_shut_down(&self) -> bool {
        let ours = |taint: &Taint| &*taint.key == names::TAINT_SHUTDOWN && &*taint.effect == SHUTDOWN_EFFECT;
        self.taints.iter().any(ours)
    }

    /// A label's value.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels.get(key).map(|value| &**value)
    }

    /// The entries of `status.addresses` that hold an IP address.
    pub fn ip_entries(&self) -> impl Iterator<Item = &NodeAddress> {
        self.addresses.iter().filter(|entry| entry.kind.is_ip())
    }
}

fn labels(node: &Node) -> BTreeMap<Box<str>, Box<str>> {
    let all = node.metadata.labels.iter().flatten();
    all.filter(|(key, _)| names::is_label_of_interest(key))
        .map(|(key, value)| (key.as_str().into(), value.as_str().into()))
        .collect()
}

fn taints(node: &Node) -> Vec<Taint> {
    let all = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
    all.map(|taint| Taint {
        key: taint.key.as_str().into(),
        value: taint.value.as_deref().unwrap_or_default().into(),
        effect: taint.effect.as_str().into(),
    })
    .collect()
}

fn ready(node: &Node) -> Ready {
    let mut conditions = node
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    match conditions
        .find(|condition| condition.type_ == "Ready")
        .map(|ready| ready.status.as_str())
    {
        None => Ready::Missing,
        Some("True") => Ready::True,
        Some("False") => Ready::False,
        Some(_) => Ready::Unknown,
    }
}

fn addresses(node: &Node) -> Vec<NodeAddress> {
    let all = node
        .status
        .iter()
        .flat_map(|status| status.addresses.iter().flatten());
    all.map(|entry| NodeAddress::new(entry.type_.as_str().into(), &entry.address))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_read() {
        let node: Node = serde_json::from_value(serde_json::json!({
            "metadata": {
                "name": "n1", "uid": "6f1c", "resourceVersion": "7", "creationTimestamp": "2026-01-02T03:04:05Z",
                "labels": {"app": "x", "topology.kubernetes.io/zone": "pve-1"},
                "annotations": {"alpha.kubernetes.io/provided-node-ip": "10.0.0.5", "other": "y"}
            },
            "spec": {
                "providerID": "proxmox://a/1",
                "taints": [
                    {"key": "node.cloudprovider.kubernetes.io/uninitialized", "value": "true", "effect": "NoExecute"},
                    {"key": "node.cloudprovider.kubernetes.io/shutdown", "effect": "NoExecute"}
                ]
            },
            "status": {
                "nodeInfo": {
                    "systemUUID": "U-1", "architecture": "", "bootID": "", "containerRuntimeVersion": "",
                    "kernelVersion": "", "kubeProxyVersion": "", "kubeletVersion": "", "machineID": "",
                    "operatingSystem": "", "osImage": ""
                },
                "conditions": [{"type": "Ready", "status": "False"}],
                "addresses": [{"type": "InternalDNS", "address": "n1.local"}, {"type": "InternalIP", "address": "10.0.0.5"}]
            }
        }))
        .unwrap();
        let facts = NodeFacts::read(&node);
        assert_eq!(
            (&*facts.name, &*facts.uid, &*facts.resource_version),
            ("n1", "6f1c", "7")
        );
        assert_eq!(
            (&*facts.provider_id, facts.system_uuid.as_ref().unwrap().as_str()),
            ("proxmox://a/1", "U-1")
        );
        assert_eq!(
            (facts.provided_node_ip.as_deref(), facts.instance_id.as_deref()),
            (Some("10.0.0.5"), None)
        );
        assert_eq!(
            (facts.label("topology.kubernetes.io/zone"), facts.labels.len()),
            (Some("pve-1"), 1)
        );
        assert!(facts.is_tainted(), "any effect");
        assert!(!facts.is_shut_down(), "only our effect");
        assert_eq!(facts.ready, Ready::False);
        assert_eq!(facts.ip_entries().count(), 1);
        assert_eq!(facts.created.unwrap().as_second(), 1_767_323_045);
        assert!(!facts.deleting);
    }

    #[test]
    fn an_empty_node_is_read() {
        let facts = NodeFacts::read(&Node::default());
        assert_eq!(
            (facts.ready, facts.system_uuid, &*facts.provider_id),
            (Ready::Missing, None, "")
        );
    }
}
