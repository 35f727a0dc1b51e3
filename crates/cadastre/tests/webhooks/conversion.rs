//! Both versions of address pools (cases 145 to 154), for both kinds.

use api::{names::CONVERSION_DATA, pool::PoolKind};
use http::Method;
use serde_json::{Value, json};

use crate::{answer::send, home::Home};

const KINDS: [PoolKind; 2] = [PoolKind::InClusterIPPool, PoolKind::GlobalInClusterIPPool];
const OLD: &str = "v1alpha1";
const NEW: &str = "v1alpha2";

/// Writes through one version and compares the spec read through another.
async fn converts(case: &str, from: &str, written: &Value, to: &str, read: &Value) {
    let home = Home::new(case).await;
    for kind in KINDS {
        home.post(from, kind, "p", written).await.accepted();
        let object = home.get(to, kind, "p").await.accepted();
        assert_eq!(object["spec"], *read, "{kind}");
        if to == OLD {
            assert_eq!(
                object.pointer("/metadata/annotations"),
                None,
                "the annotation is invisible: {object}"
            );
        }
    }
}

fn full() -> Value {
    json!({"gateway": "1.1.1.1", "subnet": "1.1.1.1/28", "start": "1.1.1.1", "end": "1.1.1.10", "prefix": 28})
}

#[tokio::test]
async fn case_145_end_to_end() {
    let read = json!({"addresses": ["1.1.1.1-1.1.1.10"], "prefix": 28, "gateway": "1.1.1.1"});
    converts("case-145", OLD, &full(), NEW, &read).await;
}

#[tokio::test]
async fn case_146_end_to_end() {
    let written = json!({"subnet": "1.1.1.0/24", "start": "1.1.1.10", "end": "1.1.1.15"});
    converts(
        "case-146",
        OLD,
        &written,
        NEW,
        &json!({"addresses": ["1.1.1.10-1.1.1.15"], "prefix": 24}),
    )
    .await;
}

#[tokio::test]
async fn case_147_end_to_end() {
    let written = json!({"subnet": "1.1.1.0/24"});
    converts(
        "case-147",
        OLD,
        &written,
        NEW,
        &json!({"addresses": ["1.1.1.1-1.1.1.254"], "prefix": 24}),
    )
    .await;
}

#[tokio::test]
async fn case_148_end_to_end() {
    let written = json!({"addresses": ["1.1.1.5", "1.1.1.7-1.1.1.9"], "prefix": 24, "gateway": "1.1.1.1"});
    converts("case-148", OLD, &written, NEW, &written).await;
    converts("case-148", OLD, &written, OLD, &written).await;
}

#[tokio::test]
async fn case_149_end_to_end() {
    let written = json!({"addresses": ["1.1.1.1-1.1.1.10"], "prefix": 10, "gateway": "1.2.3.5"});
    converts("case-149", NEW, &written, OLD, &written).await;
}

#[tokio::test]
async fn case_150_end_to_end() {
    converts("case-150", OLD, &full(), OLD, &full()).await;
}

#[tokio::test]
async fn case_151_end_to_end() {
    let written = json!({"gateway": "1.1.1.1", "subnet": "1.1.1.1/24"});
    let read = json!({
        "gateway": "1.1.1.1", "subnet": "1.1.1.1/24", "start": "1.1.1.1", "end": "1.1.1.254", "prefix": 24,
    });
    converts("case-151", OLD, &written, OLD, &read).await;
}

/// After an edit through the new version the old one shows the edit, and writing it back does not undo it.
#[tokio::test]
async fn case_152_end_to_end() {
    let home = Home::new("case-152").await;
    for kind in KINDS {
        home.post(OLD, kind, "p", &full()).await.accepted();
        let edit = json!({"spec": {"addresses": ["1.1.1.2-1.1.1.12"]}});
        home.patch(NEW, kind, "p", &edit).await.accepted();
        let expected = json!({"addresses": ["1.1.1.2-1.1.1.12"], "prefix": 28, "gateway": "1.1.1.1"});
        assert_eq!(
            home.get(OLD, kind, "p").await.accepted()["spec"],
            expected,
            "{kind}: no stale subnet"
        );
        home.put(OLD, kind, "p", |object| {
            object["metadata"]["labels"] = json!({"a": "b"});
        })
        .await
        .accepted();
        assert_eq!(
            home.get(NEW, kind, "p").await.accepted()["spec"],
            expected,
            "{kind}"
        );
        // And the other way: an edit through the old version is what the new one shows.
        home.patch(OLD, kind, "p", &json!({"spec": {"addresses": ["1.1.1.5"]}}))
            .await
            .accepted();
        assert_eq!(
            home.get(NEW, kind, "p").await.accepted()["spec"]["addresses"],
            json!(["1.1.1.5"])
        );
    }
}

