//! Which connectivity must survive a change, and how patiently it is checked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::wire::absent;

/// Connectivity that must survive a change; what is absent is taken from the operator's object, then from the defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Probes {
    /// Seconds all probes together may take after a change. Default 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::timeout_seconds")]
    pub timeout_seconds: Option<i32>,
    /// Seconds to find out which probes pass before a change. Default 5; 120 is the replaced operator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::preflight_seconds")]
    pub preflight_seconds: Option<i32>,
    /// Whether the next hop of the default route answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<GatewayProbe>,
    /// Whether a name server answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns: Option<DnsProbe>,
    /// Whether the API server answers. May be Disabled only with allowUnsafe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_server: Option<InternalProbe>,
    /// Whether the node is Ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_ready: Option<InternalProbe>,
    /// Further addresses, all of which must accept a TCP connection.
    #[serde(default, deserialize_with = "absent", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub tcp: Vec<TcpProbe>,
    /// Confirms that a node may be lost: needed to disable apiServer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::boolean_schema")]
    pub allow_unsafe: Option<bool>,
}

/// Whether the next hop of the default route answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GatewayProbe {
    /// Auto: ICMP, else ARP or neighbour discovery. Default Auto.
    #[serde(default, deserialize_with = "absent")]
    pub mode: GatewayMode,
}

/// How the gateway is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum GatewayMode {
    /// ICMP, else neighbour resolution; not required where neither passed before.
    #[default]
    Auto,
    /// ICMP, required.
    Icmp,
    /// Neighbour resolution (ARP, ND), required.
    Arp,
    /// Never asked.
    Disabled,
}

/// Whether a name server answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DnsProbe {
    /// Auto: required only if it passed before the change. Default Auto.
    #[serde(default, deserialize_with = "absent")]
    pub mode: DnsMode,
    /// The name to ask for: root-servers.net is asked for its name servers, any other for addresses. Default
    /// root-servers.net.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::string_schema")]
    pub host: Option<String>,
}

/// Whether name servers are asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DnsMode {
    /// Required only if it passed before the change.
    #[default]
    Auto,
    /// Refuses to start a change unless it passes.
    Required,
    /// Never asked.
    Disabled,
}

/// A probe of the cluster itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InternalProbe {
    /// Default Required.
    #[serde(default, deserialize_with = "absent")]
    pub mode: InternalMode,
}

/// Whether the cluster is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum InternalMode {
    /// Must pass after a change.
    #[default]
    Required,
    /// Never asked.
    Disabled,
}

/// An address that must accept a TCP connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TcpProbe {
    /// An IP address: a name would need the resolution that may just have gone.
    pub host: String,
    /// TCP port.
    #[schemars(schema_with = "super::schema::port")]
    pub port: u16,
}
