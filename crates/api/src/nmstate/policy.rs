//! `NodeNetworkConfigurationPolicy`: what nodes are to look like.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::NodeSelectorTerm;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Condition, NmstateKind, Probes, object::kind, wire::absent};

kind!(
    /// A policy: the wanted network of all nodes it selects.
    Policy, NmstateKind::Policy, "v1", PolicySpec, PolicyStatus
);

/// What the selected nodes are to look like, and how careful the roll-out is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicySpec {
    /// Labels a node must carry, all of them. Absent: every node.
    #[serde(
        default,
        deserialize_with = "absent",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    #[schemars(schema_with = "super::schema::node_selector")]
    pub node_selector: BTreeMap<String, String>,
    /// Terms of which a node must satisfy one, besides nodeSelector. Absent: no further condition.
    #[serde(default, deserialize_with = "absent", skip_serializing_if = "Vec::is_empty")]
    pub node_selector_terms: Vec<NodeSelectorTerm>,
    /// Named expressions over a node's current state, for use in desiredState as "{{ capture.NAME.path }}".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::texts")]
    pub capture: Option<BTreeMap<String, String>>,
    /// The wanted network, in nmstate's schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::document")]
    pub desired_state: Option<Value>,
    /// How many nodes may be between old and new at a time: a number or a percentage of the selected nodes. Default 50%.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::int_or_string")]
    pub max_unavailable: Option<IntOrString>,
    /// Which interfaces the entries of desiredState without a name are for.
    #[serde(default, rename = "match", skip_serializing_if = "Option::is_none")]
    pub match_: Option<Match>,
    /// Place among the policies of a node, -1000 to 1000; where two set the same, the higher one wins. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::policy_priority")]
    pub priority: Option<i32>,
    /// Configuration made from what the network announces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_config: Option<AutoConfig>,
    /// Policies that must be Available on a node before this one is applied there.
    #[serde(default, deserialize_with = "absent", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub after: Vec<String>,
    /// Connectivity that must survive the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::probes")]
    pub probes: Option<Probes>,
    /// What happens on the nodes when the policy is deleted or no longer selects them. Default Retain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_delete: Option<OnDelete>,
    /// What happens when a node no longer looks as applied. Default Ignore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
    /// Values from Secrets, for use in desiredState as "{{ secret.NAME }}".
    #[serde(default, deserialize_with = "absent", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub secrets: Vec<SecretSource>,
    /// Allows this policy to be applied without NetworkManager.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::boolean_schema")]
    pub allow_kernel_backend: Option<bool>,
    /// Without NetworkManager: allows interfaces that systemd-networkd manages to be taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::boolean_schema")]
    pub takeover: Option<bool>,
    /// Without NetworkManager: whether name servers may be written to resolv.conf. Default None.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_mode: Option<KernelDns>,
}

/// Rules by which interfaces are chosen on each node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Match {
    /// One rule or a list of rules, of which one must hold. Keys of a rule: name, type, state, mac-address,
    /// permanent-mac-address, driver, pci-address, carrier, controller, lldp; all given ones must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::untyped")]
    pub interfaces: Option<Value>,
}

/// Configuration made from what the network announces.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AutoConfig {
    /// Bonds interfaces on which the same VLAN is announced. The block is refused unless this is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::boolean_schema")]
    pub auto_bonding: Option<bool>,
    /// How the bonds are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bond: Option<AutoBond>,
}

/// How bonds are made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AutoBond {
    /// Bond mode. Default active-backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::bond_mode")]
    pub mode: Option<String>,
    /// Bond options in nmstate's schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::document")]
    pub options: Option<Value>,
    /// The bond is named by this and the lowest VLAN id of its group. Default bond.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::name_prefix")]
    pub name_prefix: Option<String>,
    /// Groups of fewer ports are left alone. Default 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::ports")]
    pub min_ports: Option<u8>,
    /// No more ports than this per bond. Default 8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::ports")]
    pub max_ports: Option<u8>,
    /// What the ports of a bond have in common. Default Vlan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_by: Option<GroupBy>,
    /// Whether VLAN interfaces are made on the bond. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::boolean_schema")]
    pub create_vlans: Option<bool>,
    /// How these are named. Default Id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan_name_from: Option<VlanName>,
    /// Whether ports that carry the default route or the node's address may be taken. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::boolean_schema")]
    pub allow_default_route: Option<bool>,
}

