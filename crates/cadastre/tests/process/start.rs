//! Starting, and the probes.

use std::collections::BTreeSet;

use api::pool::PoolKind;
use serde_json::json;
use testkit::Cadastre;

use crate::{
    listening,
    read::bound,
    replica::{Replica, home},
    rig::{self, BINARY},
};

/// Case 155: no certificate is needed, nothing listens but the probes and the diagnostics, and claims are served.
#[tokio::test]
async fn case_155_webhook_port_0_opens_no_socket() {
    let (plane, client, ns) = home("no-webhooks").await;
    let args = ["--webhook-port", "0", "--namespace", &ns];
    let mut replica = Replica::start(plane.kubeconfig(), &args);
    replica.ready().await;
    let expected = BTreeSet::from([replica.health.number(), replica.diagnostics.number()]);
    assert_eq!(
        listening::ports(replica.process.pid()),
        expected,
        "9443 is not among them"
    );

    let spec = json!({"addresses": ["192.0.2.10"], "prefix": 24});
    rig::create(
        &rig::pools(&client, &ns, PoolKind::InClusterIPPool),
        &rig::pool(PoolKind::InClusterIPPool, "p", &spec),
    )
    .await;
    rig::create(
        &rig::claims(&client, &ns),
        &rig::claim("c", PoolKind::InClusterIPPool, "p"),
    )
    .await;
    assert_eq!(bound(&client, &ns, "c").await, "192.0.2.10");
    replica.dismiss().await;
}

/// Case 156: both probes answer 200 once everything is in place; the port is 8081 unless told otherwise.
#[tokio::test]
async fn case_156_probes_answer() {
    let (plane, _, ns) = home("probes").await;
    let replica = Replica::without_webhooks(plane.kubeconfig(), &ns, &[]).await;
    for path in ["/healthz", "/readyz"] {
        let (status, body) = replica.probe(path).await.expect("an answer");
        assert_eq!((status, body.as_str()), (200, "ok"), "{path}");
    }
    let (status, body) = replica.probe("/readyz?verbose").await.expect("an answer");
    assert_eq!(status, 200);
    assert!(body.contains("[+]pools ok"), "{body}");
    assert_eq!(replica.probe("/nonsense").await.expect("an answer").0, 404);
    replica.dismiss().await;

    let mut help =
        Cadastre::start(BINARY, ["controller", "--help"], [("COLUMNS", "200")]).expect("the binary starts");
    let status = help.wait_exit(rig::PATIENCE).await.expect("it ends");
    let text = help.log();
    assert!(status.success(), "{text}");
    let probes = text
        .split_once("--health-probe-bind-address")
        .map(|(_, rest)| rest)
        .unwrap_or_default();
    assert!(
        probes
            .split("--")
            .next()
            .unwrap_or_default()
            .contains("[default: :8081]"),
        "{text}"
    );
}

/// A flag that cannot be used is an error that names it, at once and on standard error.
#[tokio::test]
async fn a_flag_that_cannot_be_used_is_named() {
    let (plane, _, _) = home("bad-flags").await;
    let kubeconfig = plane.kubeconfig().display().to_string();
    let table = [
        (
            "--leader-elect-lease-duration=banana",
            "--leader-elect-lease-duration",
        ),
        ("--tls-min-version=SSLv3", "SSLv3"),
        ("--diagnostics-address=nonsense", "--diagnostics-address"),
        ("--webhook-host=example.org", "--webhook-host"),
        ("--no-such-flag", "--no-such-flag"),
    ];
    for (flag, named) in table {
        let args = [
            "controller",
            "--kubeconfig",
            &kubeconfig,
            "--health-probe-bind-address=0",
            flag,
        ];
        let off = if flag.starts_with("--diagnostics") {
            "--health-probe-bind-address=0"
        } else {
            "--diagnostics-address=0"
        };
        let args: Vec<&str> = args
            .into_iter()
            .chain((!off.starts_with("--health")).then_some(off))
            .collect();
        let mut process = Cadastre::start(BINARY, &args, [("COLUMNS", "200")]).expect("the binary starts");
        let status = process.wait_exit(rig::PATIENCE).await.expect("it ends");
        assert!(!status.success(), "{flag}");
        assert!(process.log().contains(named), "{flag}: {}", process.log());
    }
}
