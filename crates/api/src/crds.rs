//! CRD manifests of the four pool kinds, generated from the Rust types (spec §3); [`crate::nmstate`] has its own beside its
//! types.
//!
//! `cargo xtask gen` writes them to `deploy/crds`; `cargo xtask check` fails when those files are stale.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::core::schema::{OptionalEnum, OptionalIntOrString, StructuralSchemaRewriter};
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde_json::{Value, json};

use crate::{
    names::GROUP,
    pool::{AddressPoolSpec, AddressPoolSpecV1Alpha1, PoolKind, PoolStatus, PrefixPoolSpec},
};

/// Namespace the release manifest installs into.
const NAMESPACE: &str = "capi-ipam-in-cluster-system";
/// Service in front of the webhooks.
const SERVICE: &str = "capi-ipam-in-cluster-webhook-service";
/// cert-manager certificate whose CA is injected into the conversion stanza.
const CERTIFICATE: &str = "capi-ipam-in-cluster-serving-cert";

/// The CRD of one kind.
#[must_use]
pub fn crd(kind: PoolKind) -> CustomResourceDefinition {
    let versions = if kind.is_prefix() {
        json!([version::<PrefixPoolSpec>("v1alpha2", PREFIX_COLUMNS)])
    } else {
        let mut old = version::<AddressPoolSpecV1Alpha1>("v1alpha1", columns_v1alpha1(kind));
        old["deprecated"] = json!(true);
        old["storage"] = json!(false);
        json!([old, version::<AddressPoolSpec>("v1alpha2", ADDRESS_COLUMNS)])
    };
    let manifest = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": kind.crd_name(),
            "labels": {
                "cluster.x-k8s.io/provider": "ipam-in-cluster",
                "clusterctl.cluster.x-k8s.io/move-hierarchy": "",
            },
            "annotations": {"cert-manager.io/inject-ca-from": format!("{NAMESPACE}/{CERTIFICATE}")},
        },
        "spec": {
            "group": GROUP,
            "names": {
                "categories": ["cluster-api"],
                "kind": kind.kind(),
                "listKind": format!("{kind}List"),
                "plural": kind.plural(),
                "singular": kind.singular(),
            },
            "scope": if kind.is_namespaced() { "Namespaced" } else { "Cluster" },
            "conversion": {
                "strategy": "Webhook",
                "webhook": {
                    "clientConfig": {"service": {"name": SERVICE, "namespace": NAMESPACE, "path": "/convert"}},
                    "conversionReviewVersions": ["v1"],
                },
            },
            "versions": versions,
        },
    });
    serde_json::from_value(manifest).expect("the manifest above has the shape of a CRD")
}

/// The CRD of one kind as YAML.
///
/// # Errors
/// When the YAML writer fails, which no manifest of ours makes it do.
pub fn yaml(kind: PoolKind) -> Result<String, serde_saphyr::ser::Error> {
    manifest_yaml(&crd(kind))
}

/// A CRD as YAML, numbers as people write them.
pub(crate) fn manifest_yaml(crd: &CustomResourceDefinition) -> Result<String, serde_saphyr::ser::Error> {
    let mut manifest = serde_json::to_value(crd).expect("a CRD is JSON");
    whole_numbers(&mut manifest);
    serde_saphyr::to_string(&manifest)
}

/// `maximum: 128.0` becomes `maximum: 128`: schema bounds are floats in the Rust types, integers in every manifest.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Object(map) => map.values_mut().for_each(whole_numbers),
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Number(number) => {
            let float = number
                .as_f64()
                .filter(|f| number.is_f64() && f.fract() == 0.0 && f.abs() < 9e15);
            if let Some(whole) = float.and_then(|f| format!("{f:.0}").parse::<i64>().ok()) {
                *value = json!(whole);
            }
        }
        _ => {}
    }
}

