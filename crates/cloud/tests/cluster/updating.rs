//! Initialised Nodes: addresses and labels follow, and silence takes nothing away.

use std::time::Duration;

use cloud::names;
use testkit::eventually;
use testkit::proxmox::{Template, Vm};

use crate::ground::{New, PATIENCE, Site, label};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_follow_the_annotation() {
    let site = Site::open([114, 115, 116, 117].map(|vm| Vm::new(vm, &format!("c{}", vm - 100)))).await;
    let dual = "I 10.0.0.5, I 2001:db8::5, H c16";
    site.node(
        New::settled("c14", 114)
            .provided("10.0.0.5")
            .addresses("I 10.0.0.5, E 198.51.100.1, H c14"),
    )
    .await;
    site.node(
        New::settled("c15", 115)
            .provided("10.0.0.5")
            .addresses("H c15, I 10.0.0.5"),
    )
    .await;
    let before = site
        .node(
            New::settled("c16", 116)
                .provided("10.0.0.5,2001:db8::5")
                .addresses(dual),
        )
        .await;
    site.node(
        New::settled("c17", 117)
            .provided("10.0.0.5")
            .addresses("I 10.0.0.5, H c17, InternalDNS c17.local"),
    )
    .await;
    let controller = site
        .start_with(&site.config(""), |options, _| {
            options.pass_period = Duration::from_secs(1);
        })
        .await;
    for (name, expected) in [
        ("c14", "I 10.0.0.5, H c14"), // case_14
        ("c15", "I 10.0.0.5, H c15"), // case_15
        ("c17", "I 10.0.0.5, H c17"), // case_17
    ] {
        site.has_addresses(name, expected).await;
    }
    // case_15: once; case_16: never. Several passes later nothing was written again.
    let c15 = site.get("c15").await.metadata.resource_version;
    let passes = || controller.metric("ccm_pass_duration_seconds_count");
    eventually(PATIENCE, "three passes have ended", || async {
        let passes = passes();
        if passes >= 3 {
            Ok(())
        } else {
            Err(passes.to_string())
        }
    })
    .await;
    assert_eq!(site.get("c15").await.metadata.resource_version, c15, "case_15");
    assert_eq!(
        site.get("c16").await.metadata.resource_version,
        before.metadata.resource_version,
        "case_16"
    );
    assert_eq!(
        site.pve.count(Template::Config),
        4,
        "read once each: {}",
        site.pve.log_tail()
    );
    controller.stop().await;
}

/// A machine that moved from pve-9 to pve-1: all labels say pve-9.
fn moved(name: &str, vm: u32) -> New {
    [names::ZONE, names::BETA_ZONE, names::PROXMOX_ZONE]
        .into_iter()
        .fold(
            New::initialised(name, vm).label(names::PROXMOX_REGION, "cluster-1"),
            |node, key| node.label(key, "pve-9"),
        )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_116_only_our_own_zone_label_follows_a_machine() {
    let site = Site::open([Vm::new(216, "c116")]).await;
    site.node(moved("c116", 216)).await;
    let controller = site.start("").await;
    let node = site
        .until("c116", "follows", |node| {
            label(node, names::PROXMOX_ZONE) == "pve-1"
        })
        .await;
    assert_eq!(
        (label(&node, names::ZONE), label(&node, names::BETA_ZONE)),
        ("pve-9", "pve-9")
    );
    controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_117_all_zone_labels_follow_when_asked_to() {
    let site = Site::open([Vm::new(217, "c117")]).await;
    site.node(moved("c117", 217)).await;
    let controller = site.start("force_update_labels: true").await;
    for key in [names::PROXMOX_ZONE, names::ZONE, names::BETA_ZONE] {
        site.until("c117", key, |node| label(node, key) == "pve-1").await;
    }
    controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_118_the_beta_label_is_the_master_copy() {
    let site = Site::open([Vm::new(218, "c118"), Vm::new(101, "x")]).await;
    site.node(New::settled("c118", 218)).await;
    let controller = site.start("").await;
    site.looked(&controller, "c118", true).await;
    let asked = site.pve.count(Template::Config);
    let labels = serde_json::json!({names::BETA_ZONE: "a", names::ZONE: "b"});
    site.patch("c118", &serde_json::json!({"metadata": {"labels": labels}}))
        .await;
    site.until("c118", "follows", |node| label(node, names::ZONE) == "a")
        .await;
    assert_eq!(site.pve.count(Template::Config), asked, "nobody was asked");
    controller.stop().await;
}
