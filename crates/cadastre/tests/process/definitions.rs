//! Definitions that come after us.

use std::time::Duration;

use api::pool::PoolKind;
use serde_json::json;
use testkit::{CapiVersion, ControlPlane, Options};

use crate::{read::bound, replica::Replica, rig};

/// Case 160: without Cluster API's definitions it stays alive, says what is missing, and works once they are there. The
/// same with our own.
#[tokio::test]
async fn case_160_definitions_that_appear_later() {
    let plane = ControlPlane::start(Options::default())
        .await
        .expect("a control plane");
    let client = plane.client();
    let mut replica = Replica::start(plane.kubeconfig(), &["--webhook-port=0"]);
    replica
        .unready(&[
            "pools",
            "IPAddressClaim",
            "ipam.cluster.x-k8s.io",
            "clusterctl init",
        ])
        .await;
    assert_eq!(replica.probe("/healthz").await.expect("an answer").0, 200);

    plane
        .apply_capi(CapiVersion::default())
        .await
        .expect("the definitions apply");
    replica.unready(&["pools", "InClusterIPPool", "not served"]).await;
    assert!(replica.process.exited().is_none());

    testkit::install::install(client.clone(), None)
        .await
        .expect("our CRDs apply");
    replica.ready().await;
    let (kind, ns) = (PoolKind::InClusterIPPool, plane.namespace("late").await);
    let spec = json!({"addresses": ["192.0.2.10"], "prefix": 24});
    rig::create(&rig::pools(&client, &ns, kind), &rig::pool(kind, "p", &spec)).await;
    rig::create(&rig::claims(&client, &ns), &rig::claim("c", kind, "p")).await;
    assert_eq!(bound(&client, &ns, "c").await, "192.0.2.10");
    assert!(replica.dismiss().await < Duration::from_secs(10));
}

/// An API server that is not there yet is waited for, too.
#[tokio::test]
async fn an_api_server_that_comes_later_is_waited_for() {
    let options = Options {
        capi: Some(CapiVersion::default()),
        ..Options::default()
    };
    let plane = ControlPlane::start(options).await.expect("a control plane");
    testkit::install::install(plane.client(), None)
        .await
        .expect("our CRDs apply");
    plane.stop_apiserver().await.expect("it ends");
    let mut replica = Replica::start(plane.kubeconfig(), &["--webhook-port=0"]);
    replica.unready(&["pools", "API server"]).await;
    assert_eq!(replica.probe("/healthz").await.expect("an answer").0, 200);
    plane.start_apiserver().await.expect("it starts");
    replica.ready().await;
    replica.dismiss().await;
}
