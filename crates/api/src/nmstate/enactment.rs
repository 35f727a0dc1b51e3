//! `NodeNetworkConfigurationEnactment`: what one policy came to on one node.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Condition, NmstateKind, object::kind, wire::absent};

/// An enactment asks for nothing: it has no spec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NoSpec {}

kind!(
    /// An enactment: one policy on one node.
    Enactment, NmstateKind::Enactment, "v1beta1", NoSpec, EnactmentStatus
);

/// What the policy came to on the node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnactmentStatus {
    /// Available, Failing, Progressing, Pending, Aborted.
    #[serde(default, deserialize_with = "absent", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// What was applied: templates resolved, defaults added, secrets hidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::document")]
    pub desired_state: Option<Value>,
    /// About desiredState.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired_state_meta_info: Option<MetaInfo>,
    /// Results of the policy's captures.
    #[serde(
        default,
        deserialize_with = "absent",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    #[schemars(schema_with = "super::schema::captured_states")]
    pub captured_states: BTreeMap<String, CapturedState>,
    /// The generation of the policy this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::int64_schema")]
    pub policy_generation: Option<i64>,
    /// nmstate features found in desiredState.
    #[serde(default, deserialize_with = "absent", skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<String>,
    /// Failed attempts by generation of the policy.
    #[serde(
        default,
        deserialize_with = "absent",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    #[schemars(schema_with = "super::schema::counts")]
    pub retry_count: BTreeMap<String, i64>,
    /// The whole text of the last error, at most 8 KB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::string_schema")]
    pub last_error: Option<String>,
    /// What stronger policies set instead.
    #[serde(default, deserialize_with = "absent", skip_serializing_if = "Vec::is_empty")]
    pub overridden: Vec<Overridden>,
    /// What policies of the same priority set differently.
    #[serde(default, deserialize_with = "absent", skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Conflict>,
    /// Interfaces the policy's rules chose.
    #[serde(default, deserialize_with = "absent", skip_serializing_if = "Vec::is_empty")]
    pub matched_interfaces: Vec<MatchedInterface>,
    /// What was made from what the network announces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_config: Option<AutoConfigStatus>,
    /// What no longer looks as applied.
    #[serde(default, deserialize_with = "absent", skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<DriftItem>,
    /// What would be done; written instead of doing it where the policy asks for a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// Digest of the content last applied: changes of the roll-out alone do not change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::string_schema")]
    pub content_digest: Option<String>,
    /// Digest of the values kept to undo the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::string_schema")]
    pub revert_digest: Option<String>,
    /// Requests by annotation that were honoured already. "retry" is the policy's value, a slash, and the enactment's;
    /// "rematch" the policy's value; "secrets" a digest of the values used.
    #[serde(
        default,
        deserialize_with = "absent",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    #[schemars(schema_with = "super::schema::texts")]
    pub honoured: BTreeMap<String, String>,
}

/// Version and time of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetaInfo {
    /// Always 0 where it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::string_schema")]
    pub version: Option<String>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Time>,
}

/// Result of one capture.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CapturedState {
    /// What was captured, in nmstate's schema, secrets hidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::document")]
    pub state: Option<Value>,
    /// About it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta_info: Option<MetaInfo>,
}

/// A value a stronger policy sets.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Overridden {
    /// What is set, e.g. interfaces.eth1.mtu.
    pub path: String,
    /// The stronger policy.
    pub by: String,
}

/// A value another policy of the same priority sets differently.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Conflict {
    /// What is set, e.g. interfaces.eth1.mtu.
    pub path: String,
    /// The other policy.
    pub with: String,
}

/// An interface the policy's rules chose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MatchedInterface {
    /// Its name.
    pub name: String,
    /// Since when.
    pub since: Time,
    /// Which rule chose it, or why it stays although none does any more.
    #[serde(default)]
    pub reason: String,
}

/// What was made from what the network announces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AutoConfigStatus {
    /// Bonds by name; an id that is announced later renames none of them.
    #[serde(default, deserialize_with = "absent", skip_serializing_if = "Vec::is_empty")]
    pub bonds: Vec<AutoBondStatus>,
}

/// A bond that was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AutoBondStatus {
    /// Its name.
    pub name: String,
    /// Its ports by name.
    #[serde(default, deserialize_with = "absent")]
    pub ports: Vec<String>,
    /// VLANs announced on them.
    #[serde(default, deserialize_with = "absent")]
    #[schemars(schema_with = "super::schema::vlan_ids")]
    pub vlan_ids: Vec<u16>,
}

/// A value that no longer is as applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DriftItem {
    /// What is set, e.g. interfaces.eth1.mtu.
    pub path: String,
    /// Since when.
    pub since: Time,
}

/// What would be done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// What would change, in nmstate's schema, secrets hidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::document")]
    pub diff: Option<Value>,
    /// What would undo it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::document")]
    pub revert: Option<Value>,
    /// Why it cannot be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::string_schema")]
    pub error: Option<String>,
}
