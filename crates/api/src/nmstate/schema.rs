//! CRD manifests of the four kinds, generated from the Rust types. See [`crate::crds`], which does the same for pools.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::enactment::EnactmentStatus;
use super::{
    GROUP, NmstateKind, OperatorSpec, OperatorStatus, PolicySpec, PolicyStatus, Probes, StateSpec,
    StateStatus,
};
use crate::crds::{self, Column, structural};

const TRUE: &str = ".status.conditions[?(@.status==\"True\")]";
/// Said by the server to whoever still writes it.
const OPERATOR_WARNING: &str = "nmstate/v1beta1 deprecated, use nmstate/v1 instead";

/// The CRD of one kind.
#[must_use]
pub fn crd(kind: NmstateKind) -> CustomResourceDefinition {
    let mut names = json!({
        "kind": kind.kind(),
        "listKind": format!("{kind}List"),
        "plural": kind.plural(),
        "singular": kind.singular(),
    });
    if let Some(short) = kind.short_name() {
        names["shortNames"] = json!([short]);
    }
    let manifest = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": kind.crd_name()},
        "spec": {
            "group": GROUP,
            "names": names,
            "scope": "Cluster",
            "versions": [version(kind, "v1"), version(kind, "v1beta1")],
        },
    });
    serde_json::from_value(manifest).expect("the manifest above has the shape of a CRD")
}

/// The CRD of one kind as YAML.
///
/// # Errors
/// When the YAML writer fails, which no manifest of ours makes it do.
pub fn yaml(kind: NmstateKind) -> Result<String, serde_saphyr::ser::Error> {
    crds::manifest_yaml(&crd(kind))
}

fn version(kind: NmstateKind, name: &str) -> Value {
    let columns: Vec<Value> = columns(kind)
        .into_iter()
        .map(|(name, type_, path)| json!({"name": name, "type": type_, "jsonPath": path}))
        .collect();
    let mut version = json!({
        "name": name,
        "served": true,
        "storage": kind.stored() == name,
        "schema": {"openAPIV3Schema": root(kind, name)},
        "subresources": {"status": {}},
        "additionalPrinterColumns": columns,
    });
    if name == "v1beta1" && kind.stored() == "v1" {
        version["deprecated"] = json!(true);
    }
    if name == "v1beta1" && kind == NmstateKind::Operator {
        version["deprecationWarning"] = json!(OPERATOR_WARNING);
    }
    version
}

fn columns(kind: NmstateKind) -> Vec<(&'static str, &'static str, String)> {
    let status = ("Status", "string", format!("{TRUE}.type"));
    let reason = ("Reason", "string", format!("{TRUE}.reason"));
    match kind {
        NmstateKind::Policy | NmstateKind::Operator => vec![status, reason],
        NmstateKind::Enactment => {
            vec![
                status,
                ("Status Age", "date", format!("{TRUE}.lastTransitionTime")),
                reason,
            ]
        }
        NmstateKind::State => {
            let age: Column = ("Age", "date", ".metadata.creationTimestamp");
            let update: Column = ("Last Update", "date", ".status.lastSuccessfulUpdateTime");
            vec![
                (age.0, age.1, age.2.to_owned()),
                (update.0, update.1, update.2.to_owned()),
            ]
        }
    }
}

fn root(kind: NmstateKind, version: &str) -> Value {
    let (spec, status, description) = match kind {
        NmstateKind::Policy => (
            Some(structural::<PolicySpec>()),
            structural::<PolicyStatus>(),
            "The wanted network of all nodes it selects.",
        ),
        NmstateKind::Enactment => (
            None,
            structural::<EnactmentStatus>(),
            "What one policy came to on one node.",
        ),
        NmstateKind::State => (
            Some(structural::<StateSpec>()),
            structural::<StateStatus>(),
            "The network of one node, and what is wanted of this node alone.",
        ),
        NmstateKind::Operator => (
            Some(operator_spec(version)),
            structural::<OperatorStatus>(),
            "How the node network operator is installed.",
        ),
    };
    let mut root = json!({
        "type": "object",
        "description": description,
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "status": status,
        },
    });
    if let Some(spec) = spec {
        root["properties"]["spec"] = spec;
    }
    match kind {
        NmstateKind::Enactment => root["x-kubernetes-preserve-unknown-fields"] = json!(true),
        NmstateKind::State => {
            root["x-kubernetes-validations"] = json!([{
                "rule": "!has(self.spec) || !has(self.spec.nodeName) || self.spec.nodeName == self.metadata.name",
                "message": "spec.nodeName must be the name of the object",
            }]);
        }
        NmstateKind::Policy | NmstateKind::Operator => {}
    }
    root
}

