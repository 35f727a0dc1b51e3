//! `NMState`: how the product is installed. The oldest object counts; its name is free.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Affinity, Toleration};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Condition, NmstateKind, Probes, object::kind, wire::absent};

kind!(
    /// The settings of the installation.
    Operator, NmstateKind::Operator, "v1", OperatorSpec, OperatorStatus
);

/// How the product is installed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperatorSpec {
    /// Affinity of the process on every node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Affinity>,
    /// Nodes it runs on. Default "kubernetes.io/os: linux".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::texts")]
    pub node_selector: Option<BTreeMap<String, String>>,
    /// What it tolerates. Default everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerations: Option<Vec<Toleration>>,
    /// Affinity of webhook, metrics and coordinator. Default: control plane nodes preferred.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub infra_affinity: Option<Affinity>,
    /// Nodes these run on. Default "kubernetes.io/os: linux".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::texts")]
    pub infra_node_selector: Option<BTreeMap<String, String>>,
    /// What these tolerate. Default the taints of control plane nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub infra_tolerations: Option<Vec<Toleration>>,
    /// How certificates are renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_sign_configuration: Option<SelfSignConfiguration>,
    /// The name asked for by the DNS probe; probes.dns.host says the same and is preferred.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_configuration: Option<ProbeConfiguration>,
    /// Where metrics are served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_configuration: Option<MetricsConfiguration>,
    /// How much is logged. Default info.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_level: Option<LogLevel>,
    /// Active: a process on every node. OnDemand: one run when asked. Default Active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Runs on demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_demand: Option<OnDemand>,
    /// What changes the network of the nodes. Default Auto.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<Backend>,
    /// Behaviour of the replaced operator that is not the default any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compatibility: Option<Compatibility>,
    /// What nodes report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
    /// Connectivity that must survive a change, unless the policy says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::probes")]
    pub probes: Option<Probes>,
}

/// How certificates are renewed; Go durations, e.g. "8760h0m0s".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SelfSignConfiguration {
    /// Life of the authority. Default 8760h0m0s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::string_schema")]
    pub ca_rotate_interval: Option<String>,
    /// How long before its end the next authority is made. Default 24h0m0s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::string_schema")]
    pub ca_overlap_interval: Option<String>,
    /// Life of a certificate. Default 4380h0m0s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::string_schema")]
    pub cert_rotate_interval: Option<String>,
    /// How long before its end the next certificate is made. Default 24h0m0s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::string_schema")]
    pub cert_overlap_interval: Option<String>,
}

/// The older form of the DNS probe's setting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProbeConfiguration {
    /// The DNS probe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns: Option<DnsConfiguration>,
}

/// The older form of the DNS probe's setting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DnsConfiguration {
    /// The name asked for. Default root-servers.net.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::string_schema")]
    pub host: Option<String>,
}

/// Where metrics are served.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricsConfiguration {
    /// Address and port; "0" serves none. Default ":8443".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::string_schema")]
    pub bind_address: Option<String>,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Changes of the world.
    #[default]
    Info,
    /// Decisions, too.
    Debug,
}

/// Whether a process stays on every node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Mode {
    /// It does, and reacts to every change.
    #[default]
    Active,
    /// It runs once when asked.
    OnDemand,
}

/// Runs on demand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OnDemand {
    /// How many nodes run at a time: a number or a percentage. Default 10%.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::int_or_string")]
    pub parallelism: Option<IntOrString>,
}

/// What changes the network of the nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Backend {
    /// NetworkManager where it answers; elsewhere the kernel, for reports and policies that allow it.
    #[default]
    Auto,
    /// NetworkManager.
    NetworkManager,
    /// The kernel itself.
    Kernel,
}

/// Behaviour of the replaced operator that is not the default any more, or is and should not be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Compatibility {
    /// Whether a policy is Degraded while a node still tries again. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::boolean_schema")]
    pub degraded_while_retrying: Option<bool>,
    /// Whether bridge ports without VLAN settings become trunks. Default true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::boolean_schema")]
    pub bridge_trunk_default: Option<bool>,
}

/// What nodes report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Patterns of interfaces to leave out among those nobody manages, e.g. "veth*".
    #[serde(default, deserialize_with = "absent", skip_serializing_if = "Vec::is_empty")]
    pub exclude_interfaces: Vec<String>,
    /// Parts to leave out.
    #[serde(default, deserialize_with = "absent", skip_serializing_if = "Vec::is_empty")]
    pub exclude_sections: Vec<Section>,
    /// Never write more often than this, in seconds. Default 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::interval")]
    pub min_interval_seconds: Option<i32>,
    /// Look at everything at least this often, in seconds. Default 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::interval")]
    pub max_interval_seconds: Option<i32>,
    /// Longer reports are shortened. Default 1000000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::max_bytes")]
    pub max_bytes: Option<i64>,
    /// Whether nodes listen for LLDP. Default true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::boolean_schema")]
    pub lldp: Option<bool>,
    /// Whether nodes announce themselves by LLDP. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::boolean_schema")]
    pub lldp_transmit: Option<bool>,
    /// How long what is announced must stay the same before it counts, in seconds. Default 35.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::interval")]
    pub settle_seconds: Option<i32>,
}

/// A part of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Section {
    /// Link settings and offloads.
    #[serde(rename = "ethtool")]
    Ethtool,
    /// Multipath TCP.
    #[serde(rename = "mptcp")]
    Mptcp,
    /// Routes in the kernel.
    #[serde(rename = "routes.running")]
    RunningRoutes,
    /// What neighbours announce.
    #[serde(rename = "lldp.neighbors")]
    LldpNeighbors,
}

/// How far the installation is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OperatorStatus {
    /// Available, Degraded, Progressing.
    #[serde(default, deserialize_with = "absent", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The newest runs on demand, newest first, at most 10.
    #[serde(default, deserialize_with = "absent", skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<Run>,
}

/// One run on demand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// What asked for it.
    pub token: String,
    /// The node; absent for a run on all nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::crds::string_schema")]
    pub node: Option<String>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Time>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<Time>,
    /// How it ended: 0 all available, 3 something failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::int32")]
    pub exit_code: Option<i32>,
}
