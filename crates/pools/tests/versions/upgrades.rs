//! Cluster API appears after us, and is upgraded under us (spec §14).

use api::pool::PoolKind;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api,
    api::{DeleteParams, ListParams},
};
use serde_json::json;
use testkit::{CapiVersion, ControlPlane, Options, eventually};

use crate::{
    contract::{Shape, holds, says},
    ground::{Controller, Ns, PATIENCE, cluster::install_pools, text},
    witness::Witness,
};

/// Claims of one namespace that live through an upgrade: one bound, one waiting.
struct Survivors {
    ns: Ns,
    uid: String,
}

impl Survivors {
    async fn make(plane: &ControlPlane, shape: Shape) -> Self {
        let ns = Ns {
            client: plane.client(),
            name: plane.namespace("survivor").await,
            version: shape.version(),
        };
        ns.pool("p", json!({"addresses": ["10.0.0.5"], "prefix": 24}))
            .await;
        let uid = ns.claim("bound", "p").await.metadata.uid.expect("a uid");
        assert_eq!(ns.bound_to("bound").await, "10.0.0.5");
        ns.claim("waits", "p").await;
        says(&ns, shape, "waits", "PoolExhausted").await;
        Self { ns, uid }
    }

    /// The new version is spoken as soon as the waiting claim says in its words why it waits.
    async fn are_well(mut self, shape: Shape) {
        self.ns.version = shape.version();
        let ns = &self.ns;
        says(ns, shape, "waits", "PoolExhausted").await;
        let claim = ns.claims().get("bound").await.expect("it stays");
        assert_eq!(claim.metadata.uid.as_ref(), Some(&self.uid));
        assert_eq!(text(&claim, "/status/addressRef/name"), "bound");
        let addresses = ns.addresses().list(&ListParams::default()).await.expect("a list");
        assert_eq!(
            addresses.items.len(),
            1,
            "nothing was made or lost by the upgrade"
        );
        // Objects of the old version are released in the new one.
        let witness = Witness::of(ns.addresses()).await;
        ns.delete_claim("bound").await;
        ns.claim_gone("bound").await;
        assert_eq!(ns.bound_to("waits").await, "10.0.0.5");
        says(ns, shape, "waits", "AddressAllocated").await;
        witness.testify().await;
    }
}

#[tokio::test]
async fn case_160_cluster_api_appears_after_the_controller_and_is_upgraded_under_it() {
    let plane = ControlPlane::start(Options::default())
        .await
        .expect("a control plane");
    install_pools(&plane).await;
    let launched = Controller::launch(plane.kubeconfig().to_owned(), |_| {}).await;
    let mut readiness = launched.readiness.clone();
    let says_why =
        |state: &Result<(), String>| state.as_ref().is_err_and(|why| why.contains("IPAddressClaim"));
    let why = readiness
        .wait_for(says_why)
        .await
        .expect("it stays alive")
        .clone()
        .expect_err("not ready");
    assert!(why.contains("clusterctl"), "the remedy is named: {why}");

    plane
        .apply_capi(CapiVersion::V1_10)
        .await
        .expect("the CRDs apply");
    launched.ready().await;
    holds(&plane, Shape::Nested).await;

    let survivors = Survivors::make(&plane, Shape::Nested).await;
    plane
        .apply_capi(CapiVersion::V1_13)
        .await
        .expect("the CRDs apply");
    survivors.are_well(Shape::New).await;
    launched.ready().await;
    holds(&plane, Shape::New).await;
    launched.controller.stop();
}

#[tokio::test]
async fn the_oldest_supported_release_and_its_upgrade() {
    let options = Options {
        capi: Some(CapiVersion::V1_7),
        ..Options::default()
    };
    let plane = ControlPlane::start(options).await.expect("a control plane");
    install_pools(&plane).await;
    let launched = Controller::launch(plane.kubeconfig().to_owned(), |_| {}).await;
    launched.ready().await;
    holds(&plane, Shape::Old).await;

    let survivors = Survivors::make(&plane, Shape::Old).await;
    plane
        .apply_capi(CapiVersion::V1_10)
        .await
        .expect("the CRDs apply");
    survivors.are_well(Shape::Nested).await;
    holds(&plane, Shape::Nested).await;
    launched.controller.stop();
}

/// A kind vanishes and comes back, as when somebody re-installs Cluster API: the controller stays alive and works
/// again afterwards.
#[tokio::test]
async fn cluster_api_vanishes_and_comes_back() {
    let options = Options {
        capi: Some(CapiVersion::V1_13),
        ..Options::default()
    };
    let plane = ControlPlane::start(options).await.expect("a control plane");
    install_pools(&plane).await;
    let controller = Controller::start(&plane, |_| {}).await;
    let ns = Ns {
        client: plane.client(),
        name: plane.namespace("before").await,
        version: Shape::New.version(),
    };
    ns.pool("p", json!({"addresses": ["10.0.0.5-10.0.0.9"], "prefix": 24}))
        .await;
    ns.counts(PoolKind::InClusterIPPool, "p", [5, 0, 5, 0]).await;

    let definitions: Api<CustomResourceDefinition> = Api::all(plane.client());
    let claims = "ipaddressclaims.ipam.cluster.x-k8s.io";
    definitions
        .delete(claims, &DeleteParams::default())
        .await
        .expect("deleted");
    eventually(PATIENCE, "claims are not served", || async {
        match ns.claims().list(&ListParams::default()).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            other => Err(format!("{:?}", other.map(|l| l.items.len()))),
        }
    })
    .await;
    // Pools are still looked after.
    ns.address("by-hand", "InClusterIPPool", "p", "10.0.0.5", 24, json!({}))
        .await;
    ns.counts(PoolKind::InClusterIPPool, "p", [5, 1, 4, 0]).await;

    plane
        .apply_capi(CapiVersion::V1_13)
        .await
        .expect("the CRDs apply");
    assert_eq!(ns.take("a", "p").await, "10.0.0.6");
    controller.stop();
}
