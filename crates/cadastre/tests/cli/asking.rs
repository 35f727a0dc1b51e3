//! `claim` and `explain`, with a controller and without.

use serde_json::json;

use crate::stage::{Stage, address, pool};

fn prefix_pool(name: &str) -> String {
    format!(
        "apiVersion: ipam.cluster.x-k8s.io/v1alpha2\nkind: InClusterPrefixPool\nmetadata: {{name: {name}}}\nspec: \
         {{prefixes: [\"2001:db8:77::/56\"]}}\n---\n"
    )
}

/// A claim made by hand.
fn claim(name: &str, pool: &str, annotations: &str) -> String {
    format!(
        "apiVersion: ipam.cluster.x-k8s.io/v1beta2\nkind: IPAddressClaim\nmetadata: {{name: {name}, annotations: \
         {{{annotations}}}}}\nspec: {{poolRef: {{apiGroup: ipam.cluster.x-k8s.io, kind: InClusterIPPool, name: \
         {pool}}}}}\n---\n"
    )
}

#[tokio::test]
async fn a_claim_prints_its_address_and_nothing_else() {
    let stage = Stage::new("cli-claim").await;
    stage
        .apply(&(pool("workers", "192.0.2.30-192.0.2.31") + &prefix_pool("pods")))
        .await;
    let _controller = stage.controller();

    let first = stage.run("claim node-1 --pool workers");
    assert_eq!(
        (first.code, first.out.as_str()),
        (Some(0), "192.0.2.30\n"),
        "{first:?}"
    );
    let told = format!(
        "{0}/node-1 is bound to InClusterIPPool {0}/workers, prefix length 24\n",
        stage.namespace
    );
    assert_eq!(first.err, told);

    let again = stage.run("claim node-1 --pool workers -o json");
    assert_eq!(again.code, Some(0), "{again:?}");
    let expected = json!({
        "namespace": stage.namespace, "name": "node-1", "address": "192.0.2.30", "prefix": 24, "gateway": null,
        "pool": {"kind": "InClusterIPPool", "namespace": stage.namespace, "name": "workers"},
    });
    assert_eq!(again.json(), expected, "asking twice gives the same address");

    let prefix = stage.run("claim node-1-pods --pool pods --kind inclusterprefixpool");
    assert_eq!(
        (prefix.code, prefix.out.as_str()),
        (Some(0), "2001:db8:77::/64\n"),
        "{prefix:?}"
    );

    let other = stage.run("claim node-1 --pool pods");
    assert_eq!((other.code, other.out.as_str()), (Some(1), ""), "{other:?}");
    assert!(
        other
            .err
            .contains("exists already and draws from InClusterIPPool"),
        "{}",
        other.err
    );
}

#[tokio::test]
async fn a_claim_that_gets_nothing_says_why() {
    let stage = Stage::new("cli-wait").await;
    stage.apply(&pool("tiny", "192.0.2.40")).await;
    let _controller = stage.controller();
    assert_eq!(stage.run("claim first --pool tiny").out, "192.0.2.40\n");

    let full = stage.run("claim second --pool tiny --timeout 3s");
    assert_eq!((full.code, full.out.as_str()), (Some(1), ""), "{full:?}");
    let nothing_free = format!(
        "PoolExhausted: InClusterIPPool {}/tiny has nothing free",
        stage.namespace
    );
    assert!(
        full.err.contains(&format!("waiting: {nothing_free}")),
        "{}",
        full.err
    );
    assert!(
        full.err
            .contains(&format!("has no address after 3 s: {nothing_free}")),
        "{}",
        full.err
    );

    let missing = stage.run("claim third --pool none --kind InClusterIPPool --timeout 3s");
    assert_eq!(missing.code, Some(1), "{missing:?}");
    assert!(
        missing.err.contains("PoolNotReady: InClusterIPPool"),
        "{}",
        missing.err
    );

    // Nothing is written to a claim whose cluster is missing, so the reason is the plan's.
    let cluster = stage.run("claim fourth --pool tiny --cluster gone --timeout 1s");
    assert_eq!(cluster.code, Some(1), "{cluster:?}");
    assert!(
        cluster
            .err
            .ends_with("has no address after 1 s: the cluster it names does not exist\n"),
        "{}",
        cluster.err
    );

    let unserved = stage.run("explain claim/second -o json").json();
    assert_eq!(unserved["queue"], json!({"position": 1, "length": 1}));
    assert_eq!(unserved["next"]["step"], "Rest");
    assert_eq!(unserved["conditions"][0]["reason"], "PoolExhausted");
    let deciding = |rule: &&serde_json::Value| rule["verdict"] == "decides";
    let rules = unserved["rules"].as_array().unwrap();
    assert_eq!(rules.iter().find(deciding).unwrap()["rule"], "capacity");
}

