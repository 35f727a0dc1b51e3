//! What spec §3 demands of the CRDs, said once more beside the types: `deploy/crds` is made from the same code, so that
//! comparing the two would not notice a field that was lost from both.

use serde_json::{Value, json};

use super::*;

fn manifest(kind: PoolKind) -> Value {
    serde_saphyr::from_str(&yaml(kind).expect("YAML")).expect("the YAML is read back")
}

fn version_of(manifest: &Value, name: &str) -> Value {
    let versions = manifest["spec"]["versions"].as_array().expect("versions");
    let version = versions.iter().find(|v| v["name"] == name);
    version.unwrap_or_else(|| panic!("no version {name}")).clone()
}

fn columns(version: &Value) -> Vec<(String, String)> {
    let columns = version["additionalPrinterColumns"].as_array().expect("columns");
    let text = |column: &Value, key: &str| column[key].as_str().expect("text").to_owned();
    columns
        .iter()
        .map(|c| (text(c, "name"), text(c, "jsonPath")))
        .collect()
}

/// Names of columns and, where it is not obvious, what they show.
fn names(version: &Value) -> Vec<String> {
    columns(version).into_iter().map(|(name, _)| name).collect()
}

fn spec(version: &Value) -> Value {
    version["schema"]["openAPIV3Schema"]["properties"]["spec"].clone()
}

/// A field of the spec without its description.
fn field(version: &Value, name: &str) -> Value {
    let mut field = spec(version)["properties"][name].clone();
    if let Some(object) = field.as_object_mut() {
        object.remove("description");
    }
    field
}

#[test]
fn every_kind_has_what_is_common_to_all() {
    for kind in PoolKind::ALL {
        let crd = manifest(kind);
        assert_eq!(crd["metadata"]["name"], kind.crd_name());
        let labels = json!({
            "cluster.x-k8s.io/provider": "ipam-in-cluster",
            "clusterctl.cluster.x-k8s.io/move-hierarchy": "",
        });
        assert_eq!(crd["metadata"]["labels"], labels);
        let scope = if kind.is_namespaced() {
            "Namespaced"
        } else {
            "Cluster"
        };
        assert_eq!(crd["spec"]["scope"], scope);
        assert_eq!(crd["spec"]["names"]["categories"], json!(["cluster-api"]));
        assert_eq!(crd["spec"]["names"].get("shortNames"), None);
        let conversion = &crd["spec"]["conversion"];
        assert_eq!(
            conversion["webhook"]["clientConfig"]["service"]["path"],
            "/convert"
        );
        assert_eq!(conversion["webhook"]["conversionReviewVersions"], json!(["v1"]));
        let version = version_of(&crd, "v1alpha2");
        assert_eq!(
            (&version["served"], &version["storage"]),
            (&json!(true), &json!(true))
        );
        assert_eq!(version["subresources"], json!({"status": {}}));
        let counts =
            &version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]["ipAddresses"];
        assert_eq!(counts["required"], json!(["free", "outOfRange", "total", "used"]));
        for count in ["free", "outOfRange", "total", "used"] {
            assert_eq!(counts["properties"][count].get("format"), None);
            assert_eq!(counts["properties"][count]["type"], "integer");
        }
    }
}

#[test]
fn address_pools_have_the_fields_of_the_original() {
    for kind in [PoolKind::InClusterIPPool, PoolKind::GlobalInClusterIPPool] {
        let version = version_of(&manifest(kind), "v1alpha2");
        assert_eq!(names(&version), ["Addresses", "Total", "Free", "Used", "Age"]);
        assert_eq!(spec(&version)["required"], json!(["addresses", "prefix"]));
        let strings = json!({"type": "array", "items": {"type": "string"}});
        let table = [
            ("addresses", strings.clone()),
            ("prefix", json!({"type": "integer", "minimum": 0, "maximum": 128})),
            ("gateway", json!({"type": "string"})),
            ("allocateReservedIPAddresses", json!({"type": "boolean"})),
            ("excludedAddresses", strings),
            (
                "addressReuseGracePeriodSeconds",
                json!({"type": "integer", "format": "int32", "minimum": 0}),
            ),
        ];
        for (name, schema) in table {
            assert_eq!(field(&version, name), schema, "{kind} {name}");
        }
    }
}

#[test]
fn the_old_version_is_deprecated_and_requires_nothing() {
    for kind in [PoolKind::InClusterIPPool, PoolKind::GlobalInClusterIPPool] {
        let version = version_of(&manifest(kind), "v1alpha1");
        assert_eq!(
            (&version["served"], &version["storage"]),
            (&json!(true), &json!(false))
        );
        assert_eq!(version["deprecated"], true);
        assert_eq!(version.get("deprecationWarning"), None);
        let spec = spec(&version);
        assert_eq!(spec.get("required"), None);
        let fields: Vec<&String> = spec["properties"].as_object().expect("fields").keys().collect();
        assert_eq!(
            fields,
            ["addresses", "end", "gateway", "prefix", "start", "subnet"]
        );
        assert_eq!(
            field(&version, "prefix"),
            json!({"type": "integer", "maximum": 128})
        );
        let columns = columns(&version);
        let path = |name: &str| {
            columns
                .iter()
                .find(|(n, _)| n == name)
                .map(|(_, path)| path.as_str())
        };
        assert_eq!(
            (path("First"), path("Last")),
            (Some(".spec.start"), Some(".spec.end"))
        );
        assert_eq!(path("Addresses").is_some(), kind.is_namespaced(), "{kind}");
    }
}

#[test]
fn prefix_pools_have_one_version_with_a_default() {
    for kind in [PoolKind::InClusterPrefixPool, PoolKind::GlobalInClusterPrefixPool] {
        let crd = manifest(kind);
        assert_eq!(crd["spec"]["versions"].as_array().map(Vec::len), Some(1));
        let version = version_of(&crd, "v1alpha2");
        assert_eq!(names(&version), ["Prefixes", "Total", "Free", "Used", "Age"]);
        assert_eq!(spec(&version)["required"], json!(["prefixes"]));
        let length = json!({"type": "integer", "minimum": 1, "maximum": 128, "default": 64});
        assert_eq!(field(&version, "allocationPrefixLength"), length);
    }
}

/// A person reads these with `kubectl explain`; what only developers can look up has no place there.
#[test]
fn descriptions_point_to_nothing_a_user_does_not_have() {
    for kind in PoolKind::ALL {
        let text = yaml(kind).expect("YAML");
        for word in ["§", "DESIGN", "[`"] {
            assert!(!text.contains(word), "{kind}: a description says {word}");
        }
    }
}
