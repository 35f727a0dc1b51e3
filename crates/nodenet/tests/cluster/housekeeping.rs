//! What nobody owns any more is removed (spec §12, case 40), and a policy that is to be undone is waited for (§22.1).

use std::time::{Duration, Instant};

use api::nmstate::Policy;
use kube::api::{Api, DeleteParams};
use serde_json::json;

use crate::ground::Site;

const DONE: &str = "Available: 2/2 nodes successfully configured";

#[tokio::test(flavor = "multi_thread")]
async fn case_40_an_orphan_is_removed_while_its_node_is_down() {
    let mut site = Site::with_nodes(2).await;
    let mut witness = site.witness().await;
    let coordinator = site.coordinate().await;
    site.policy("p", json!({})).await;
    site.policy("q", json!({})).await;
    witness.says("p", DONE).await;
    witness.says("q", DONE).await;
    site.kill("n1").await;
    let policies: Api<Policy> = site.all();
    policies
        .delete("p", &DeleteParams::default())
        .await
        .expect("deleted");
    let since = Instant::now();
    let story = witness
        .until("both enactments are gone", |story| {
            !story.exist.iter().any(|name| name.ends_with(".p"))
        })
        .await;
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    assert!(
        story.exist.contains("n1.q") && story.exist.contains("n2.q"),
        "others stay"
    );
    coordinator.stop().await;
    witness.end().await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orphans_of_the_time_without_a_coordinator_are_found_at_its_start() {
    let mut site = Site::with_nodes(2).await;
    let mut witness = site.witness().await;
    let coordinator = site.coordinate().await;
    site.policy("p", json!({})).await;
    witness.says("p", DONE).await;
    coordinator.stop().await;
    site.kill("n1").await;
    let policies: Api<Policy> = site.all();
    policies
        .delete("p", &DeleteParams::default())
        .await
        .expect("deleted");
    witness
        .until("n2 removes its own", |story| !story.exist.contains("n2.p"))
        .await;
    assert!(witness.story().exist.contains("n1.p"));
    let coordinator = site.coordinate().await;
    witness
        .until("n1's is removed", |story| !story.exist.contains("n1.p"))
        .await;
    coordinator.stop().await;
    witness.end().await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_to_be_undone_goes_when_its_nodes_have_undone_it() {
    let site = Site::with_nodes(2).await;
    let mut witness = site.witness().await;
    let coordinator = site.coordinate().await;
    site.policy("p", json!({"onDelete": "Revert"})).await;
    let story = witness.says("p", DONE).await;
    let finalizers = story.last["p"].metadata.finalizers.clone().unwrap_or_default();
    assert_eq!(finalizers, ["nmstate.io/revert"]);
    let policies: Api<Policy> = site.all();
    policies
        .delete("p", &DeleteParams::default())
        .await
        .expect("deleted");
    testkit::eventually(Duration::from_secs(30), "the policy is gone", || async {
        match policies.get_opt("p").await.map_err(|error| error.to_string())? {
            None => Ok(()),
            Some(_) => Err("it is still there".to_owned()),
        }
    })
    .await;
    assert!(
        !witness.story().exist.iter().any(|name| name.ends_with(".p")),
        "the nodes were done before"
    );
    coordinator.stop().await;
    witness.end().await;
    site.close().await;
}
