use api::names::CONVERSION_DATA;
use serde_json::{Value, json};

use super::convert;

const OLD: &str = "ipam.cluster.x-k8s.io/v1alpha1";
const NEW: &str = "ipam.cluster.x-k8s.io/v1alpha2";

fn with_stash(stash: &str) -> Value {
    json!({
        "apiVersion": NEW,
        "kind": "InClusterIPPool",
        "metadata": { "name": "p", "annotations": { CONVERSION_DATA: stash, "mine": "kept" } },
        "spec": { "addresses": ["1.1.1.1-1.1.1.254"], "prefix": 24 },
    })
}

#[test]
fn unusable_stash_is_removed() {
    let hub = json!({ "apiVersion": NEW, "spec": { "subnet": "1.1.1.0/24" } }).to_string();
    let bad_subnet = json!({ "apiVersion": OLD, "spec": { "subnet": "?" } }).to_string();
    let bad_type = json!({ "apiVersion": OLD, "spec": { "prefix": "24" } }).to_string();
    for stash in ["", "not JSON", "[]", "{}", "7", &hub, &bad_subnet, &bad_type] {
        let view = convert(with_stash(stash), OLD).unwrap();
        assert_eq!(
            view["metadata"]["annotations"],
            json!({ "mine": "kept" }),
            "{stash}"
        );
        assert_eq!(
            view["spec"],
            json!({ "addresses": ["1.1.1.1-1.1.1.254"], "prefix": 24 }),
            "{stash}"
        );
    }
}

#[test]
fn stash_of_the_original_is_understood() {
    // As Go writes it: with an empty status, sorted keys and nothing derived left out.
    let stash = concat!(
        r#"{"apiVersion":"ipam.cluster.x-k8s.io/v1alpha1","kind":"InClusterIPPool","spec":{"end":"1.1.1.254","#,
        r#""prefix":24,"start":"1.1.1.1","subnet":"1.1.1.0/24"},"status":{}}"#
    );
    let view = convert(with_stash(stash), OLD).unwrap();
    let spec = json!({ "subnet": "1.1.1.0/24", "start": "1.1.1.1", "end": "1.1.1.254", "prefix": 24 });
    assert_eq!(view["spec"], spec);
}

#[test]
fn status_and_other_metadata_stay() {
    let object = json!({
        "apiVersion": OLD,
        "kind": "InClusterIPPool",
        "metadata": {
            "name": "p", "namespace": "n", "uid": "u", "resourceVersion": "7", "generation": 3,
            "finalizers": ["f"], "labels": { "a": "b" }, "annotations": { "c": "d" },
            "managedFields": [{ "manager": "kubectl" }],
        },
        "spec": { "subnet": "1.1.1.0/24" },
        "status": {
            "ipAddresses": { "total": 254, "free": 254, "used": 0, "outOfRange": 0 },
            "conditions": [{ "type": "Ready" }], "observedGeneration": 3, "allocation": { "holder": "x" },
        },
    });
    let mut stored = convert(object.clone(), NEW).unwrap();
    assert_eq!(stored["status"], object["status"]);
    let stash = stored["metadata"]["annotations"]
        .as_object_mut()
        .unwrap()
        .remove(CONVERSION_DATA)
        .unwrap();
    assert_eq!(stored["metadata"], object["metadata"]);
    let stash: Value = serde_json::from_str(stash.as_str().unwrap()).unwrap();
    assert_eq!(
        stash["status"],
        json!({ "ipAddresses": object["status"]["ipAddresses"] })
    );
    assert_eq!(stash.get("metadata"), None);

    let mut view = convert(stored, OLD).unwrap();
    assert_eq!(view["status"], object["status"]);
    assert_eq!(view["metadata"].take(), object["metadata"]);
}

#[test]
fn only_one_end_without_a_subnet_appends_nothing() {
    for spec in [
        json!({ "start": "1.1.1.1" }),
        json!({ "end": "1.1.1.9" }),
        json!({}),
        json!(null),
    ] {
        let pool = json!({ "apiVersion": OLD, "kind": "InClusterIPPool", "spec": spec });
        let stored = convert(pool, NEW).unwrap();
        assert_eq!(stored["spec"], json!({ "addresses": [], "prefix": 0 }));
    }
}

