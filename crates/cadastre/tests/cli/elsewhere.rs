//! Clusters and people other than the administrator of a cluster like ours.

use std::{os::unix::fs::symlink, path::Path};

use api::pool::PoolKind;
use serde_json::json;
use testkit::{CapiVersion, ControlPlane, Options};

use crate::stage::{self, BINARY, Stage, pool};

/// A role for one namespace, with everything in it that can be read.
fn reader(namespace: &str, user: &str) -> String {
    format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: reader, namespace: {namespace}}}\n\
         rules:\n- {{apiGroups: [ipam.cluster.x-k8s.io, cluster.x-k8s.io], resources: ['*'], verbs: [get, list]}}\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: reader, namespace: \
         {namespace}}}\nroleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}}\nsubjects:\n- \
         {{apiGroup: rbac.authorization.k8s.io, kind: User, name: {user}}}\n"
    )
}

#[tokio::test]
async fn who_may_read_nothing_is_told_so_and_nothing_is_called_clean() {
    let stage = Stage::new("cli-nobody").await;
    let nobody = stage
        .plane
        .kubeconfig_for("cli-nobody", &[])
        .expect("a kubeconfig");
    for command in ["check", "pools -A"] {
        let ran = stage.run_as(&nobody, command);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{command}: {ran:?}");
        assert!(
            ran.err.contains("cannot list ") && ran.err.contains("403"),
            "{command}: {}",
            ran.err
        );
    }
}

#[tokio::test]
async fn who_may_read_one_namespace_sees_that_and_hears_of_the_rest() {
    let stage = Stage::new("cli-tenant").await;
    let user = format!("tenant-of-{}", stage.namespace);
    let kubeconfig = stage.plane.kubeconfig_for(&user, &[]).expect("a kubeconfig");
    stage
        .apply(&(pool("mine", "192.0.2.80-192.0.2.81") + &reader(&stage.namespace, &user)))
        .await;

    let pools = stage.run_as(&kubeconfig, &format!("pools -o json -n {}", stage.namespace));
    assert_eq!(pools.code, Some(0), "{pools:?}");
    assert_eq!(pools.json()["pools"][0]["name"], "mine");
    let gaps = pools.json()["notLookedAt"].to_string();
    assert!(
        gaps.contains("GlobalInClusterIPPool: ") && gaps.contains("IPAddress outside namespace"),
        "{gaps}"
    );

    let check = stage.run_as(&kubeconfig, &format!("check -n {}", stage.namespace));
    assert_eq!(check.code, Some(2), "not everything was looked at: {check:?}");
    assert!(
        check
            .out
            .contains("not looked at  IPAddressClaim outside namespace"),
        "{}",
        check.out
    );
    let all = stage.run_as(&kubeconfig, "check");
    assert_eq!(all.code, Some(2), "{all:?}");
}

#[tokio::test]
async fn a_cluster_that_is_not_there_is_no_answer() {
    let stage = Stage::new("cli-nowhere").await;
    let missing = stage.run_as(Path::new("/nonexistent/kubeconfig"), "check");
    assert_eq!((missing.code, missing.out.as_str()), (Some(2), ""), "{missing:?}");
    let context = stage.run("check --context no-such-context");
    assert_eq!(context.code, Some(2), "{context:?}");
    assert!(
        context.err.contains("cannot use the context no-such-context"),
        "{}",
        context.err
    );
}

#[tokio::test]
async fn the_plugin_of_kubectl_is_the_same_program() {
    let stage = Stage::new("cli-plugin").await;
    stage.apply(&pool("plugged", "192.0.2.90")).await;
    let plugin = stage.plane.dir().join("kubectl-cadastre");
    symlink(BINARY, &plugin).expect("our own folder");
    let plugin = plugin.display().to_string();
    let kubeconfig = stage.plane.kubeconfig().display().to_string();
    let ran = stage::run(&plugin, &kubeconfig, &format!("pools -n {}", stage.namespace));
    assert!(ran.code == Some(0) && ran.out.contains(" plugged "), "{ran:?}");
    let help = stage::run(&plugin, &kubeconfig, "pools --help");
    assert!(help.out.contains("Usage: kubectl cadastre pools"), "{}", help.out);
    let help = stage::run(BINARY, &kubeconfig, "pools --help");
    assert!(help.out.contains("Usage: cadastre pools"), "{}", help.out);
}

/// An audit before a migration: Cluster API 1.7, and the two kinds of pools that early releases had.
#[tokio::test]
async fn an_old_cluster_can_be_looked_at() {
    let options = Options {
        capi: Some(CapiVersion::V1_7),
        ..Options::default()
    };
    let plane = ControlPlane::start(options).await.expect("a control plane");
    let kubeconfig = plane.kubeconfig().display().to_string();
    let bare = stage::run(BINARY, &kubeconfig, "pools");
    assert_eq!(bare.code, Some(2), "{bare:?}");
    assert!(bare.err.contains("no pool kind is served"), "{}", bare.err);

    stage::define(
        &plane,
        &[PoolKind::InClusterIPPool, PoolKind::GlobalInClusterIPPool],
    )
    .await;
    plane
        .apply_yaml(&pool("old", "192.0.2.100-192.0.2.101"))
        .await
        .expect("a pool");
    let pools = stage::run(BINARY, &kubeconfig, "pools -o json");
    assert_eq!(pools.code, Some(0), "{pools:?}");
    assert_eq!(
        (&pools.json()["pools"][0]["total"], &pools.json()["notLookedAt"]),
        (&json!(2), &json!([]))
    );
    let claim = stage::run(
        BINARY,
        &kubeconfig,
        "claim vm --pool old --cluster c1 --timeout 1s",
    );
    assert_eq!(claim.code, Some(1), "{claim:?}");
    assert!(
        claim.err.ends_with("the cluster it names does not exist\n"),
        "the label names it: {}",
        claim.err
    );
    let check = stage::run(BINARY, &kubeconfig, "check");
    assert_eq!(check.code, Some(0), "{check:?}");
}