/// What the old version cannot express survives every write through it.
#[tokio::test]
async fn case_153_end_to_end() {
    let home = Home::new("case-153").await;
    for kind in KINDS {
        let spec = json!({
            "addresses": ["1.1.1.1-1.1.1.10"], "prefix": 24, "excludedAddresses": ["1.1.1.3"],
            "allocateReservedIPAddresses": true, "addressReuseGracePeriodSeconds": 60,
        });
        home.post(NEW, kind, "p", &spec).await.accepted();
        home.patch(OLD, kind, "p", &json!({"metadata": {"labels": {"a": "b"}}}))
            .await
            .accepted();
        home.put(OLD, kind, "p", |object| {
            object["metadata"]["labels"] = json!({"c": "d"});
        })
        .await
        .accepted();
        let read = home.get(NEW, kind, "p").await.accepted();
        assert_eq!(read["spec"], spec, "{kind}");
        assert_eq!(read["metadata"]["labels"], json!({"c": "d"}));
        home.patch(OLD, kind, "p", &json!({"spec": {"gateway": "1.1.1.99"}}))
            .await
            .accepted();
        let mut expected = spec.clone();
        expected["gateway"] = json!("1.1.1.99");
        assert_eq!(
            home.get(NEW, kind, "p").await.accepted()["spec"],
            expected,
            "{kind}"
        );
    }
}

#[tokio::test]
async fn case_154_end_to_end() {
    let home = Home::new("case-154").await;
    for kind in KINDS {
        let answer = home.post(OLD, kind, "p", &json!({"subnet": "nonsense"})).await;
        assert!(answer.code >= 400, "{} {}", answer.code, answer.body);
        assert!(answer.message().contains("spec.subnet"), "{}", answer.message());
        assert_eq!(home.get(NEW, kind, "p").await.code, 404, "it is not stored");
    }
}

/// A /31 without start and end is a reversed range (spec §4.1), which admission refuses in the words of the new version.
#[tokio::test]
async fn a_subnet_too_small_to_be_derived_from_is_refused() {
    let home = Home::new("tiny-subnet").await;
    for kind in KINDS {
        home.post(OLD, kind, "p", &json!({"subnet": "1.1.1.0/31"}))
            .await
            .invalid(&["spec.addresses"]);
    }
}

/// Lists convert element by element, whatever each was written as, and status comes along.
#[tokio::test]
async fn lists_show_every_pool_in_either_version() {
    let home = Home::new("lists").await;
    for kind in KINDS {
        let label = json!({"metadata": {"labels": {"of": home.ns}}});
        home.post(OLD, kind, "old", &full()).await.accepted();
        home.post(
            NEW,
            kind,
            "new",
            &json!({"addresses": ["1.1.1.1-1.1.1.10"], "prefix": 24}),
        )
        .await
        .accepted();
        for name in ["old", "new"] {
            home.patch(NEW, kind, name, &label).await.accepted();
        }
        for version in [OLD, NEW] {
            let path = format!(
                "{}?labelSelector=of%3D{}",
                home.path(version, kind, None),
                home.ns
            );
            let list = send(&home.client, Method::GET, &path, "application/json", &Value::Null)
                .await
                .accepted();
            let mut names = Vec::new();
            for item in list["items"].as_array().expect("items") {
                assert_eq!(item["apiVersion"], format!("ipam.cluster.x-k8s.io/{version}"));
                let visible = item["metadata"]["annotations"].get(CONVERSION_DATA).is_some();
                let is_old = item["metadata"]["name"] == home.name(kind, "old");
                assert_eq!(visible, version == NEW && is_old, "{item}");
                assert_eq!(
                    item["spec"].get("subnet").is_some(),
                    version == OLD && is_old,
                    "{item}"
                );
                names.push(item["metadata"]["name"].as_str().expect("a name").to_owned());
            }
            names.sort();
            assert_eq!(names, [home.name(kind, "new"), home.name(kind, "old")]);
        }
        home.take(&format!("c-{}", kind.singular()), kind, "old").await;
        let counts = home.get(OLD, kind, "old").await.accepted()["status"]["ipAddresses"].clone();
        assert_eq!(counts["used"], 1, "{counts}");
    }
}
