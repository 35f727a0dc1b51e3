//! Objects as the schema of some served version lets them be, however odd: one of them must not keep a watch or a list
//! from being read.

use serde_json::{Value, json};

use super::{Address, Claim, Cluster};

fn with(more: &Value) -> Value {
    let mut object = json!({"metadata": {"name": "a", "namespace": "ns"}});
    for (key, value) in more.as_object().expect("an object") {
        object[key] = value.clone();
    }
    object
}

/// `v1beta1` and `v1alpha1` insist neither on `spec` nor, in a reference, on `apiGroup`.
#[test]
fn a_claim_without_a_spec_refers_to_no_pool() {
    for object in [with(&json!({})), with(&json!({"spec": {"poolRef": {}}}))] {
        let claim: Claim = serde_json::from_value(object).expect("it can be read");
        assert_eq!(claim.metadata.name.as_deref(), Some("a"));
        assert_eq!(claim.spec.pool_ref, super::PoolRef::default());
    }
}

#[test]
fn an_address_without_a_spec_counts_for_no_pool() {
    let address: Address = serde_json::from_value(with(&json!({}))).expect("it can be read");
    assert_eq!(address.spec.pool_ref.kind, "");
    assert_eq!((address.spec.address.as_str(), address.spec.prefix), ("", None));
}

#[test]
fn a_cluster_without_a_spec_is_not_paused() {
    let cluster: Cluster = serde_json::from_value(with(&json!({}))).expect("it can be read");
    assert!(!cluster.is_paused());
}

/// `v1beta1` may hold an empty reference, and conditions of the old style, which lack what the new style requires.
#[test]
fn the_status_of_every_version_is_read() {
    let status = json!({
        "addressRef": {},
        "conditions": [{"type": "Ready", "status": "False", "severity": "Error"}],
        "v1beta2": {"conditions": [{"type": "Ready", "status": "True", "reason": "R", "message": ""}]},
    });
    let claim: Claim = serde_json::from_value(with(&json!({"status": status}))).expect("it can be read");
    let status = claim.status.expect("a status");
    assert_eq!(status.address_ref.expect("a reference").name, "");
    let old = status.conditions.expect("conditions").remove(0);
    assert_eq!((old.severity.as_deref(), old.reason), (Some("Error"), None));
    let new = status.v1beta2.and_then(|v| v.conditions).expect("conditions");
    assert_eq!(new[0].reason.as_deref(), Some("R"));
}