#[tokio::test]
async fn a_pool_is_found_by_its_name_if_that_says_enough() {
    let stage = Stage::new("cli-find").await;
    stage
        .apply(&(pool("twice", "192.0.2.50") + &prefix_pool("twice")))
        .await;
    let ambiguous = stage.run("claim x --pool twice --timeout 0");
    assert_eq!(ambiguous.code, Some(2), "{ambiguous:?}");
    let expected =
        "several pools are called twice: InClusterIPPool, InClusterPrefixPool; choose one with --kind";
    assert!(ambiguous.err.contains(expected), "{}", ambiguous.err);
    let missing = stage.run("claim x --pool nowhere --timeout 0");
    assert_eq!(missing.code, Some(2), "{missing:?}");
    assert!(
        missing.err.contains("there is no pool nowhere in namespace"),
        "{}",
        missing.err
    );

    let created = stage.run("claim x --pool twice --kind InClusterIPPool --timeout 0 -o json");
    assert_eq!(
        (created.code, created.json()),
        (Some(0), json!({"namespace": stage.namespace, "name": "x"}))
    );
    let unserved = stage.run("claim x --pool twice --kind InClusterIPPool --timeout 1s");
    assert_eq!(unserved.code, Some(1), "{unserved:?}");
    assert!(
        unserved
            .err
            .contains("no controller has served it; its next step: add our finalizer"),
        "{}",
        unserved.err
    );
}

#[tokio::test]
async fn a_claim_is_explained_rule_by_rule() {
    let stage = Stage::new("cli-explain").await;
    let paused = claim("paused", "workers", "cluster.x-k8s.io/paused: \"\"");
    let yaml = pool("workers", "192.0.2.60-192.0.2.61") + &paused + &claim("taken", "workers", "");
    stage
        .apply(&(yaml + &pool("other", "192.0.2.70") + &address("taken", "other", "192.0.2.70", "")))
        .await;

    let text = stage.run("explain claim/paused");
    assert_eq!((text.code, text.err.as_str()), (Some(0), ""), "{text:?}");
    for line in [
        &*format!("Claim       {}/paused", stage.namespace),
        "  ok  pool of ours",
        "  =>  claim paused       carries cluster.x-k8s.io/paused",
        "   -  capacity           total 2, used 0, free 2",
        "Next step   waits: the claim carries the paused annotation; remove it to go on",
    ] {
        assert!(text.out.contains(line), "{line} in\n{}", text.out);
    }
    assert!(!text.out.contains('\x1b'), "no colours where nobody looks");

    // The finalizer is what stands in the way first; the address of another pool comes later.
    let taken = stage.run("explain ipaddressclaims/taken -o json").json();
    assert_eq!(
        (&taken["next"]["step"], &taken["next"]["isDue"]),
        (&json!("AddFinalizer"), &json!(true))
    );
    assert_eq!(taken["address"]["pool"]["name"], "other");
    assert_eq!(taken["address"]["inPool"], true);

    let nobody = stage.run("explain claim/nobody");
    assert_eq!((nobody.code, nobody.out.as_str()), (Some(1), ""), "{nobody:?}");
    assert!(
        nobody.err.contains("there is no IPAddressClaim"),
        "{}",
        nobody.err
    );
}