#[test]
fn start_and_end_follow_the_addresses() {
    let spec = json!({ "addresses": ["1.1.1.9"], "start": "1.1.1.1", "end": "1.1.1.3", "prefix": 24 });
    let pool = json!({ "apiVersion": OLD, "kind": "InClusterIPPool", "spec": spec });
    assert_eq!(
        convert(pool, NEW).unwrap()["spec"]["addresses"],
        json!(["1.1.1.9", "1.1.1.1-1.1.1.3"])
    );
}

#[test]
fn tiny_subnets_give_a_reversed_range() {
    let ranges = [
        ("10.0.0.4/31", "10.0.0.5-10.0.0.4"),
        ("10.0.0.4/32", "10.0.0.5-10.0.0.3"),
        ("255.255.255.255/32", "255.255.255.255-255.255.255.254"),
        ("0.0.0.0/32", "0.0.0.1-0.0.0.0"),
        ("fd00::/126", "fd00::1-fd00::2"),
        ("::/128", "::1-::"),
    ];
    for (subnet, range) in ranges {
        let pool = json!({ "apiVersion": OLD, "kind": "InClusterIPPool", "spec": { "subnet": subnet } });
        assert_eq!(convert(pool, NEW).unwrap()["spec"]["addresses"], json!([range]));
    }
}

#[test]
fn lists_convert_element_by_element() {
    let list = json!({
        "apiVersion": OLD,
        "kind": "GlobalInClusterIPPoolList",
        "metadata": { "resourceVersion": "9" },
        "items": [
            { "metadata": { "name": "a" }, "spec": { "subnet": "1.1.1.0/24" } },
            { "apiVersion": NEW, "kind": "GlobalInClusterIPPool", "metadata": { "name": "b" }, "spec": { "prefix": 8 } },
        ],
    });
    let new = convert(list, NEW).unwrap();
    assert_eq!(
        (&new["apiVersion"], &new["metadata"]),
        (&json!(NEW), &json!({ "resourceVersion": "9" }))
    );
    assert_eq!(new["items"][0]["spec"]["addresses"], json!(["1.1.1.1-1.1.1.254"]));
    assert_eq!(new["items"][0]["kind"], "GlobalInClusterIPPool");
    assert_eq!(
        new["items"][1]["spec"],
        json!({ "prefix": 8 }),
        "it has the version asked for"
    );
    let empty = json!({ "apiVersion": OLD, "kind": "InClusterIPPoolList", "metadata": {}, "items": null });
    assert_eq!(convert(empty, NEW).unwrap()["apiVersion"], NEW);
}

#[test]
fn same_version_changes_nothing() {
    for (kind, version) in [
        ("InClusterIPPool", OLD),
        ("InClusterIPPool", NEW),
        ("GlobalInClusterPrefixPool", NEW),
    ] {
        let pool = json!({ "apiVersion": version, "kind": kind, "spec": { "anything": [null, 1] } });
        assert_eq!(convert(pool.clone(), version).unwrap(), pool);
    }
}

#[test]
fn what_cannot_be_converted_is_named() {
    let pool = |kind: &str, version: &str| json!({ "apiVersion": version, "kind": kind, "metadata": { "name": "p" } });
    let mut bad_spec = pool("InClusterIPPool", OLD);
    bad_spec["spec"] = json!({ "addresses": "1.1.1.1" });
    let mut bad_metadata = pool("InClusterIPPool", OLD);
    bad_metadata["metadata"] = json!([]);
    let mut bad_item = pool("InClusterIPPoolList", OLD);
    bad_item["items"] = json!([{ "kind": "Pod" }]);
    let refused = [
        (json!(7), NEW, "the object"),
        (pool("Pod", NEW), OLD, "`Pod`"),
        (
            pool("InClusterIPPool", "ipam.cluster.x-k8s.io/v1"),
            NEW,
            "`ipam.cluster.x-k8s.io/v1`",
        ),
        (pool("InClusterIPPool", NEW), "v1alpha1", "`v1alpha1`"),
        (
            pool("InClusterIPPool", NEW),
            "ipam.cluster.x-k8s.iov1alpha1",
            "iov1alpha1",
        ),
        (pool("InClusterPrefixPool", NEW), OLD, "v1alpha2 alone"),
        (bad_spec, NEW, "InClusterIPPool p: spec"),
        (bad_metadata, NEW, "metadata"),
        (bad_item, NEW, "list element"),
    ];
    for (object, desired, named) in refused {
        let error = convert(object, desired).expect_err(named).to_string();
        assert!(error.contains(named), "{error}");
    }
}
