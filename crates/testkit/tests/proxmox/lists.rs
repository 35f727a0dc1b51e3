//! The list of resources: what is in it, who sees it, and how far it is behind.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::eventually;
use testkit::proxmox::{Limits, Privileges, Vm};

use crate::client::{Client, SECRET, SOON, TOKEN, fsn};

#[tokio::test]
async fn the_list_is_sorted_as_text_and_shows_an_unknown_guest_without_its_keys() {
    let builder = fsn()
        .host("pve-1")
        .vm(Vm::new(1000, "db").stopped())
        .vm(Vm::new(101, "x").unknown());
    let builder = builder
        .vm(Vm::lxc(200, "ct"))
        .vm(Vm::new(9000, "tmpl").template());
    let first = Vm::new(100, "n1").tags("k8s;prod").pool("k8s").ha("started");
    let pve = builder.vm(first).start().await.expect("a cluster");
    let list = Client::new(&pve, "fsn")
        .get("/cluster/resources?type=vm")
        .await
        .data();
    let ids: Vec<&Value> = list
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| &entry["id"])
        .collect();
    assert_eq!(ids, ["qemu/100", "qemu/1000", "qemu/101", "lxc/200", "qemu/9000"]);
    let first = &list[0];
    for (key, expected) in [
        ("type", json!("qemu")),
        ("vmid", json!(100)),
        ("node", json!("pve-1")),
        ("name", json!("n1")),
        ("status", json!("running")),
        ("template", json!(0)),
        ("maxcpu", json!(4)),
        ("maxmem", json!(8_589_934_592_u64)),
        ("tags", json!("k8s;prod")),
        ("pool", json!("k8s")),
        ("hastate", json!("started")),
    ] {
        assert_eq!(first[key], expected, "{key}");
    }
    assert!(first["uptime"].as_u64().is_some_and(|uptime| uptime >= 86_412));
    assert_eq!(
        (&list[1]["status"], &list[1]["uptime"]),
        (&json!("stopped"), &json!(0))
    );
    assert_eq!(
        list[2],
        json!({"id": "qemu/101", "type": "qemu", "vmid": 101, "node": "pve-1", "status": "unknown"})
    );
    assert_eq!(list[4]["template"], 1);
    pve.update(|model| model.vm(100).cpus = 1.5);
    let list = Client::new(&pve, "fsn")
        .get("/cluster/resources?type=vm")
        .await
        .data();
    assert_eq!(list[0]["maxcpu"], 1.5, "under a limit");
}

#[tokio::test]
async fn the_list_hides_what_one_may_not_see_without_a_word() {
    let builder = fsn().vm(Vm::new(100, "n1")).vm(Vm::new(101, "n2"));
    let builder = builder.token(
        "one@pve!t",
        "s1",
        Privileges::none().grant("/vms/101", "VM.Audit"),
    );
    let pve = builder
        .token("none@pve!t", "s0", Privileges::none())
        .start()
        .await
        .expect("a cluster");
    let client = Client::anonymous(&pve, "fsn");
    let seen = async |id: &str, secret: &str| {
        let list = client
            .clone()
            .token(id, secret)
            .get("/cluster/resources?type=vm")
            .await
            .data();
        list.as_array().expect("a list").len()
    };
    assert_eq!(seen(TOKEN, SECRET).await, 2);
    assert_eq!(seen("one@pve!t", "s1").await, 1);
    assert_eq!(seen("none@pve!t", "s0").await, 0);
    pve.revoke("fsn", TOKEN, "VM.Audit");
    assert_eq!(
        seen(TOKEN, SECRET).await,
        0,
        "the cached list must not survive the privilege"
    );
}

#[tokio::test]
async fn the_list_is_the_same_bytes_until_something_changes() {
    let pve = fsn()
        .vm(Vm::new(100, "n1"))
        .vm(Vm::new(101, "n2"))
        .start()
        .await
        .expect("a cluster");
    let client = Client::new(&pve, "fsn");
    let first = client.get("/cluster/resources?type=vm").await.body;
    assert_eq!(client.get("/cluster/resources?type=vm").await.body, first);
    pve.update(|model| model.vm(101).stop());
    let list = client.get("/cluster/resources?type=vm").await.data();
    assert_eq!(list[1]["status"], "stopped");
    assert_eq!(
        client.get("/cluster/resources?type=node").await.data()[0]["id"],
        "node/pve-1"
    );
    assert_eq!(
        client
            .get("/cluster/resources")
            .await
            .data()
            .as_array()
            .map(Vec::len),
        Some(3)
    );
}

#[tokio::test]
async fn after_a_migration_the_list_is_behind_and_the_old_host_knows_nothing() {
    let limits = Limits {
        list_lag: Duration::from_millis(700),
        ..Limits::quick()
    };
    let builder = fsn()
        .limits(limits)
        .host("pve-1")
        .host("pve-2")
        .vm(Vm::new(100, "n1").host("pve-1"));
    let pve = builder.start().await.expect("a cluster");
    let client = Client::new(&pve, "fsn");
    let listed = async || client.get("/cluster/resources?type=vm").await.data()[0]["node"].clone();
    assert_eq!(listed().await, "pve-1");
    pve.migrate(100, "pve-2");
    assert_eq!(listed().await, "pve-1", "still");
    let missing = "Configuration file 'nodes/pve-1/qemu-server/100.conf' does not exist";
    for path in ["config", "status/current", "agent/network-get-interfaces"] {
        client
            .get(&format!("/nodes/pve-1/qemu/100/{path}"))
            .await
            .is_error(500, missing);
    }
    client.get("/nodes/pve-2/qemu/100/config").await.data();
    client.get("/nodes/pve-2/qemu/100/status/current").await.data();
    eventually(SOON, "the list follows", async || match listed().await {
        Value::String(host) if host == "pve-2" => Ok(()),
        other => Err(other.to_string()),
    })
    .await;
}

#[tokio::test]
async fn a_stopped_vm_is_listed_as_running_for_a_while() {
    let pve = fsn().vm(Vm::new(100, "n1")).start().await.expect("a cluster");
    let client = Client::new(&pve, "fsn");
    let listed = async || client.get("/cluster/resources?type=vm").await.data()[0]["status"].clone();
    pve.stop_vm(100);
    assert_eq!(listed().await, "running", "still");
    assert_eq!(
        client.get("/nodes/pve-1/qemu/100/status/current").await.data()["status"],
        "stopped"
    );
    eventually(SOON, "the list follows", async || {
        let status = listed().await;
        if status == "stopped" {
            Ok(())
        } else {
            Err(status.to_string())
        }
    })
    .await;
    pve.boot_vm(100);
    let status = client.get("/nodes/pve-1/qemu/100/status/current").await.data();
    assert!(
        status["uptime"].as_u64().is_some_and(|uptime| uptime < 60),
        "it began anew: {status}"
    );
}
