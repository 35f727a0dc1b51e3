//! TLS, keep-alive, compression and the limits of connections.

use std::io::Read as _;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use testkit::ProxmoxVe;
use testkit::eventually;
use testkit::proxmox::{Guest, Latency, Limits, Privileges, Template, Vm};
use tokio::task::JoinSet;

use crate::client::{Client, SECRET, SOON, TOKEN, fsn};

#[tokio::test]
async fn an_error_closes_the_connection_and_success_does_not() {
    let pve = fsn().start().await.expect("a cluster");
    let mut connection = Client::new(&pve, "fsn").connect().await.expect("a connection");
    for _ in 0..3 {
        let answer = connection.get("/version").await.expect("an answer");
        assert!(answer.headers.get("connection").is_none(), "{answer:?}");
    }
    let answer = connection.get("/nothing").await.expect("an answer");
    answer.is_error(501, "Method 'GET /nothing' not implemented");
    connection.closed().await.expect("an orderly end");
    assert_eq!(pve.connections_total(), 1);
}

#[tokio::test]
async fn a_connection_serves_a_hundred_requests() {
    let pve = fsn().start().await.expect("a cluster");
    let mut connection = Client::new(&pve, "fsn").connect().await.expect("a connection");
    for number in 1..=100 {
        let answer = connection.get("/version").await.expect("an answer");
        assert_eq!(
            answer.headers.contains_key("connection"),
            number == 100,
            "request {number}"
        );
    }
    connection.closed().await.expect("an orderly end");
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let limits = Limits {
        idle: Duration::from_millis(400),
        ..Limits::quick()
    };
    let pve = fsn().limits(limits).start().await.expect("a cluster");
    pve.latency(Template::Version, Latency::millis(600));
    let mut connection = Client::new(&pve, "fsn").connect().await.expect("a connection");
    connection.get("/version").await.expect("slow is not idle");
    assert!(connection.is_open().await, "fresh from an answer");
    let begin = Instant::now();
    // Like the real server, without the good-bye of TLS.
    let _ = connection.closed().await;
    assert!(
        begin.elapsed() >= Duration::from_millis(350),
        "{:?}",
        begin.elapsed()
    );
    eventually(SOON, "the gauge falls", async || {
        match pve.connections("fsn", 0) {
            (0, 1) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

#[tokio::test]
async fn a_long_body_is_compressed_for_those_who_ask() {
    let pve = fsn()
        .vms((100..120).map(|id| Vm::new(id, "n")))
        .start()
        .await
        .expect("a cluster");
    let plain = Client::new(&pve, "fsn").get("/cluster/resources?type=vm").await;
    assert!(plain.headers.get("content-encoding").is_none());
    let client = Client::new(&pve, "fsn").header("accept-encoding", "br, gzip;q=1");
    let packed = client.get("/cluster/resources?type=vm").await;
    assert_eq!(packed.headers["content-encoding"], "gzip");
    assert!(
        packed.body.len() < plain.body.len() / 3,
        "{} of {}",
        packed.body.len(),
        plain.body.len()
    );
    let mut unpacked = Vec::new();
    GzDecoder::new(&packed.body[..])
        .read_to_end(&mut unpacked)
        .expect("gzip");
    assert_eq!(unpacked, plain.body);
    let short = client.get("/version").await;
    assert!(short.headers.get("content-encoding").is_none(), "{short:?}");
}

#[tokio::test]
async fn certificates_come_from_the_authority_or_from_nobody() {
    let signed = fsn().start().await.expect("a cluster");
    let own = fsn().self_signed().start().await.expect("a cluster");
    Client::new(&signed, "fsn").get("/version").await.data();
    Client::new(&own, "fsn").get("/version").await.data();
    assert!(
        Client::new(&own, "fsn")
            .trust(signed.ca_pem())
            .connect()
            .await
            .is_err(),
        "a stranger's certificate"
    );
    let file = std::fs::read_to_string(signed.ca_file()).expect("the file");
    assert_eq!(file, signed.ca_pem());
}

#[tokio::test]
async fn without_tls_it_speaks_plain_http() {
    let pve = fsn().plain_http().start().await.expect("a cluster");
    assert!(
        pve.url("fsn").starts_with("http://127.0.0.1:"),
        "{}",
        pve.url("fsn")
    );
    Client::new(&pve, "fsn").get("/version").await.data();
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_their_turn() {
    let pve = fsn()
        .limits(Limits {
            connections: 1,
            ..Limits::quick()
        })
        .start()
        .await
        .expect("a cluster");
    let client = Client::new(&pve, "fsn");
    let mut first = client.connect().await.expect("a connection");
    first.get("/version").await.expect("an answer");
    let mut waiting = JoinSet::new();
    let second = client.clone();
    waiting.spawn(async move { second.get("/version").await.data() });
    let early = tokio::time::timeout(Duration::from_millis(300), waiting.join_next()).await;
    assert!(early.is_err(), "answered while the first connection was open");
    drop(first);
    let late = tokio::time::timeout(SOON, waiting.join_next())
        .await
        .expect("its turn");
    late.expect("one task").expect("an answer");
    assert_eq!(pve.connections("fsn", 0).1, 1);
}

#[tokio::test]
async fn workers_of_a_host_take_one_guest_query_each() {
    let limits = Limits {
        workers: Some(2),
        ..Limits::quick()
    };
    let vms = (100..106).map(|id| {
        Vm::new(id, "n")
            .host("pve-1")
            .guest(Guest::eth0(&["10.0.0.5/24"]))
    });
    let pve = fsn().limits(limits).vms(vms).start().await.expect("a cluster");
    pve.latency(Template::GuestInterfaces, Latency::millis(100));
    let begin = Instant::now();
    all(
        &pve,
        (100..106).map(|id| format!("/nodes/pve-1/qemu/{id}/agent/network-get-interfaces")),
    )
    .await;
    assert!(
        begin.elapsed() >= Duration::from_millis(300),
        "six by two workers in {:?}",
        begin.elapsed()
    );
    assert_eq!(
        pve.peak("fsn", Some("pve-1"), Template::GuestInterfaces),
        6,
        "all had come"
    );
}

#[tokio::test]
async fn the_most_requests_at_once_are_known() {
    let pve = fsn()
        .vm(Vm::new(100, "a").host("pve-1"))
        .vm(Vm::new(101, "b").host("pve-2"));
    let pve = pve.start().await.expect("a cluster");
    pve.latency_everywhere(Latency::millis(300));
    let paths = ["pve-1/qemu/100", "pve-1/qemu/100", "pve-2/qemu/101"];
    all(&pve, paths.iter().map(|path| format!("/nodes/{path}/config"))).await;
    assert_eq!(pve.peak("fsn", None, Template::Config), 3);
    assert_eq!(pve.peak("fsn", Some("pve-1"), Template::Config), 2);
    assert_eq!(pve.connections("fsn", 0).1, 3);
    pve.reset_counts();
    assert_eq!(
        (pve.peak("fsn", None, Template::Config), pve.requests_total()),
        (0, 0)
    );
}

/// Asks for all paths at once, each on a connection of its own.
async fn all(pve: &ProxmoxVe, paths: impl Iterator<Item = String>) {
    let client = Client::new(pve, "fsn");
    let mut requests = JoinSet::new();
    for path in paths {
        let client = client.clone();
        requests.spawn(async move { client.get(&path).await.data() });
    }
    while let Some(done) = requests.join_next().await {
        done.expect("an answer");
    }
}

#[tokio::test]
async fn two_regions_of_one_name_are_refused() {
    let twice = fsn()
        .region("fsn")
        .token(TOKEN, SECRET, Privileges::all())
        .start()
        .await;
    let error = twice.err().expect("an error").to_string();
    assert!(error.contains("two regions fsn"), "{error}");
}
