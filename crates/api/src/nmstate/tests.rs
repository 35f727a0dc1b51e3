//! What spec §2 and §17 demand of the four CRDs, said once more beside the types.

use serde_json::{Value, json};

use super::*;

fn manifest(kind: NmstateKind) -> Value {
    serde_saphyr::from_str(&yaml(kind).expect("YAML")).expect("the YAML is read back")
}

fn version_of(manifest: &Value, name: &str) -> Value {
    let versions = manifest["spec"]["versions"].as_array().expect("versions");
    let version = versions.iter().find(|v| v["name"] == name);
    version.unwrap_or_else(|| panic!("no version {name}")).clone()
}

fn schema<'a>(version: &'a Value, path: &str) -> &'a Value {
    let mut schema = &version["schema"]["openAPIV3Schema"];
    for part in path.split('.') {
        schema = match part {
            "[]" => &schema["items"],
            name => &schema["properties"][name],
        };
    }
    assert!(!schema.is_null(), "no field {path}");
    schema
}

#[test]
fn versions_are_served_and_stored_as_before() {
    for kind in NmstateKind::ALL {
        let crd = manifest(kind);
        assert_eq!(crd["spec"]["scope"], "Cluster");
        assert_eq!(
            crd["spec"]["conversion"],
            Value::Null,
            "no conversion: all versions are the same"
        );
        let short: Vec<&str> = crd["spec"]["names"]["shortNames"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(short, kind.short_name().into_iter().collect::<Vec<_>>());
        for name in ["v1", "v1beta1"] {
            let version = version_of(&crd, name);
            assert_eq!(version["served"], true, "{kind} {name}");
            assert_eq!(version["storage"], kind.stored() == name, "{kind} {name}");
            assert_eq!(version["subresources"], json!({"status": {}}));
            let deprecated = name == "v1beta1" && kind.stored() == "v1";
            assert_eq!(version["deprecated"] == true, deprecated, "{kind} {name}");
        }
    }
    let old = version_of(&manifest(NmstateKind::Operator), "v1beta1");
    assert_eq!(
        old["deprecationWarning"],
        "nmstate/v1beta1 deprecated, use nmstate/v1 instead"
    );
}

#[test]
fn columns_are_those_of_the_original() {
    let names = |kind| -> Vec<String> {
        version_of(&manifest(kind), "v1")["additionalPrinterColumns"]
            .as_array()
            .expect("columns")
            .iter()
            .map(|c| {
                format!(
                    "{}={}",
                    c["name"].as_str().unwrap(),
                    c["jsonPath"].as_str().unwrap()
                )
            })
            .collect()
    };
    let status = r#"Status=.status.conditions[?(@.status=="True")].type"#;
    let reason = r#"Reason=.status.conditions[?(@.status=="True")].reason"#;
    let age = r#"Status Age=.status.conditions[?(@.status=="True")].lastTransitionTime"#;
    assert_eq!(names(NmstateKind::Policy), [status, reason]);
    assert_eq!(names(NmstateKind::Operator), [status, reason]);
    assert_eq!(names(NmstateKind::Enactment), [status, age, reason]);
    assert_eq!(
        names(NmstateKind::State),
        [
            "Age=.metadata.creationTimestamp",
            "Last Update=.status.lastSuccessfulUpdateTime"
        ]
    );
}

#[test]
fn documents_keep_their_fields_and_rules_may_be_an_object_or_a_list() {
    let policy = version_of(&manifest(NmstateKind::Policy), "v1");
    let desired = schema(&policy, "spec.desiredState");
    assert_eq!(
        (&desired["type"], &desired["x-kubernetes-preserve-unknown-fields"]),
        (&json!("object"), &json!(true))
    );
    let rules = schema(&policy, "spec.match.interfaces");
    assert_eq!(
        (&rules["type"], &rules["x-kubernetes-preserve-unknown-fields"]),
        (&Value::Null, &json!(true))
    );
    assert_eq!(
        schema(&policy, "spec.maxUnavailable")["x-kubernetes-int-or-string"],
        true
    );
    assert_eq!(schema(&policy, "spec.priority")["minimum"], -1000);
    assert_eq!(
        schema(&policy, "spec.onDelete")["enum"],
        json!(["Retain", "Revert"])
    );
    assert_eq!(
        schema(&policy, "spec.drift")["enum"],
        json!(["Ignore", "Report", "Enforce"])
    );
    assert_eq!(
        schema(&policy, "status.conditions.[]")["required"],
        json!(["status", "type"])
    );
    schema(&policy, "spec.nodeSelectorTerms.[].matchExpressions.[].operator");
    for path in [
        "status.slots.[].since",
        "status.summary.unmanaged",
        "status.conflicts.[].with",
    ] {
        schema(&policy, path);
    }
    let enactment = version_of(&manifest(NmstateKind::Enactment), "v1beta1");
    let root = &enactment["schema"]["openAPIV3Schema"];
    assert_eq!(root["x-kubernetes-preserve-unknown-fields"], true);
    assert_eq!(root["properties"].get("spec"), None);
    schema(&enactment, "status.autoConfig.bonds.[].vlanIds");
    let report = version_of(&manifest(NmstateKind::State), "v1");
    for path in [
        "spec.managed",
        "spec.desiredState",
        "spec.priority",
        "status.currentState",
    ] {
        schema(&report, path);
    }
}

#[test]
fn operator_defaults_differ_between_the_versions_in_one_place() {
    let crd = manifest(NmstateKind::Operator);
    let new = version_of(&crd, "v1");
    assert_eq!(schema(&new, "spec")["default"], json!({}));
    assert_eq!(schema(&new, "spec.logLevel")["default"], "info");
    assert_eq!(
        schema(&new, "spec.selfSignConfiguration.certRotateInterval")["default"],
        "4380h0m0s"
    );
    assert_eq!(schema(&new, "spec.metricsConfiguration")["default"], json!({}));
    assert_eq!(
        schema(&version_of(&crd, "v1beta1"), "spec.metricsConfiguration").get("default"),
        None
    );
}

#[test]
fn descriptions_point_to_nothing_a_user_does_not_have() {
    for kind in NmstateKind::ALL {
        let text = yaml(kind).expect("YAML");
        for word in ["§", "DESIGN", "[`"] {
            assert!(!text.contains(word), "{kind}: a description says {word}");
        }
    }
}

#[test]
fn null_means_absent_and_what_is_empty_is_not_written() {
    let policy: Policy = serde_json::from_value(json!({
        "metadata": {"name": "p"},
        "spec": {"nodeSelector": null, "after": null, "probes": {"gateway": {"mode": null}}},
        "status": {"conditions": null, "slots": null},
    }))
    .expect("a policy");
    assert!(policy.spec.node_selector.is_empty());
    let state: State =
        serde_json::from_value(json!({"metadata": {"name": "n"}, "spec": null})).expect("a report");
    assert!(state.spec.is_managed());
    assert_eq!(
        serde_json::to_value(&state).unwrap(),
        json!({"apiVersion": "nmstate.io/v1beta1", "kind": "NodeNetworkState", "metadata": {"name": "n"}})
    );
}
