//! Objects the API server holds although we cannot read them, as an older or a hand-made CRD lets them be: they hide no
//! other, what they hold stays taken, and nothing is released because of them.

use api::{names::RELEASE_ADDRESS, pool::PoolKind};
use kube::{
    Api,
    api::{DynamicObject, PostParams},
    core::{ApiResource, GroupVersionKind},
};
use pools::{
    metrics::{KindLabels, Metrics},
    survey::{self, Reach},
};
use serde_json::{Value, json};
use testkit::{CapiVersion, ControlPlane, Options, eventually};

use crate::ground::{Controller, Ns, PATIENCE, finalizers, install};

const POOL: PoolKind = PoolKind::InClusterIPPool;

/// Lets the spec of a kind be anything, in all its versions.
async fn loosen(plane: &ControlPlane, crd: &str) {
    let resource = ApiResource::from_gvk_with_plural(
        &GroupVersionKind::gvk("apiextensions.k8s.io", "v1", "CustomResourceDefinition"),
        "customresourcedefinitions",
    );
    let crds: Api<DynamicObject> = Api::all_with(plane.client(), &resource);
    let mut object = crds.get(crd).await.expect("the CRD is installed");
    for version in object.data["spec"]["versions"].as_array_mut().expect("versions") {
        version["schema"]["openAPIV3Schema"]["properties"]["spec"] =
            json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    }
    crds.replace(crd, &PostParams::default(), &object)
        .await
        .expect("the CRD can be changed");
}

/// Makes an object with a spec that was refused until the loose schema is in force.
async fn odd(api: &Api<DynamicObject>, types: (&str, &str), name: &str, spec: Value) {
    let (version, kind) = types;
    let object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec});
    let object: DynamicObject = serde_json::from_value(object).expect("an object");
    eventually(PATIENCE, &format!("{kind} {name} is made"), || async {
        match api.create(&PostParams::default(), &object).await {
            Ok(made) if made.data["spec"] == spec => Ok(()),
            Ok(made) => panic!("{kind} {name} was pruned to {}", made.data["spec"]),
            Err(error) => Err(error.to_string()),
        }
    })
    .await;
}

/// Started with a metric of its own.
async fn start(plane: &ControlPlane) -> (Controller, Metrics) {
    let metrics = Metrics::default();
    let copy = metrics.clone();
    let controller = Controller::start(plane, move |config| config.shared.metrics = copy).await;
    (controller, metrics)
}

/// The commands of people list what can be read, and name what cannot.
async fn people_see_the_others_too(ns: &Ns) {
    let served = survey::served(&ns.client).await.expect("the kinds are served");
    let reach = Reach::Namespace(&ns.name);
    let snapshot = survey::take(&ns.client, &served, reach, &()).await;
    let gaps = snapshot.expect("one odd object fails no list").gaps().to_vec();
    assert_eq!(gaps.len(), 4, "{gaps:#?}");
    for kind in ["IPAddress", "IPAddressClaim", "Cluster", POOL.kind()] {
        let start = format!("{kind} that cannot be read: {}/odd: ", ns.name);
        assert!(
            gaps.iter().any(|gap| gap.starts_with(&start)),
            "{kind}: {gaps:#?}"
        );
    }
}

#[tokio::test]
async fn unreadable_objects_hide_no_other_and_lose_nothing() {
    let plane = ControlPlane::start(Options::default())
        .await
        .expect("a control plane");
    install(&plane, CapiVersion::default()).await;
    let ns = Ns {
        client: plane.client(),
        name: plane.namespace("unreadable").await,
        version: api::capi::Version::V1Beta2,
    };
    for crd in [
        "ipaddresses.ipam.cluster.x-k8s.io",
        "ipaddressclaims.ipam.cluster.x-k8s.io",
        "inclusterippools.ipam.cluster.x-k8s.io",
        "clusters.cluster.x-k8s.io",
    ] {
        loosen(&plane, crd).await;
    }
    let reference = json!({"apiGroup": "ipam.cluster.x-k8s.io", "kind": POOL.kind(), "name": "p"});
    let ipam = "ipam.cluster.x-k8s.io/v1beta2";
    let spec =
        json!({"claimRef": {"name": "x"}, "address": "10.0.0.5", "prefix": "24", "poolRef": reference});
    odd(&ns.addresses(), (ipam, "IPAddress"), "odd", spec).await;
    let spec = json!({"clusterName": 7, "poolRef": reference});
    odd(&ns.claims(), (ipam, "IPAddressClaim"), "odd", spec).await;
    let spec = json!({"paused": "perhaps"});
    odd(
        &ns.clusters(),
        ("cluster.x-k8s.io/v1beta2", "Cluster"),
        "odd",
        spec,
    )
    .await;
    let spec = json!({"addresses": "10.0.0.1", "prefix": 24});
    let pool_types = ("ipam.cluster.x-k8s.io/v1alpha2", POOL.kind());
    odd(&ns.pools(POOL), pool_types, "odd", spec).await;
    for pool in ["p", "q"] {
        ns.pool(pool, json!({"addresses": ["10.0.0.5-10.0.0.9"], "prefix": 24}))
            .await;
    }

    let (controller, metrics) = start(&plane).await;
    assert_eq!(
        ns.take("a", "p").await,
        "10.0.0.6",
        "what the odd address holds is taken"
    );
    ns.counts(POOL, "p", [5, 2, 3, 0]).await;
    ns.take("held", "q").await;
    for name in ["IPAddress", "IPAddressClaim", "Cluster", POOL.kind()] {
        let seen = metrics.unreadable.get_or_create(&KindLabels { kind: name }).get();
        assert_eq!(seen, 1, "{name}");
    }
    people_see_the_others_too(&ns).await;
    // It changes, and is still odd: counted again, but nobody is told again.
    let change = json!({"metadata": {"labels": {"x": "y"}}});
    ns.patch(&ns.addresses(), "odd", change).await;
    let kind = KindLabels { kind: "IPAddress" };
    eventually(PATIENCE, "the change is seen", || async {
        match metrics.unreadable.get_or_create(&kind).get() {
            2 => Ok(()),
            seen => Err(format!("{seen} seen")),
        }
    })
    .await;
    let told = controller.logs.about("cannot be read");
    assert_eq!(told.len(), 4, "each once: {told:#?}");
    assert!(told.iter().all(|line| line.contains("odd")), "{told:#?}");

    // A pool that turns unreadable is not a pool that is gone: grace and pauses of it are unknown.
    ns.patch(&ns.pools(POOL), "q", json!({"spec": {"addresses": "odd"}}))
        .await;
    controller.stop();
    let (controller, _) = start(&plane).await;
    ns.delete_claim("held").await;
    assert_eq!(ns.take("b", "p").await, "10.0.0.7");
    let held = ns.claims().get("held").await.expect("the claim stays");
    assert_eq!(finalizers(&held), [RELEASE_ADDRESS]);
    let address = ns.addresses().get("held").await.expect("the address stays");
    assert!(address.metadata.deletion_timestamp.is_none());
    ns.patch(
        &ns.pools(POOL),
        "q",
        json!({"spec": {"addresses": ["10.0.0.5-10.0.0.9"]}}),
    )
    .await;
    ns.claim_gone("held").await;
    ns.address_gone("held").await;
    controller.stop();
}