/// The spec with the defaults people see: a block that is absent gets all of them, a partial one those it lacks.
fn operator_spec(version: &str) -> Value {
    let mut spec = structural::<OperatorSpec>();
    spec["default"] = json!({});
    let fields = &mut spec["properties"];
    for (name, value) in [
        ("caRotateInterval", "8760h0m0s"),
        ("caOverlapInterval", "24h0m0s"),
        ("certRotateInterval", "4380h0m0s"),
        ("certOverlapInterval", "24h0m0s"),
    ] {
        fields["selfSignConfiguration"]["properties"][name]["default"] = json!(value);
    }
    fields["selfSignConfiguration"]["default"] = json!({});
    fields["probeConfiguration"]["properties"]["dns"]["properties"]["host"]["default"] =
        json!("root-servers.net");
    fields["probeConfiguration"]["properties"]["dns"]["default"] = json!({});
    fields["probeConfiguration"]["default"] = json!({});
    fields["metricsConfiguration"]["properties"]["bindAddress"]["default"] = json!(":8443");
    // The one difference between the two versions.
    if version == "v1" {
        fields["metricsConfiguration"]["default"] = json!({});
    }
    fields["logLevel"]["default"] = json!("info");
    spec
}

// Schemas written out where the derived one says too much or too little.

/// A document in a schema of its own; its fields are kept as they are.
pub(super) fn document(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

/// An object or a list: a structural schema has no word for that.
pub(super) fn untyped(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"x-kubernetes-preserve-unknown-fields": true})
}

pub(super) fn texts(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "additionalProperties": {"type": "string"}})
}

pub(super) fn counts(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "additionalProperties": {"type": "integer"}})
}

pub(super) fn captured_states(generator: &mut SchemaGenerator) -> Schema {
    let item = generator.subschema_for::<super::enactment::CapturedState>();
    json_schema!({"type": "object", "additionalProperties": item})
}

pub(super) fn int_or_string(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]})
}

pub(super) fn int32(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "format": "int32"})
}

pub(super) fn policy_priority(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "format": "int32", "minimum": -1000, "maximum": 1000})
}

pub(super) fn port(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "format": "int32", "minimum": 1, "maximum": 65535})
}

pub(super) fn ports(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "format": "int32", "minimum": 1, "maximum": 8})
}

pub(super) fn vlan_ids(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "items": {"type": "integer", "format": "int32"}})
}

pub(super) fn timeout_seconds(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "format": "int32", "minimum": 5, "maximum": 600})
}

pub(super) fn preflight_seconds(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "format": "int32", "minimum": 0, "maximum": 120})
}

pub(super) fn interval(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "format": "int32", "minimum": 1, "maximum": 86400})
}

pub(super) fn max_bytes(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "format": "int64", "minimum": 10000, "maximum": 1400000})
}

pub(super) fn bond_mode(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "enum": [
        "balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb",
        "0", "1", "2", "3", "4", "5", "6",
    ]})
}

/// An interface name has 15 bytes, of which the id takes up to four.
pub(super) fn name_prefix(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_.-]{0,10}$"})
}

pub(super) fn node_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "spec.nodeName cannot be changed"}],
    })
}

/// Keys are checked here, values by the admission policy, as the replaced operator does.
pub(super) fn node_selector(_: &mut SchemaGenerator) -> Schema {
    const NAME: &str = "([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)";
    const PREFIX: &str = "([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?";
    json_schema!({
        "type": "object",
        "additionalProperties": {"type": "string"},
        "maxProperties": 256,
        "x-kubernetes-validations": [{
            "rule": format!("self.all(key, key.size() <= 317 && key.matches('^{PREFIX}{NAME}$'))"),
            "message": "nodeSelector keys must be valid qualified names",
        }],
    })
}

pub(super) fn probes(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = Probes::json_schema(generator);
    schema.insert(
        "x-kubernetes-validations".into(),
        json!([{
            "rule": "(has(self.allowUnsafe) && self.allowUnsafe) || \
                     !((has(self.apiServer) && self.apiServer.mode == 'Disabled') || \
                       (has(self.nodeReady) && self.nodeReady.mode == 'Disabled'))",
            "message": "apiServer and nodeReady may be Disabled only with allowUnsafe: true",
        }]),
    );
    schema
}
