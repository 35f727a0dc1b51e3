//! `--namespace` (spec §16): which claims are served is one thing, which addresses count another.

use std::{collections::BTreeSet, time::Duration};

use api::{capi::Version, names::PROTECT_ADDRESS, pool::PoolKind};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::{
    Api,
    api::{ListParams, PostParams},
    core::ApiResource,
};
use serde_json::json;
use testkit::{CapiVersion, ControlPlane, FaultProxy, Options, eventually};

use crate::{
    ground::{Controller, Ns, PATIENCE, cluster::install_pools, ready, text},
    witness::Witness,
};

const GLOBAL: PoolKind = PoolKind::GlobalInClusterIPPool;

async fn plane() -> ControlPlane {
    let options = Options {
        capi: Some(CapiVersion::V1_13),
        ..Options::default()
    };
    let plane = ControlPlane::start(options).await.expect("a control plane");
    install_pools(&plane).await;
    plane
}

async fn namespace(plane: &ControlPlane) -> Ns {
    Ns {
        client: plane.client(),
        name: plane.namespace("scope").await,
        version: Version::V1Beta2,
    }
}

#[tokio::test]
async fn only_claims_of_the_namespace_are_served_and_all_addresses_count() {
    let plane = plane().await;
    let (ours, theirs) = (namespace(&plane).await, namespace(&plane).await);
    let controller = Controller::start(&plane, |config| {
        config.scope.namespace = Some(ours.name.clone());
        config.shared.options.orphan_delay = Duration::from_secs(1);
    })
    .await;
    ours.pool_of(
        GLOBAL,
        "g",
        json!({"addresses": ["10.0.0.5-10.0.0.9"], "prefix": 24}),
    )
    .await;
    theirs
        .pool("p", json!({"addresses": ["10.0.1.5"], "prefix": 24}))
        .await;
    let orphan = json!({"finalizers": [PROTECT_ADDRESS]});
    let foreign = theirs
        .address("theirs", GLOBAL.kind(), "g", "10.0.0.5", 24, orphan.clone())
        .await;
    let untouched = [
        theirs.claim("a", "p").await,
        theirs.claim_on("b", GLOBAL, "g").await,
    ];
    ours.claim_on("a", GLOBAL, "g").await;
    assert_eq!(
        ours.bound_to("a").await,
        "10.0.0.6",
        "the other namespace's address counts"
    );
    ours.counts(GLOBAL, "g", [5, 2, 3, 0]).await;
    // What looks like an orphan there may have a claim that we do not see.
    ours.address("ours", GLOBAL.kind(), "g", "10.0.0.9", 24, orphan)
        .await;
    ours.address_gone("ours").await;
    assert_eq!(theirs.addresses().get("theirs").await.expect("stays"), foreign);
    for claim in untouched {
        let name = claim.metadata.name.as_deref().expect("a name");
        assert_eq!(theirs.claims().get(name).await.expect("there"), claim);
    }
    let pool = theirs
        .pools(PoolKind::InClusterIPPool)
        .get("p")
        .await
        .expect("the pool");
    assert!(
        pool.metadata.finalizers.is_none(),
        "pools of other namespaces are not ours"
    );
    controller.stop();
}

