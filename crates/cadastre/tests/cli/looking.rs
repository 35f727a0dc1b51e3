//! `pools` and `check` on objects made by hand, without a controller.

use std::time::Instant;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::{
    Api,
    api::{DynamicObject, PostParams},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::json;

use crate::stage::{PATIENCE, Stage, address, pool};

const OURS: &str = "ipam.cluster.x-k8s.io/ProtectAddress";

#[tokio::test]
async fn pools_are_counted_from_their_objects() {
    let stage = Stage::new("cli-pools").await;
    let yaml = pool("workers", "192.0.2.10-192.0.2.19")
        + &pool("broken", "nonsense")
        + &address("in", "workers", "192.0.2.10", "")
        + &address("out", "workers", "192.0.2.99", "");
    stage.apply(&yaml).await;

    let table = stage.run("pools");
    assert_eq!((table.code, table.err.as_str()), (Some(0), ""), "{table:?}");
    let line = |name: &str| {
        let line = table
            .out
            .lines()
            .find(|line| line.contains(&format!(" {name} ")))
            .expect("a line for the pool");
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(line("workers")[3..8], ["10", "2", "9", "0", "1"], "{}", table.out);
    assert_eq!(
        line("broken")[3..9],
        ["-", "0", "-", "0", "-", "unusable:"],
        "{}",
        table.out
    );

    let json = stage.run("pools -o json").json();
    let of_us = |pool: &&serde_json::Value| pool["namespace"] == stage.namespace.as_str();
    let pools: Vec<_> = json["pools"].as_array().unwrap().iter().filter(of_us).collect();
    let workers = json!({
        "kind": "InClusterIPPool", "namespace": stage.namespace, "name": "workers", "total": 10, "used": 2, "free": 9,
        "waiting": 0, "outOfRange": 1, "paused": false, "deleting": false, "problem": null,
    });
    assert_eq!(pools[1], &workers);
    assert_eq!(json["notLookedAt"], json!([]));
    let yaml = stage.run("pools -o yaml");
    assert!(yaml.out.contains("  outOfRange: 1\n"), "{}", yaml.out);
}

#[tokio::test]
async fn a_namespace_without_pools_is_no_error() {
    let stage = Stage::new("cli-empty").await;
    let ran = stage.run("pools -o json");
    assert_eq!(
        (ran.code, ran.json()["notLookedAt"].clone()),
        (Some(0), json!([]))
    );
    let elsewhere = ran.json()["pools"]
        .as_array()
        .unwrap()
        .iter()
        .all(|pool| pool["namespace"].is_null());
    assert!(elsewhere, "global pools alone may show: {}", ran.out);
}

#[tokio::test]
async fn an_audit_finds_what_is_wrong_and_says_so_with_its_exit_code() {
    let stage = Stage::new("cli-check").await;
    stage.apply(&pool("fine", "198.51.100.10-198.51.100.19")).await;
    let clean = stage.run("check");
    assert_eq!(clean.code, Some(0), "{clean:?}");
    assert!(clean.out.starts_with("nothing found in "), "{}", clean.out);

    let yaml =
        address("hand-made", "fine", "198.51.100.10", "") + &address("lost", "fine", "198.51.100.11", OURS);
    stage.apply(&yaml).await;
    let warned = stage.run("check -o json");
    assert_eq!(
        (warned.code, warned.kinds()),
        (
            Some(0),
            vec!["OrphanedAddress".into(), "ManualReservation".into()]
        )
    );

    stage.apply(&address("twin", "fine", "198.51.100.10", "")).await;
    let failed = stage.run("check -o json");
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert_eq!(
        failed.kinds(),
        ["DuplicateAddress", "OrphanedAddress", "ManualReservation"]
    );
    let objects = &failed.json()["findings"][0]["objects"];
    assert_eq!(
        (&objects[0]["name"], &objects[1]["name"]),
        (&json!("hand-made"), &json!("twin"))
    );
    let text = stage.run("check").out;
    assert!(
        text.starts_with("error    DuplicateAddress  InClusterIPPool "),
        "{text}"
    );
    assert!(text.contains("\n1 error, 1 warning, 1 note in "), "{text}");
}

/// More objects than fit on one page of a list.
#[tokio::test]
async fn all_pages_of_a_long_list_are_read() {
    const COUNT: usize = 620;
    let stage = Stage::new("cli-many").await;
    stage.apply(&pool("many", "203.0.113.0/24")).await;
    let gvk = GroupVersionKind::gvk("ipam.cluster.x-k8s.io", "v1beta2", "IPAddress");
    let resource = ApiResource::from_gvk_with_plural(&gvk, "ipaddresses");
    let api: Api<DynamicObject> = Api::namespaced_with(stage.plane.client(), &stage.namespace, &resource);
    let creates = (0..COUNT).map(|n| {
        let pool = json!({"apiGroup": "ipam.cluster.x-k8s.io", "kind": "InClusterIPPool", "name": "many"});
        let spec = json!({"claimRef": {"name": format!("n{n}")}, "poolRef": pool, "prefix": 24,
            "address": format!("203.0.113.{}", n % 256)});
        let mut object = DynamicObject::new(&format!("n{n}"), &resource);
        object.data = json!({"spec": spec});
        let api = api.clone();
        async move { api.create(&PostParams::default(), &object).await }
    });
    let created: Result<Vec<_>, _> = stream::iter(creates).buffer_unordered(16).try_collect().await;
    assert_eq!(created.map(|c| c.len()).expect("all are created"), COUNT);

    let started = Instant::now();
    let json = stage.run("pools -o json").json();
    let many = json["pools"]
        .as_array()
        .unwrap()
        .iter()
        .find(|pool| pool["name"] == "many")
        .expect("our pool");
    assert_eq!((&many["used"], &many["free"]), (&json!(COUNT), &json!(0)));
    let ran = stage.run("check -o json");
    let duplicates = ran
        .kinds()
        .iter()
        .filter(|kind| *kind == "DuplicateAddress")
        .count();
    assert_eq!(duplicates, 256, "every address is held at least twice");
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
}
