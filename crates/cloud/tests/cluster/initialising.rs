//! From a tainted Node to one with addresses, identity and topology.

use cloud::names;
use k8s_openapi::api::core::v1::Node;
use serde_json::json;
use testkit::proxmox::{Guest, Template, Vm};

use crate::ground::{New, Site, addresses, is_tainted, label, provider_id};

/// "std" of the specification: taint gone, provider ID, six well-known labels, two of ours.
pub(crate) fn assert_std(case: &str, node: &Node, vm: u32, zone: &str) {
    assert!(!is_tainted(node), "{case}");
    assert_eq!(provider_id(node), format!("proxmox://cluster-1/{vm}"), "{case}");
    assert_labels(case, node, "cluster-1", zone);
}

pub(crate) fn assert_labels(case: &str, node: &Node, region: &str, zone: &str) {
    for (key, value) in [
        (names::REGION, region),
        (names::BETA_REGION, region),
        (names::ZONE, zone),
        (names::BETA_ZONE, zone),
        (names::INSTANCE_TYPE, "4VCPU-8GB"),
        (names::BETA_INSTANCE_TYPE, "4VCPU-8GB"),
        (names::PROXMOX_REGION, region),
        (names::PROXMOX_ZONE, zone),
    ] {
        assert_eq!(label(node, key), value, "{case}: {key}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_nodes_in_default_mode() {
    let cases = [
        ("case_1", "c1", 101, Some("10.0.0.5"), "I 10.0.0.5, H c1"),
        (
            "case_2",
            "c2",
            102,
            Some("10.0.0.5,2001:db8::5"),
            "I 10.0.0.5, I 2001:db8::5, H c2",
        ),
        (
            "case_3",
            "c3",
            103,
            Some("2001:db8::5,10.0.0.5"),
            "I 2001:db8::5, I 10.0.0.5, H c3",
        ),
        ("case_4", "c4", 104, None, "H c4"),
    ];
    let site = Site::open(cases.iter().map(|(_, name, vm, ..)| Vm::new(*vm, name))).await;
    let controller = site.start("").await;
    for (_, name, vm, provided, _) in &cases {
        let node = New::tainted(name, *vm);
        site.node(provided.iter().fold(node, |node, ips| node.provided(ips)))
            .await;
    }
    for (case, name, vm, _, expected) in cases {
        site.has_addresses(name, expected).await;
        let node = site.initialised(name).await;
        assert_std(case, &node, vm, "pve-1");
        assert_eq!(addresses(&node), expected, "{case}");
        assert_eq!(
            site.event(name, "Synced").await,
            "Node synced successfully",
            "{case}"
        );
    }
    controller.stop().await;
}

/// kubelet writes its Node all the time: a decision that does not read what changed is written all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heartbeats_do_not_hold_up_initialisation() {
    let site = Site::open([Vm::new(101, "busy").guest(Guest::eth0(&["10.0.0.5/24"]))]).await;
    site.node(New::tainted("busy", 101)).await;
    let controller = site.start("network: {mode: qemu}").await;
    let beat = async {
        for number in 0_u32.. {
            let images = json!([{"names": [format!("image-{number}")], "sizeBytes": number}]);
            site.status("busy", &json!({"images": images})).await;
        }
    };
    tokio::select! {
        () = beat => {}
        node = site.has_addresses("busy", "H busy, I 10.0.0.5") => assert_std("heartbeats", &node, 101, "pve-1"),
    }
    let asked = site.pve.count(Template::GuestInterfaces);
    assert!(asked <= 2, "{asked} guest queries: {}", site.pve.log_tail());
    controller.stop().await;
}

/// A controller that starts again finds everything as it left it, and writes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_start_writes_nothing() {
    let site = Site::open([Vm::new(101, "again").guest(Guest::eth0(&["10.0.0.5/24"]))]).await;
    site.node(New::tainted("again", 101)).await;
    let controller = site.start("network: {mode: qemu}").await;
    let node = site.has_addresses("again", "H again, I 10.0.0.5").await;
    controller.stop().await;
    let controller = site.start("network: {mode: qemu}").await;
    site.looked(&controller, "again", true).await;
    controller.stop().await;
    assert_eq!(
        site.get("again").await.metadata.resource_version,
        node.metadata.resource_version
    );
}
