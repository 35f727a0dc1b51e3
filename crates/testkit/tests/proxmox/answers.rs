//! What good questions about one VM get, and what bad ones get.

use std::collections::BTreeSet;

use serde_json::json;
use testkit::proxmox::{Privileges, Release, Status, Vm};

use crate::client::{Client, SECRET, TOKEN, fsn};

/// Keys of an object in the order they were written.
fn key_order(body: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(body).into_owned();
    let mut keys: Vec<(usize, String)> = ["cores", "name", "memory", "smbios1", "digest", "boot"]
        .into_iter()
        .map(|key| {
            (
                text.find(&format!("\"{key}\":")).expect("the key is there"),
                key.to_owned(),
            )
        })
        .collect();
    keys.sort_unstable();
    keys.into_iter().map(|(_, key)| key).collect()
}

#[tokio::test]
async fn the_version_tells_the_release() {
    let pve = fsn()
        .region("old")
        .release(Release::V8)
        .token(TOKEN, SECRET, Privileges::none())
        .start()
        .await;
    let pve = pve.expect("two clusters");
    for (region, release) in [("fsn", "9.0"), ("old", "8.4")] {
        let data = Client::new(&pve, region).get("/version").await.data();
        assert_eq!(data["release"], release);
        assert!(
            data["version"]
                .as_str()
                .is_some_and(|version| version.starts_with(release)),
            "{data}"
        );
    }
}

#[tokio::test]
async fn a_configuration_changes_the_order_of_its_keys_and_the_type_of_its_numbers() {
    let vm = Vm::new(100, "n1")
        .sku("c1.large")
        .net("virtio=BC:24:11:2E:C4:0A,bridge=vmbr0")
        .config("vcpus", 2);
    let pve = fsn().vm(vm).start().await.expect("a cluster");
    let client = Client::new(&pve, "fsn");
    let (mut orders, mut cores) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..30 {
        let answer = client.get("/nodes/pve-1/qemu/100/config").await;
        orders.insert(key_order(&answer.body));
        let config = answer.data();
        cores.insert(config["cores"].to_string());
        assert_eq!(
            config["smbios1"],
            "uuid=11833f4c-341f-4bd3-aad7-000000000100,sku=YzEubGFyZ2U=,base64=1"
        );
        assert_eq!(config["net0"], "virtio=BC:24:11:2E:C4:0A,bridge=vmbr0");
        assert_eq!((&config["memory"], &config["vcpus"]), (&json!("8192"), &json!(2)));
        assert!(config.get("agent").is_none(), "{config}");
    }
    assert!(orders.len() > 5, "{orders:?}");
    assert_eq!(cores, BTreeSet::from(["\"4\"".to_owned(), "4".to_owned()]));
}

#[tokio::test]
async fn a_configuration_shows_pending_values_unless_asked_for_the_current_ones() {
    let pve = fsn().vm(Vm::new(100, "n1")).start().await.expect("a cluster");
    let client = Client::new(&pve, "fsn");
    pve.update(|model| {
        let pending = &mut model.vm(100).pending;
        pending.insert("name".into(), json!("later"));
        pending.insert("smbios1".into(), json!(null));
    });
    let path = "/nodes/pve-1/qemu/100/config";
    for query in ["", "?current=0"] {
        let config = client.get(&format!("{path}{query}")).await.data();
        assert_eq!(config["name"], "later", "{query}");
        assert!(config.get("smbios1").is_none(), "{config}");
    }
    let current = client.get(&format!("{path}?current=1")).await.data();
    assert_eq!(current["name"], "n1");
    assert_eq!(current["smbios1"], format!("uuid={}", Vm::uuid_of(100)));
}

#[tokio::test]
async fn the_status_of_a_vm_says_how_it_is() {
    let builder = fsn()
        .vm(Vm::new(100, "n1").ha_group("g1"))
        .vm(Vm::new(101, "n2").stopped().without_name());
    let pve = builder
        .vm(Vm::new(102, "n3").status(Status::Paused))
        .start()
        .await
        .expect("a cluster");
    let client = Client::new(&pve, "fsn");
    let status = async |id: u32| {
        client
            .get(&format!("/nodes/pve-1/qemu/{id}/status/current"))
            .await
            .data()
    };
    let one = status(100).await;
    assert_eq!(
        (&one["status"], &one["cpus"], &one["ha"]["managed"]),
        (&json!("running"), &json!(4), &json!(1))
    );
    assert!(one["ha"].get("group").is_none(), "PVE 9 has no groups: {one}");
    let two = status(101).await;
    assert_eq!(
        (&two["status"], &two["name"], &two["uptime"]),
        (&json!("stopped"), &json!("VM 101"), &json!(0))
    );
    let three = status(102).await;
    assert_eq!(
        (&three["status"], &three["qmpstatus"]),
        (&json!("running"), &json!("paused"))
    );
}

#[tokio::test]
async fn bad_questions_get_the_errors_of_the_server() {
    let pve = fsn()
        .vm(Vm::new(100, "n1"))
        .vm(Vm::lxc(200, "ct"))
        .start()
        .await
        .expect("a cluster");
    let client = Client::new(&pve, "fsn");
    let missing = |id: u32| format!("Configuration file 'nodes/pve-1/qemu-server/{id}.conf' does not exist");
    for (path, status, message) in [
        ("//version", 501, "Method 'GET //version' not implemented".to_owned()),
        ("/nodes/pve-1/lxc/200/config", 501, "Method 'GET /nodes/pve-1/lxc/200/config' not implemented".to_owned()),
        ("/nodes/pve-1/qemu/999/config", 500, missing(999)),
        ("/nodes/pve-1/qemu/200/config", 500, missing(200)),
        (
            "/nodes/pve-x/qemu/100/config",
            500,
            "hostname lookup 'pve-x' failed - failed to get address info for: pve-x: Name or service not known"
                .to_owned(),
        ),
    ] {
        client.get(path).await.is_error(status, &message);
    }
    let answer = client.get("/nodes/pve-1/qemu/x/config").await;
    answer.is_error(400, "Parameter verification failed.");
    assert_eq!(
        answer.json()["errors"]["vmid"],
        "type check ('integer') failed - got 'x'"
    );
    let answer = client.get("/cluster/resources?type=disk").await;
    answer.is_error(400, "Parameter verification failed.");
    assert!(
        answer.json()["errors"]["type"]
            .as_str()
            .is_some_and(|text| text.contains("'disk'"))
    );
    client
        .get_page("/index.html")
        .await
        .is_error(404, "no such file 'index.html'");
}
