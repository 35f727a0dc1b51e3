//! What a claim and its address look like in each version.

use std::fmt;

use api::{
    capi::Version,
    names::{CLUSTER_NAME, PAUSED, RELEASE_ADDRESS},
    pool::PoolKind,
};
use jiff::Timestamp;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};
use testkit::{ControlPlane, eventually};

use crate::ground::{Ns, PATIENCE, finalizers, labels, text};

const POOL: PoolKind = PoolKind::InClusterIPPool;

/// What is spoken with a release of Cluster API, and where claims keep their conditions there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `v1beta1` before 1.10: `status.conditions` with severities, and no `spec.clusterName`.
    Old,
    /// `v1beta1` of 1.10: `status.v1beta2.conditions`.
    Nested,
    /// `v1beta2`: `status.conditions`.
    New,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?} in {}", self.version())
    }
}

impl Shape {
    pub(crate) fn version(self) -> Version {
        if self == Self::New {
            Version::V1Beta2
        } else {
            Version::V1Beta1
        }
    }

    fn list(self) -> &'static str {
        if self == Self::Nested {
            "/status/v1beta2/conditions"
        } else {
            "/status/conditions"
        }
    }

    /// A condition where this shape keeps it.
    pub(crate) fn condition(self, claim: &DynamicObject, type_: &str) -> Option<Value> {
        let list = claim.data.pointer(self.list())?.as_array()?;
        list.iter().find(|c| c["type"] == type_).cloned()
    }

    /// Nothing is written where other shapes keep theirs.
    fn is_pure(self, claim: &DynamicObject) -> bool {
        let fields: &[&str] = match self {
            Self::Old => &["addressRef", "conditions"],
            Self::Nested => &["addressRef", "v1beta2"],
            Self::New => &["addressRef", "conditions"],
        };
        claim.data["status"]
            .as_object()
            .is_none_or(|s| s.keys().all(|k| fields.contains(&k.as_str())))
    }

    fn ready(self, reason: &str, generation: Option<i64>) -> Value {
        match (self, reason) {
            (Self::Old, "AddressAllocated") => json!({"type": "Ready", "status": "True"}),
            (Self::Old, reason) => {
                json!({"type": "Ready", "status": "False", "severity": "Error", "reason": reason})
            }
            (_, reason) => {
                let status = if reason == "AddressAllocated" {
                    "True"
                } else {
                    "False"
                };
                json!({"type": "Ready", "status": status, "reason": reason, "observedGeneration": generation})
            }
        }
    }

    /// Another controller's condition, complete by the rules of this shape.
    fn foreign(self) -> Value {
        let mut condition = json!({"type": "Other", "status": "False", "reason": "Because", "message": "of something",
            "lastTransitionTime": "2026-01-02T03:04:05Z"});
        if self == Self::Old {
            condition["severity"] = json!("Warning");
        } else {
            condition["observedGeneration"] = json!(1);
        }
        condition
    }
}

/// Waits until a claim says this, in full; returns it and the time of the last transition.
pub(crate) async fn says(ns: &Ns, shape: Shape, claim: &str, reason: &str) -> (DynamicObject, Timestamp) {
    eventually(PATIENCE, &format!("{claim} says {reason} ({shape})"), || async {
        let object = ns.claims().get(claim).await.map_err(|e| e.to_string())?;
        let Some(mut ready) = shape.condition(&object, "Ready") else {
            return Err(format!("status is {}", object.data["status"]));
        };
        let fields = ready.as_object_mut().expect("a condition");
        let since = fields.remove("lastTransitionTime");
        let message = fields.remove("message").unwrap_or_default();
        let expected = shape.ready(reason, object.metadata.generation);
        if ready != expected {
            return Err(format!("Ready is {ready}"));
        }
        assert_eq!(
            message.as_str().unwrap_or_default().is_empty(),
            reason == "AddressAllocated",
            "message {message}"
        );
        let since = since
            .as_ref()
            .and_then(Value::as_str)
            .and_then(|s| s.parse().ok());
        Ok((object, since.expect("a time of the last transition")))
    })
    .await
}

/// The whole contract of spec §11 to §14 and §18 in one version, in a fresh namespace.
pub(crate) async fn holds(plane: &ControlPlane, shape: Shape) {
    let ns = Ns {
        client: plane.client(),
        name: plane.namespace("contract").await,
        version: shape.version(),
    };
    ns.pool(
        "p",
        json!({"addresses": ["10.0.0.5"], "prefix": 24, "gateway": "10.0.0.1"}),
    )
    .await;
    bound(&ns, shape).await;
    waiting(&ns, shape).await;
    cluster(&ns, shape).await;
    ns.delete_claim("a").await;
    ns.claim_gone("a").await;
    assert_eq!(ns.bound_to("b").await, "10.0.0.5");
    says(&ns, shape, "b", "AddressAllocated").await;
    ns.counts(POOL, "p", [1, 1, 0, 0]).await;
}

