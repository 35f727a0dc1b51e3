//! A real `qemu-ga` behind the API. Needs root, for its network namespace.

use std::time::Duration;

use serde_json::Value;
use testkit::ProxmoxVe;
use testkit::proxmox::{GuestAgent, GuestOptions, Limits, Release, Vm};

use crate::client::{Answer, Client, fsn};

async fn start(agent: &GuestAgent) -> ProxmoxVe {
    // A busy machine may let a process wait for a while, which is not what is tested.
    let limits = Limits {
        guest_ping: Duration::from_secs(2),
        guest_command: Duration::from_secs(10),
        ..Limits::quick()
    };
    fsn()
        .limits(limits)
        .vm(Vm::new(100, "n1").host("pve-1").guest(agent.guest()))
        .start()
        .await
        .expect("a cluster")
}

async fn ask(pve: &ProxmoxVe) -> Answer {
    let client = Client::new(pve, "fsn");
    client
        .get("/nodes/pve-1/qemu/100/agent/network-get-interfaces")
        .await
}

/// Addresses of an interface that are not link-local.
async fn addresses(pve: &ProxmoxVe, interface: &str) -> Vec<String> {
    let result = ask(pve).await.data()["result"].take();
    let interfaces = result.as_array().expect("a list").iter();
    let list = interfaces
        .filter(|entry| entry["name"] == interface)
        .filter_map(|entry| entry["ip-addresses"].as_array());
    list.flatten()
        .filter_map(|entry| Some(format!("{}/{}", entry["ip-address"].as_str()?, entry["prefix"])))
        .filter(|address| !address.starts_with("fe80:"))
        .collect()
}

#[tokio::test]
async fn addresses_of_a_real_guest_are_those_of_the_moment() {
    let agent = GuestAgent::start(&["10.20.30.40/24", "2001:db8::10/64"])
        .await
        .expect("a guest");
    let pve = start(&agent).await;
    let result = ask(&pve).await.data()["result"].take();
    let names: Vec<&Value> = result
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| &entry["name"])
        .collect();
    assert_eq!(names, ["lo", "eth0"]);
    assert_eq!(result[1]["hardware-address"], "bc:24:11:2e:c4:0a");
    assert_eq!(
        addresses(&pve, "eth0").await,
        ["10.20.30.40/24", "2001:db8::10/64"]
    );

    agent
        .add_address("eth0", "10.20.30.41/32")
        .expect("a second address");
    let three = ["10.20.30.40/24", "10.20.30.41/32", "2001:db8::10/64"];
    assert_eq!(addresses(&pve, "eth0").await, three, "added while it runs");
    agent.add_bridge("cni0", "10.244.0.1/24").expect("a bridge");
    assert_eq!(addresses(&pve, "cni0").await, ["10.244.0.1/24"]);
    agent.del_address("eth0", "10.20.30.40/24").expect("one fewer");
    agent.del_address("eth0", "2001:db8::10/64").expect("one fewer");
    assert_eq!(addresses(&pve, "eth0").await, ["10.20.30.41/32"]);
}

#[tokio::test]
async fn a_guest_that_stands_still_is_not_running_until_it_goes_on() {
    let mut agent = GuestAgent::start(&["192.0.2.5/24"]).await.expect("a guest");
    let pve = start(&agent).await;
    assert_eq!(addresses(&pve, "eth0").await, ["192.0.2.5/24"]);
    agent.stop().expect("it stands still");
    ask(&pve).await.is_error(500, "QEMU guest agent is not running");
    agent.cont().expect("it goes on");
    assert_eq!(
        addresses(&pve, "eth0").await,
        ["192.0.2.5/24"],
        "whatever was left on the wire"
    );
    agent.kill().await.expect("it ends");
    ask(&pve).await.is_error(500, "QEMU guest agent is not running");
}

#[tokio::test]
async fn a_guest_may_forbid_the_question() {
    let blocked = vec!["guest-network-get-interfaces".to_owned()];
    let options = GuestOptions {
        blocked,
        ..GuestOptions::default()
    };
    let agent = GuestAgent::start_with(options).await.expect("a guest");
    let pve = start(&agent).await;
    pve.update(|model| model.region("fsn").release = Release::V8);
    let data = ask(&pve).await.data();
    assert_eq!(data["result"]["error"]["class"], "CommandNotFound", "{data}");
}

#[tokio::test]
async fn many_queries_at_once_share_one_guest() {
    let agent = GuestAgent::start(&["192.0.2.5/24"]).await.expect("a guest");
    let pve = start(&agent).await;
    let mut queries = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let client = Client::new(&pve, "fsn");
        queries.spawn(async move {
            let path = "/nodes/pve-1/qemu/100/agent/network-get-interfaces";
            client.get(path).await.data()
        });
    }
    while let Some(done) = queries.join_next().await {
        assert_eq!(done.expect("an answer")["result"][1]["name"], "eth0");
    }
}