/// A printer column: name, type, JSON path.
pub(crate) type Column = (&'static str, &'static str, &'static str);

const TOTAL: Column = ("Total", "integer", ".status.ipAddresses.total");
const FREE: Column = ("Free", "integer", ".status.ipAddresses.free");
const USED: Column = ("Used", "integer", ".status.ipAddresses.used");
const AGE: Column = ("Age", "date", ".metadata.creationTimestamp");
const ADDRESSES: Column = ("Addresses", "string", ".spec.addresses");
const SUBNET: Column = ("Subnet", "string", ".spec.subnet");
const FIRST: Column = ("First", "string", ".spec.start");
const LAST: Column = ("Last", "string", ".spec.end");

const ADDRESS_COLUMNS: &[Column] = &[ADDRESSES, TOTAL, FREE, USED, AGE];
const PREFIX_COLUMNS: &[Column] = &[("Prefixes", "string", ".spec.prefixes"), TOTAL, FREE, USED, AGE];

/// The namespaced kind alone shows its addresses in v1alpha1 (spec §3.1).
const fn columns_v1alpha1(kind: PoolKind) -> &'static [Column] {
    match kind {
        PoolKind::InClusterIPPool => &[SUBNET, FIRST, LAST, ADDRESSES, TOTAL, FREE, USED, AGE],
        _ => &[SUBNET, FIRST, LAST, TOTAL, FREE, USED, AGE],
    }
}

fn version<S: JsonSchema>(name: &str, columns: &[Column]) -> Value {
    let columns: Vec<Value> = columns
        .iter()
        .map(|(name, type_, path)| json!({"name": name, "type": type_, "jsonPath": path}))
        .collect();
    json!({
        "name": name,
        "served": true,
        "storage": true,
        "schema": {"openAPIV3Schema": root_schema::<S>()},
        "subresources": {"status": {}},
        "additionalPrinterColumns": columns,
    })
}

fn root_schema<S: JsonSchema>() -> Value {
    let mut spec = structural::<S>();
    let description = spec.get("description").cloned();
    if let Some(object) = spec.as_object_mut() {
        object.insert("description".into(), json!("What the pool consists of."));
    }
    let mut root = json!({
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": structural::<PoolStatus>(),
        },
    });
    if let Some(description) = description {
        root["description"] = description;
    }
    root
}

/// The schema of `T` as Kubernetes wants it: everything inlined, no `nullable`.
///
/// The provider we replace declares no field nullable, so an explicit `null` must mean "absent" here as well.
pub(crate) fn structural<T: JsonSchema>() -> Value {
    let generator = SchemaSettings::openapi3()
        .with(|s| {
            s.inline_subschemas = true;
            s.meta_schema = None;
        })
        .with_transform(schemars::transform::AddNullable::default())
        .with_transform(StructuralSchemaRewriter)
        .with_transform(OptionalEnum)
        .with_transform(OptionalIntOrString)
        .into_generator();
    let mut schema = serde_json::to_value(generator.into_root_schema_for::<T>()).expect("a schema is JSON");
    tidy(&mut schema);
    schema
}

fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.remove("nullable");
            map.remove("title");
            if map.get("default").is_some_and(Value::is_null) {
                map.remove("default");
            }
            // rustdoc wraps its sentences; a description is one line.
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            map.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

// Schemas written out where the derived one would say more (`format`, `uint`) than the original's manifest does.

pub(crate) fn string_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string"})
}

pub(crate) fn strings_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "items": {"type": "string"}})
}

pub(crate) fn boolean_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "boolean"})
}

pub(crate) fn integer_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer"})
}

pub(crate) fn int64_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "format": "int64"})
}

pub(crate) fn prefix_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "minimum": 0, "maximum": 128})
}

pub(crate) fn prefix_v1alpha1_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "maximum": 128})
}

pub(crate) fn allocation_length_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "minimum": 1, "maximum": 128, "default": 64})
}

pub(crate) fn seconds_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "format": "int32", "minimum": 0})
}

/// Accepts anything: the field exists only so that admission sees, and warns about, a misspelling.
pub(crate) fn ignored_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"x-kubernetes-preserve-unknown-fields": true})
}

pub(crate) fn conditions_schema(generator: &mut SchemaGenerator) -> Schema {
    let item = generator.subschema_for::<k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition>();
    json_schema!({
        "type": "array",
        "items": item,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
    })
}

#[cfg(test)]
mod tests;
