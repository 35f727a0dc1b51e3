//! From a tainted Node to one with addresses, identity and topology.

use std::collections::BTreeMap;

use cloud::names;
use k8s_openapi::api::core::v1::Node;
use serde_json::json;
use testkit::proxmox::{Guest, Template, Vm};

use crate::ground::{New, Site, is_tainted, provider_id};

/// "std" of the specification: taint gone, provider ID, six well-known labels, two of ours.
pub(crate) fn assert_std(case: &str, node: &Node, vm: u32, zone: &str) {
    assert!(!is_tainted(node), "{case}");
    assert_eq!(provider_id(node), format!("proxmox://cluster-1/{vm}"), "{case}");
    assert_labels(case, node, "cluster-1", zone);
}

/// These labels, and none besides but kubelet's own.
pub(crate) fn assert_labels(case: &str, node: &Node, region: &str, zone: &str) {
    assert_labels_and_groups(case, node, region, zone, &[]);
}

/// The same with labels of these HA groups.
pub(crate) fn assert_labels_and_groups(case: &str, node: &Node, region: &str, zone: &str, groups: &[&str]) {
    let known = [
        (
            "kubernetes.io/hostname",
            node.metadata.name.as_deref().unwrap_or_default(),
        ),
        (names::REGION, region),
        (names::BETA_REGION, region),
        (names::ZONE, zone),
        (names::BETA_ZONE, zone),
        (names::INSTANCE_TYPE, "4VCPU-8GB"),
        (names::BETA_INSTANCE_TYPE, "4VCPU-8GB"),
        (names::PROXMOX_REGION, region),
        (names::PROXMOX_ZONE, zone),
    ];
    let known = known.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let groups = groups
        .iter()
        .map(|name| (format!("{}{name}", names::GROUP_PREFIX), String::new()));
    let expected: BTreeMap<String, String> = known.into_iter().chain(groups).collect();
    assert_eq!(
        node.metadata.labels.clone().unwrap_or_default(),
        expected,
        "{case}"
    );
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
