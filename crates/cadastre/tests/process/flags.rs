//! Flags that operators of Cluster API pass without knowing what they start (spec §16).

use std::os::unix::fs::symlink;
use std::path::Path;

use api::pool::PoolKind;
use serde_json::json;

use crate::{
    read::bound,
    replica::{Replica, home},
    rig::{self, BINARY},
};

/// Those with a value, and a value for each.
const VALUES: [(&str, &str); 15] = [
    ("v", "2"),
    ("webhook-host", "127.0.0.1"),
    ("profiler-address", "localhost:6060"),
    ("sync-period", "10m0s"),
    ("feature-gates", "SomeGate=true,Other=false"),
    ("max-concurrent-reconciles", "10"),
    ("inclusterippool-concurrency", "3"),
    ("ipaddressclaim-concurrency", "10"),
    ("leader-election-id", "some-lease"),
    ("leader-elect-lease-duration", "20s"),
    ("leader-elect-renew-deadline", "12s"),
    ("leader-elect-retry-period", "3s"),
    ("watch-filter", ""),
    ("tls-min-version", "VersionTLS13"),
    (
        "tls-cipher-suites",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    ),
];

async fn starts_and_serves(program: &Path, first: &[&str], style: impl Fn(&str, &str) -> Vec<String>) {
    let (plane, client, ns) = home("operator-flags").await;
    let mut args: Vec<String> = VALUES
        .iter()
        .flat_map(|(name, value)| style(&format!("--{name}"), value))
        .collect();
    args.extend(style("--webhook-port", "0"));
    args.extend(style("--namespace", &ns));
    args.extend(style("--leader-election-namespace", &ns));
    args.push("--leader-elect".to_owned());
    args.push("--insecure-diagnostics=true".to_owned());
    let mut replica = Replica::start_as(program, first, plane.kubeconfig(), &args);
    replica.ready().await;
    let kind = PoolKind::InClusterIPPool;
    let spec = json!({"addresses": ["192.0.2.10"], "prefix": 24});
    rig::create(&rig::pools(&client, &ns, kind), &rig::pool(kind, "p", &spec)).await;
    rig::create(&rig::claims(&client, &ns), &rig::claim("c", kind, "p")).await;
    assert_eq!(bound(&client, &ns, "c").await, "192.0.2.10");
    for ignored in [
        "--profiler-address",
        "--sync-period",
        "--feature-gates",
        "--ipaddressclaim-concurrency",
    ] {
        let line = format!("flag accepted without effect flag=\"{ignored}\"");
        assert!(
            replica.process.log().contains(&line),
            "{ignored} is not mentioned: {}",
            replica.process.log()
        );
    }
    replica.dismiss().await;
}

fn joined(name: &str, value: &str) -> Vec<String> {
    vec![format!("{name}={value}")]
}

fn apart(name: &str, value: &str) -> Vec<String> {
    vec![name.to_owned(), value.to_owned()]
}

#[tokio::test]
async fn case_158_operator_flags_with_equals_signs() {
    starts_and_serves(Path::new(BINARY), &["controller"], joined).await;
}

#[tokio::test]
async fn case_158_operator_flags_with_blanks() {
    starts_and_serves(Path::new(BINARY), &["controller"], apart).await;
}

/// Images and manifests of the replaced manager call `/manager`.
#[tokio::test]
async fn case_158_operator_flags_under_the_name_manager() {
    let dir = tempfile::tempdir().expect("a folder");
    let manager = dir.path().join("manager");
    symlink(BINARY, &manager).expect("a link");
    starts_and_serves(&manager, &[], joined).await;
    starts_and_serves(&manager, &[], apart).await;
}

/// The old names of two addresses, the last of a flag given twice, and every way in which Go writes a truth value.
#[tokio::test]
async fn case_158_flags_as_go_reads_them() {
    let (plane, _, ns) = home("go-flags").await;
    let health = testkit::Port::reserve().expect("a free port");
    let metrics = testkit::Port::reserve().expect("a free port");
    let args = [
        "controller".to_owned(),
        format!("--kubeconfig={}", plane.kubeconfig().display()),
        format!("--namespace={ns}"),
        "--webhook-port=9443".to_owned(),
        "--webhook-port=0".to_owned(),
        "--leader-elect=F".to_owned(),
        "--insecure-diagnostics=1".to_owned(),
        "--diagnostics-address=0".to_owned(),
        "--health-addr".to_owned(),
        format!("127.0.0.1:{}", health.number()),
        format!("--metrics-bind-addr=127.0.0.1:{}", metrics.number()),
        "-v=3".to_owned(),
    ];
    let process = testkit::Cadastre::start(BINARY, &args, [("COLUMNS", "200")]).expect("the binary starts");
    let mut replica = Replica {
        process,
        health,
        diagnostics: metrics,
    };
    replica.ready().await;
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", replica.diagnostics.number())).await;
    let (status, body) = crate::replica::get(stream.expect("it listens"), "/metrics")
        .await
        .expect("an answer");
    assert_eq!(status, 200);
    assert!(body.contains("ipam_"), "{body}");
    replica.dismiss().await;
}