async fn bound(ns: &Ns, shape: Shape) {
    ns.claim("a", "p").await;
    let address = ns.bound("a").await;
    let (claim, _) = says(ns, shape, "a", "AddressAllocated").await;
    assert!(
        shape.is_pure(&claim),
        "status holds what another version keeps: {}",
        claim.data["status"]
    );
    assert_eq!(finalizers(&claim), [RELEASE_ADDRESS]);
    assert_eq!(text(&address, "/spec/address"), "10.0.0.5");
    assert_eq!(
        address.data["spec"]["poolRef"]["apiGroup"],
        "ipam.cluster.x-k8s.io"
    );
    let owner = &address.metadata.owner_references.as_ref().expect("owners")[0];
    assert_eq!(
        owner.api_version,
        format!("ipam.cluster.x-k8s.io/{}", shape.version())
    );
    assert_eq!(Some(&owner.uid), claim.metadata.uid.as_ref());
}

/// The time moves only with the status, and conditions of others stay as they are.
async fn waiting(ns: &Ns, shape: Shape) {
    ns.claim("b", "p").await;
    says(ns, shape, "b", "PoolExhausted").await;

    ns.claim("c", "later").await;
    let (claim, since) = says(ns, shape, "c", "PoolNotReady").await;
    assert!(
        shape.is_pure(&claim),
        "status holds what another version keeps: {}",
        claim.data["status"]
    );
    let mut list = claim
        .data
        .pointer(shape.list())
        .expect("conditions")
        .as_array()
        .expect("a list")
        .clone();
    list.push(shape.foreign());
    let status = if shape == Shape::Nested {
        json!({"v1beta2": {"conditions": list}})
    } else {
        json!({"conditions": list})
    };
    let patch = Patch::Merge(json!({"status": status}));
    ns.claims()
        .patch_status("c", &PatchParams::default(), &patch)
        .await
        .expect("a condition of another controller");

    ns.address("blocks", POOL.kind(), "later", "10.0.1.5", 24, json!({}))
        .await;
    ns.pool("later", json!({"addresses": ["10.0.1.5"], "prefix": 24}))
        .await;
    let (claim, still) = says(ns, shape, "c", "PoolExhausted").await;
    assert_eq!(since, still, "False before and after");
    assert_eq!(shape.condition(&claim, "Other"), Some(shape.foreign()));

    // True in a later second than False, so that the time can be seen to move.
    eventually(PATIENCE, "the next second begins", || async {
        if Timestamp::now().as_second() > still.as_second() {
            Ok(())
        } else {
            Err(format!("still {still}"))
        }
    })
    .await;
    ns.addresses()
        .delete("blocks", &Default::default())
        .await
        .expect("deleted");
    let (claim, moved) = says(ns, shape, "c", "AddressAllocated").await;
    assert!(moved > still, "{moved} is not after {still}");
    assert_eq!(shape.condition(&claim, "Other"), Some(shape.foreign()));
    assert_eq!(text(&claim, "/status/addressRef/name"), "c");
}

/// A claim names its cluster as the version allows.
async fn cluster(ns: &Ns, shape: Shape) {
    ns.pool("q", json!({"addresses": ["10.0.2.5-10.0.2.9"], "prefix": 24}))
        .await;
    ns.cluster("c1", json!({"annotations": {PAUSED: ""}}), json!({}))
        .await;
    let by_label = ns
        .claim_with(
            "d",
            POOL.kind(),
            "q",
            json!({"labels": {CLUSTER_NAME: "c1"}}),
            json!({}),
        )
        .await;
    let mut held = vec![by_label];
    if shape != Shape::Old {
        held.push(
            ns.claim_with("e", POOL.kind(), "q", json!({}), json!({"clusterName": "c1"}))
                .await,
        );
    }
    ns.barrier().await;
    for claim in &held {
        let name = claim.metadata.name.as_deref().expect("a name");
        assert_eq!(
            ns.claims().get(name).await.expect("there"),
            *claim,
            "untouched while the cluster is paused"
        );
    }
    ns.patch(
        &ns.clusters(),
        "c1",
        json!({"metadata": {"annotations": {PAUSED: null}}}),
    )
    .await;
    for claim in &held {
        let address = ns.bound(claim.metadata.name.as_deref().expect("a name")).await;
        assert_eq!(labels(&address).get(CLUSTER_NAME).map(String::as_str), Some("c1"));
    }
}
