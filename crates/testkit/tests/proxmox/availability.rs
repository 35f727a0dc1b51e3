//! Hosts, end points and regions that cannot be reached.

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::proxmox::{HostState, Limits, Privileges, Vm};
use tokio::time::timeout;

use crate::client::{Client, SECRET, SOON, TOKEN, fsn};

/// Long enough to see that nothing comes.
const NOTHING: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_dead_host_is_not_reached_and_forgotten_later() {
    let builder = fsn()
        .host("pve-1")
        .vm(Vm::new(100, "n1").host("pve-1"))
        .vm(Vm::new(101, "n2").host("pve-2"));
    let pve = builder.start().await.expect("a cluster");
    let client = Client::new(&pve, "fsn");
    pve.update(|model| model.region("fsn").host("pve-2").state = HostState::Dead);
    client
        .get("/nodes/pve-2/qemu/101/config")
        .await
        .is_bare(595, "No route to host");
    client.get("/nodes/pve-1/qemu/100/config").await.data();
    let list = client.get("/cluster/resources?type=vm").await.data();
    assert_eq!(list[1]["status"], "running", "old values stay for minutes");
    assert_eq!(client.get("/cluster/status").await.data()[2]["online"], 0);
    pve.update(|model| model.region("fsn").host("pve-2").state = HostState::Forgotten);
    let list = client.get("/cluster/resources?type=vm").await.data();
    assert_eq!(
        list[1],
        json!({"id": "qemu/101", "type": "qemu", "vmid": 101, "node": "pve-2", "status": "unknown"})
    );
    client
        .get("/nodes/pve-2/qemu/101/config")
        .await
        .is_bare(595, "No route to host");
}

#[tokio::test]
async fn a_hung_host_costs_the_time_of_the_proxy() {
    let limits = Limits {
        forward: Duration::from_millis(300),
        ..Limits::quick()
    };
    let builder = fsn()
        .limits(limits)
        .vm(Vm::new(100, "n1").host("pve-1"))
        .vm(Vm::new(101, "n2").host("pve-2"));
    let pve = builder.start().await.expect("a cluster");
    let client = Client::new(&pve, "fsn");
    pve.update(|model| model.region("fsn").host("pve-2").state = HostState::Hung);
    let begin = Instant::now();
    client
        .get("/nodes/pve-2/qemu/101/config")
        .await
        .is_bare(596, "Connection timed out");
    assert!(
        begin.elapsed() >= Duration::from_millis(300),
        "{:?}",
        begin.elapsed()
    );
    client.get("/nodes/pve-1/qemu/100/config").await.data();
}

#[tokio::test]
async fn a_region_that_is_down_refuses_and_resets_and_comes_back() {
    let builder = fsn().endpoints(2).host("pve-1").host("pve-2").region("nbg");
    let pve = builder
        .token(TOKEN, SECRET, Privileges::all())
        .start()
        .await
        .expect("two clusters");
    let client = Client::new(&pve, "fsn");
    let mut open = client.connect().await.expect("a connection");
    open.get("/version").await.expect("an answer");
    pve.region_down("fsn").await;
    assert!(open.get("/version").await.is_err(), "an open connection is cut");
    for url in pve.urls("fsn") {
        let refused = Client::through(&pve, &url)
            .connect()
            .await
            .err()
            .expect("nobody listens");
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    }
    Client::new(&pve, "nbg").get("/version").await.data();
    pve.region_up("fsn").await;
    client.get("/version").await.data();
}

#[tokio::test]
async fn a_silent_region_accepts_and_never_answers() {
    let pve = fsn().start().await.expect("a cluster");
    let client = Client::new(&pve, "fsn");
    let mut open = client.connect().await.expect("a connection");
    open.get("/version").await.expect("an answer");
    pve.region_silent("fsn").await;
    assert!(
        timeout(NOTHING, open.get("/version")).await.is_err(),
        "an open connection hangs"
    );
    let fresh = timeout(NOTHING, client.connect()).await;
    assert!(fresh.is_err(), "a new one hangs in the TLS handshake");
    pve.region_up("fsn").await;
    let answer = timeout(SOON, client.get("/version")).await.expect("an answer");
    answer.data();
}

#[tokio::test]
async fn one_end_point_of_two_may_fail() {
    let pve = fsn()
        .endpoints(2)
        .host("pve-1")
        .host("pve-2")
        .start()
        .await
        .expect("a cluster");
    let clients: Vec<Client> = pve
        .urls("fsn")
        .iter()
        .map(|url| Client::through(&pve, url).token(TOKEN, SECRET))
        .collect();
    pve.endpoint_down("fsn", 0).await;
    assert!(clients[0].connect().await.is_err());
    clients[1].get("/version").await.data();
    pve.endpoint_silent("fsn", 0).await;
    assert!(timeout(NOTHING, clients[0].connect()).await.is_err());
    clients[1].get("/version").await.data();
    pve.endpoint_up("fsn", 0).await;
    clients[0].get("/version").await.data();
    assert_eq!(
        pve.log().iter().map(|entry| entry.endpoint).collect::<Vec<_>>(),
        [1, 1, 0]
    );
}
