//! What can be made to go wrong, and what is counted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use testkit::ProxmoxVe;
use testkit::eventually;
use testkit::proxmox::{Fault, Guest, Latency, Template, Vm};
use tokio::time::timeout;

use crate::client::{Client, SECRET, SOON, TOKEN, fsn};

const CONFIG: &str = "/nodes/pve-1/qemu/100/config";

async fn start() -> (ProxmoxVe, Client) {
    let pve = fsn().vm(Vm::new(100, "n1")
        .host("pve-1")
        .guest(Guest::eth0(&["10.0.0.5/24"])));
    let pve = pve
        .vm(Vm::new(101, "n2").host("pve-2"))
        .start()
        .await
        .expect("a cluster");
    let client = Client::new(&pve, "fsn");
    (pve, client)
}

#[tokio::test]
async fn a_status_happens_so_many_times_to_those_it_is_meant_for() {
    let (pve, client) = start().await;
    let fault = pve.fail(
        Fault::status(595, "Connection refused")
            .on(Template::Config)
            .host("pve-1")
            .times(2),
    );
    client.get("/nodes/pve-2/qemu/101/config").await.data();
    client.get(CONFIG).await.is_bare(595, "Connection refused");
    client.get(CONFIG).await.is_bare(595, "Connection refused");
    client.get(CONFIG).await.data();
    assert_eq!(fault.hits(), 2);
    pve.fail(Fault::status(500, "got lock timeout").vm(100).times(1));
    client.get(CONFIG).await.is_error(500, "got lock timeout");
    pve.fail(
        Fault::status(401, "Authentication failed!")
            .region("fsn")
            .times(1),
    );
    client
        .get("/version")
        .await
        .is_bare(401, "Authentication failed!");
    client.get("/version").await.data();
}

#[tokio::test]
async fn some_of_the_guest_queries_may_fail() {
    let (pve, client) = start().await;
    let fault = pve.fail(Fault::agent_not_running().probability(0.3, 42));
    let mut failed = 0;
    for _ in 0..100 {
        let answer = client
            .get("/nodes/pve-1/qemu/100/agent/network-get-interfaces")
            .await;
        match answer.status {
            200 => {}
            _ => {
                answer.is_error(500, "QEMU guest agent is not running");
                failed += 1;
            }
        }
    }
    assert!((15..=45).contains(&failed), "{failed} of 100 at 30 %");
    assert_eq!(fault.hits(), failed);
    fault.heal();
    client
        .get("/nodes/pve-1/qemu/100/agent/network-get-interfaces")
        .await
        .data();
}

#[tokio::test]
async fn a_host_may_accept_and_never_answer() {
    let (pve, client) = start().await;
    pve.fail(Fault::hang().host("pve-1"));
    let hung = timeout(Duration::from_millis(300), client.get(CONFIG)).await;
    assert!(hung.is_err(), "{hung:?}");
    client.get("/nodes/pve-2/qemu/101/config").await.data();
    eventually(
        SOON,
        "the request that was given up is recorded",
        async || match pve.counts().get(&(Template::Config, 0)) {
            Some(1) => Ok(()),
            other => Err(format!("{other:?}")),
        },
    )
    .await;
    pve.heal();
    client.get(CONFIG).await.data();
}

#[tokio::test]
async fn an_answer_may_end_in_the_middle() {
    let (pve, client) = start().await;
    pve.fail(Fault::truncate().on(Template::Resources).times(1));
    let mut connection = client.connect().await.expect("a connection");
    let error = connection
        .get("/cluster/resources?type=vm")
        .await
        .expect_err("half a body");
    let text = format!("{error:?}");
    assert!(
        text.starts_with("hyper::Error(Body,"),
        "the head was good: {text}"
    );
    client.get("/cluster/resources?type=vm").await.data();
}

#[tokio::test]
async fn a_connection_may_be_reset() {
    let (pve, client) = start().await;
    pve.fail(Fault::reset().times(1));
    let mut connection = client.connect().await.expect("a connection");
    connection.get("/version").await.expect_err("no answer");
    let plain = fsn().plain_http().start().await.expect("a cluster");
    plain.fail(Fault::reset());
    let mut connection = Client::new(&plain, "fsn").connect().await.expect("a connection");
    let error = connection.get("/version").await.expect_err("no answer");
    assert!(format!("{error:?}").contains("ConnectionReset"), "{error:?}");
    client.get("/version").await.data();
}

#[tokio::test]
async fn an_answer_may_be_something_else_or_late() {
    let (pve, client) = start().await;
    pve.fail(Fault::text("<html>log in</html>").times(1));
    let answer = client.get("/version").await;
    assert_eq!(
        (answer.status, &answer.body[..]),
        (200, &b"<html>log in</html>"[..])
    );
    pve.fail(Fault::delay(Duration::from_millis(300)).times(1));
    let begin = Instant::now();
    client.get("/version").await.data();
    assert!(
        begin.elapsed() >= Duration::from_millis(300),
        "{:?}",
        begin.elapsed()
    );
}

#[tokio::test]
async fn templates_have_latencies_of_their_own() {
    let (pve, client) = start().await;
    pve.latency(Template::Config, Latency::millis(300));
    let time = async |path: &str| {
        let begin = Instant::now();
        client.get(path).await.data();
        begin.elapsed()
    };
    assert!(time(CONFIG).await >= Duration::from_millis(300));
    let others = time("/version").await;
    assert!(others < Duration::from_millis(300), "{others:?}");
}

#[tokio::test]
async fn everything_is_counted_and_no_secret_is_logged() {
    let (pve, client) = start().await;
    client.get("/version").await.data();
    client.get(CONFIG).await.data();
    client.get(CONFIG).await.data();
    assert_eq!(client.get("/nodes/pve-1/qemu/999/config").await.status, 500);
    assert_eq!(client.get("/nothing?a=b").await.status, 501);
    let expected = [
        ((Template::Version, 200), 1),
        ((Template::Config, 200), 2),
        ((Template::Config, 500), 1),
        ((Template::Other, 501), 1),
    ];
    assert_eq!(pve.counts(), BTreeMap::from(expected), "{}", pve.log_tail());
    assert_eq!((pve.count(Template::Config), pve.requests_total()), (3, 5));
    let log = pve.log();
    assert_eq!(
        (log[1].host.as_deref(), log[1].vm.as_deref()),
        (Some("pve-1"), Some("100"))
    );
    assert_eq!(
        (log[4].target.as_str(), log[4].who.as_str()),
        ("/nothing?a=b", TOKEN)
    );
    let text = format!("{}\n{log:?}", pve.log_tail());
    assert!(text.contains("GET /nodes/pve-1/qemu/999/config 500"), "{text}");
    assert!(!text.contains(SECRET), "{text}");
}