/// Two managers that share a global pool (spec §20, W3): the pool itself keeps them from handing out an address twice.
#[tokio::test]
async fn two_managers_never_hand_out_a_global_address_twice() {
    const EACH: usize = 40;
    let plane = plane().await;
    let namespaces = [namespace(&plane).await, namespace(&plane).await];
    namespaces[0]
        .pool_of(
            GLOBAL,
            "g",
            json!({"addresses": ["10.0.0.1-10.0.0.80"], "prefix": 24}),
        )
        .await;
    let resource = ApiResource {
        plural: "ipaddresses".to_owned(),
        ..ApiResource::from_gvk(&kube::core::GroupVersionKind::gvk(
            "ipam.cluster.x-k8s.io",
            "v1beta2",
            "IPAddress",
        ))
    };
    let everywhere = Api::all_with(plane.client(), &resource);
    let witness = Witness::of(everywhere.clone()).await;
    let mut controllers = Vec::new();
    for ns in &namespaces {
        controllers
            .push(Controller::start(&plane, |config| config.scope.namespace = Some(ns.name.clone())).await);
    }
    let burst = namespaces.iter().map(|ns| async move {
        for i in 0..EACH {
            ns.claim_on(&format!("c{i}"), GLOBAL, "g").await;
        }
    });
    futures::future::join_all(burst).await;
    eventually(PATIENCE * 2, "all claims are bound", || async {
        let mut bound = 0;
        for ns in &namespaces {
            let claims = ns
                .claims()
                .list(&ListParams::default())
                .await
                .map_err(|e| e.to_string())?;
            bound += claims
                .iter()
                .filter(|c| !text(c, "/status/addressRef/name").is_empty())
                .count();
        }
        if bound == 2 * EACH {
            Ok(())
        } else {
            Err(format!("{bound} are"))
        }
    })
    .await;
    let addresses = everywhere.list(&ListParams::default()).await.expect("a list");
    let distinct: BTreeSet<String> = addresses.iter().map(|a| text(a, "/spec/address")).collect();
    assert_eq!((addresses.items.len(), distinct.len()), (2 * EACH, 2 * EACH));
    namespaces[0].counts(GLOBAL, "g", [80, 80, 0, 0]).await;
    witness.testify().await;
    for controller in controllers {
        controller.stop();
    }
}

/// Who may not see the addresses of all namespaces serves no global pools, and says so.
#[tokio::test]
async fn without_the_right_to_see_all_addresses_global_pools_are_refused() {
    let plane = plane().await;
    let ns = namespace(&plane).await;
    let rules = json!([
        {"apiGroups": ["ipam.cluster.x-k8s.io"], "resources": ["*"], "verbs": ["*"]},
        {"apiGroups": ["cluster.x-k8s.io"], "resources": ["clusters"], "verbs": ["get", "list", "watch"]},
    ]);
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "limited"}, "rules": rules});
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "limited"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "limited"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "limited"}],
    });
    let roles: Api<Role> = Api::namespaced(ns.client.clone(), &ns.name);
    let bindings: Api<RoleBinding> = Api::namespaced(ns.client.clone(), &ns.name);
    let role = serde_json::from_value(role).expect("a role");
    let binding = serde_json::from_value(binding).expect("a binding");
    roles.create(&PostParams::default(), &role).await.expect("a role");
    bindings
        .create(&PostParams::default(), &binding)
        .await
        .expect("a binding");

    let proxy = FaultProxy::start_as(&plane, "limited", &[])
        .await
        .expect("a proxy");
    let namespace = ns.name.clone();
    let start = Controller::start_with(proxy.kubeconfig().to_owned(), |config| {
        config.scope.namespace = Some(namespace);
    });
    let controller = start.await;
    ns.pool_of(GLOBAL, "g", json!({"addresses": ["10.0.0.5"], "prefix": 24}))
        .await;
    ns.pool("p", json!({"addresses": ["10.0.1.5"], "prefix": 24}))
        .await;
    assert_eq!(ns.take("a", "p").await, "10.0.1.5");
    ns.claim_on("b", GLOBAL, "g").await;
    let claim = ns.reason("b", "PoolNotReady").await;
    let message = ready(&claim)
        .and_then(|r| r["message"].as_str())
        .unwrap_or_default();
    assert!(
        message.contains("list") && message.contains("IPAddresses"),
        "it says what is missing: {message}"
    );
    assert!(ns.addresses().get_opt("b").await.expect("an answer").is_none());
    // Such a claim can go.
    ns.delete_claim("b").await;
    ns.claim_gone("b").await;
    controller.stop();
}
