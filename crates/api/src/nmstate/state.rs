//! `NodeNetworkState`: what one node looks like.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Condition, NmstateKind, object::kind, wire::absent};

kind!(
    /// The report of one node, and what is wanted of this node alone. Named like the node.
    State, NmstateKind::State, "v1beta1", StateSpec, StateStatus
);

/// What is wanted of this node alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StateSpec {
    /// The node; must be the name of the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::node_name")]
    pub node_name: Option<String>,
    /// Whether anything is applied, enforced or reported on this node. Default true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::boolean_schema")]
    pub managed: Option<bool>,
    /// The wanted network of this node, in nmstate's schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::document")]
    pub desired_state: Option<Value>,
    /// Place of desiredState among the policies. Default 1000: stronger than all but those of priority 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::int32")]
    pub priority: Option<i32>,
}

impl StateSpec {
    /// [`StateSpec::priority`] when it is absent.
    pub const DEFAULT_PRIORITY: i32 = 1000;

    /// Whether the node is hands-on: only an explicit `false` says otherwise.
    #[must_use]
    pub fn is_managed(&self) -> bool {
        self.managed != Some(false)
    }
}

/// What the node looks like.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StateStatus {
    /// The network of the node, in nmstate's schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::document")]
    pub current_state: Option<Value>,
    /// When currentState last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_successful_update_time: Option<Time>,
    /// Version of nmstate on the node, e.g. "nmstatectl 2.2.62".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::string_schema")]
    pub handler_nmstate_version: Option<String>,
    /// Version of NetworkManager on the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::string_schema")]
    pub host_network_manager_version: Option<String>,
    /// Never written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::string_schema")]
    pub handler_network_manager_version: Option<String>,
    /// Available, Failing, and what else is to be known of the report: Managed, Truncated, ForeignManager.
    #[serde(default, deserialize_with = "absent", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}