/// What the ports of a bond have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum GroupBy {
    /// An announced VLAN.
    #[default]
    Vlan,
    /// An announced VLAN, and the name of the neighbour.
    VlanAndSystem,
}

/// How VLAN interfaces are named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum VlanName {
    /// Bond and id, e.g. bond101.101.
    #[default]
    Id,
    /// The name the neighbour announces.
    Lldp,
}

/// What happens on the nodes when a policy goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnDelete {
    /// The network stays as it is.
    #[default]
    Retain,
    /// What the policy changed is put back.
    Revert,
}

/// What happens when a node no longer looks as applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Drift {
    /// Nothing.
    #[default]
    Ignore,
    /// It is listed in the enactment.
    Report,
    /// It is applied again.
    Enforce,
}

/// Whether name servers may be written to resolv.conf.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum KernelDns {
    /// A policy with name servers is refused.
    #[default]
    None,
    /// Written to resolv.conf.
    File,
}

/// A value from a Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretSource {
    /// How desiredState refers to it.
    pub name: String,
    /// Where it is.
    pub secret_ref: SecretRef,
}

/// Where a value is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Name of the Secret.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The key within its data.
    pub key: String,
}

/// How far the roll-out is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyStatus {
    /// Available, Degraded, Progressing, Ignored.
    #[serde(default, deserialize_with = "absent", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Nodes that hold a slot, counted by generation of the policy. Made from slots, for programs that read it.
    #[serde(
        default,
        deserialize_with = "absent",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    #[schemars(schema_with = "super::schema::counts")]
    pub unavailable_node_count_map: BTreeMap<String, i64>,
    /// No longer written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::integer_schema")]
    pub unavailable_node_count: Option<i64>,
    /// No longer written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_unavailable_node_count_update: Option<Time>,
    /// Nodes that are, or were when they failed, between old and new.
    #[serde(default, deserialize_with = "absent", skip_serializing_if = "Vec::is_empty")]
    pub slots: Vec<Slot>,
    /// How many nodes are in which state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
    /// What another policy of the same priority sets differently.
    #[serde(default, deserialize_with = "absent", skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<PolicyConflict>,
    /// The generation of the policy this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::int64_schema")]
    pub observed_generation: Option<i64>,
}

/// One node that holds a slot of a roll-out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Slot {
    /// Its name.
    pub node: String,
    /// The generation of the policy it may apply.
    #[schemars(schema_with = "crate::crds::int64_schema")]
    pub generation: i64,
    /// Since when.
    pub since: Time,
}

/// How many nodes are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Summary {
    /// Nodes the policy is for.
    #[schemars(schema_with = "crate::crds::integer_schema")]
    pub matching: i64,
    /// Nodes that look as wanted.
    #[schemars(schema_with = "crate::crds::integer_schema")]
    pub available: i64,
    /// Nodes that gave up.
    #[schemars(schema_with = "crate::crds::integer_schema")]
    pub failing: i64,
    /// Nodes that never tried, because too many others gave up.
    #[schemars(schema_with = "crate::crds::integer_schema")]
    pub aborted: i64,
    /// Nodes that wait.
    #[schemars(schema_with = "crate::crds::integer_schema")]
    pub pending: i64,
    /// Nodes at work, or about to try again.
    #[schemars(schema_with = "crate::crds::integer_schema")]
    pub progressing: i64,
    /// Nodes that are not Ready.
    #[schemars(schema_with = "crate::crds::integer_schema")]
    pub not_ready: i64,
    /// Nodes the policy selects that are not managed.
    #[schemars(schema_with = "crate::crds::integer_schema")]
    pub unmanaged: i64,
}

/// A value another policy of the same priority sets differently.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyConflict {
    /// What is set, e.g. interfaces.eth1.mtu.
    pub path: String,
    /// On which node.
    pub node: String,
    /// The other policy.
    pub with: String,
}
