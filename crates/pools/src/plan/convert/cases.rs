//! The numbered cases of spec §19.11, each for both kinds of address pool.

use api::names::CONVERSION_DATA;
use serde_json::{Value, json};

use super::convert;

const OLD: &str = "ipam.cluster.x-k8s.io/v1alpha1";
const NEW: &str = "ipam.cluster.x-k8s.io/v1alpha2";
const KINDS: [&str; 2] = ["InClusterIPPool", "GlobalInClusterIPPool"];

fn object(kind: &str, version: &str, spec: &Value) -> Value {
    json!({ "apiVersion": version, "kind": kind, "metadata": { "name": "p", "uid": "u" }, "spec": spec })
}

/// Writes `spec` as `v1alpha1`; what is stored.
fn stored(kind: &str, spec: &Value) -> Value {
    convert(object(kind, OLD, spec), NEW).expect("a convertible pool")
}

fn read_old(stored: Value) -> Value {
    convert(stored, OLD).expect("a convertible pool")
}

fn stash(object: &Value) -> Option<Value> {
    let text = object["metadata"]["annotations"].get(CONVERSION_DATA)?.as_str()?;
    Some(serde_json::from_str(text).expect("the stash is JSON"))
}

#[test]
fn case_145_subnet_start_and_end() {
    let spec = json!({
        "gateway": "1.1.1.1", "subnet": "1.1.1.1/28", "start": "1.1.1.1", "end": "1.1.1.10", "prefix": 28,
    });
    for kind in KINDS {
        let stored = stored(kind, &spec);
        assert_eq!(stored["apiVersion"], NEW);
        assert_eq!(
            stored["spec"],
            json!({ "addresses": ["1.1.1.1-1.1.1.10"], "prefix": 28, "gateway": "1.1.1.1" })
        );
        let stash = stash(&stored).expect("a stash");
        assert_eq!(stash, json!({ "apiVersion": OLD, "kind": kind, "spec": spec }));
    }
}

#[test]
fn case_146_prefix_from_the_subnet() {
    let spec = json!({ "subnet": "1.1.1.0/24", "start": "1.1.1.10", "end": "1.1.1.15" });
    for kind in KINDS {
        assert_eq!(
            stored(kind, &spec)["spec"],
            json!({ "addresses": ["1.1.1.10-1.1.1.15"], "prefix": 24 })
        );
    }
}

#[test]
fn case_147_range_from_the_subnet() {
    for kind in KINDS {
        let stored = stored(kind, &json!({ "subnet": "1.1.1.0/24" }));
        assert_eq!(
            stored["spec"],
            json!({ "addresses": ["1.1.1.1-1.1.1.254"], "prefix": 24 })
        );
    }
}

#[test]
fn case_148_addresses_only() {
    let spec = json!({ "addresses": ["1.1.1.7", "1.1.1.0/30"], "prefix": 24 });
    for kind in KINDS {
        assert_eq!(stored(kind, &spec)["spec"], spec);
    }
}

#[test]
fn case_149_new_pool_read_as_old() {
    let spec = json!({ "addresses": ["1.1.1.1-1.1.1.10"], "prefix": 10, "gateway": "1.2.3.5" });
    for kind in KINDS {
        let view = read_old(object(kind, NEW, &spec));
        assert_eq!(view, object(kind, OLD, &spec));
    }
}

#[test]
fn case_150_old_fields_come_back() {
    let spec = json!({
        "gateway": "1.1.1.1", "subnet": "1.1.1.1/28", "start": "1.1.1.1", "end": "1.1.1.10", "prefix": 28,
    });
    for kind in KINDS {
        assert_eq!(read_old(stored(kind, &spec)), object(kind, OLD, &spec));
    }
}

#[test]
fn case_151_derived_values_are_filled_in() {
    for kind in KINDS {
        let view = read_old(stored(
            kind,
            &json!({ "gateway": "1.1.1.1", "subnet": "1.1.1.1/24" }),
        ));
        let filled = json!({
            "gateway": "1.1.1.1", "subnet": "1.1.1.1/24", "start": "1.1.1.1", "end": "1.1.1.254", "prefix": 24,
        });
        assert_eq!(view, object(kind, OLD, &filled));
    }
}

#[test]
fn case_152_no_stale_subnet_after_an_edit() {
    for kind in KINDS {
        let mut stored = stored(kind, &json!({ "subnet": "1.1.1.0/24" }));
        stored["spec"]["addresses"] = json!(["1.1.1.1-1.1.1.99"]);
        let view = read_old(stored);
        assert_eq!(
            view,
            object(
                kind,
                OLD,
                &json!({ "addresses": ["1.1.1.1-1.1.1.99"], "prefix": 24 })
            )
        );
    }
}

#[test]
fn case_153_exclusions_survive_a_label_through_the_old_version() {
    for kind in KINDS {
        let mut stored = stored(kind, &json!({ "subnet": "1.1.1.0/24" }));
        stored["spec"]["excludedAddresses"] = json!(["1.1.1.9"]);
        stored["spec"]["allocateReservedIPAddresses"] = json!(true);
        stored["spec"]["addressReuseGracePeriodSeconds"] = json!(60);
        let before = stored["spec"].clone();

        let mut view = read_old(stored);
        assert_eq!(view["spec"]["subnet"], "1.1.1.0/24");
        view["metadata"]["labels"] = json!({ "seen": "yes" });
        let after = convert(view, NEW).expect("a convertible pool");
        assert_eq!(after["spec"], before);
        assert_eq!(after["metadata"]["labels"], json!({ "seen": "yes" }));
    }
}

#[test]
fn case_154_bad_subnet() {
    for kind in KINDS {
        for subnet in ["nonsense", "1.1.1.1", "1.1.1.0-1.1.1.9", "1.1.1.0/33"] {
            let error = convert(object(kind, OLD, &json!({ "subnet": subnet })), NEW)
                .expect_err(subnet)
                .to_string();
            assert!(error.contains("spec.subnet") && error.contains(subnet), "{error}");
        }
    }
}
