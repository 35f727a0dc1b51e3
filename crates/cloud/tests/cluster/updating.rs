//! Initialised Nodes: addresses and labels follow, and silence takes nothing away.

use std::time::Duration;

use cloud::names;
use testkit::eventually;
use testkit::proxmox::{Fault, Guest, Privileges, Template, Vm};

use crate::ground::{New, PATIENCE, Site, TOKEN, addresses, label};
use crate::initialising::assert_std;

/// An initialised Node that needs no label.
fn settled(name: &str, vm: u32) -> New {
    New::initialised(name, vm)
        .label(names::PROXMOX_REGION, "cluster-1")
        .label(names::PROXMOX_ZONE, "pve-1")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_follow_the_annotation() {
    let site = Site::open([114, 115, 116, 117].map(|vm| Vm::new(vm, &format!("c{}", vm - 100)))).await;
    let dual = "I 10.0.0.5, I 2001:db8::5, H c16";
    site.node(
        settled("c14", 114)
            .provided("10.0.0.5")
            .addresses("I 10.0.0.5, E 198.51.100.1, H c14"),
    )
    .await;
    site.node(
        settled("c15", 115)
            .provided("10.0.0.5")
            .addresses("H c15, I 10.0.0.5"),
    )
    .await;
    let before = site
        .node(
            settled("c16", 116)
                .provided("10.0.0.5,2001:db8::5")
                .addresses(dual),
        )
        .await;
    site.node(
        settled("c17", 117)
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
    let passes = || {
        let mut text = String::new();
        let mut registry = prometheus_client::registry::Registry::default();
        controller.world.metrics.register(&mut registry);
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("text");
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("ccm_pass_duration_seconds_count "));
        line.and_then(|count| count.parse::<u32>().ok())
            .unwrap_or_default()
    };
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_42_a_guest_that_comes_late_is_asked_again_soon() {
    let site = Site::open([Vm::new(142, "c42").guest(Guest::NotRunning)]).await;
    site.node(New::tainted("c42", 142)).await;
    let controller = site.start("network: {mode: qemu}").await;
    let node = site.initialised("c42").await;
    assert_std("case_42", &node, 142, "pve-1");
    assert_eq!(addresses(&node), "H c42", "case_42");
    site.pve
        .update(|model| model.vm(142).guest = Guest::eth0(&["10.0.0.5/24"]));
    // Far sooner than the next pass, five minutes later.
    site.has_addresses("c42", "H c42, I 10.0.0.5").await;
    controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_of_a_guest_takes_no_address() {
    let guest = || Guest::eth0(&["10.0.0.5/24"]);
    let site = Site::open([
        Vm::new(143, "c43").guest(guest()),
        Vm::new(144, "c43a").guest(guest()).stopped(),
        Vm::new(145, "c43b").guest(guest()).unknown(),
    ])
    .await;
    site.pve.fail(
        Fault::status(596, "Connection timed out")
            .on(Template::GuestInterfaces)
            .vm(143),
    );
    let mut before = Vec::new();
    for (case, name, vm, found) in [
        ("case_43", "c43", 143, true),
        ("case_43a", "c43a", 144, true),
        ("case_43b", "c43b", 145, false),
    ] {
        let node = site
            .node(settled(name, vm).addresses(&format!("H {name}, I 10.0.0.9")))
            .await;
        before.push((case, name, found, node));
    }
    let controller = site.start("network: {mode: auto}").await;
    site.event("c43", "GuestAddressesUnavailable").await;
    for (case, name, found, node) in before {
        site.looked(&controller, name, found).await;
        assert_eq!(site.get(name).await, node, "{case}: unchanged");
    }
    let asked = site
        .pve
        .log()
        .iter()
        .filter(|entry| entry.to_string().contains("/144/agent"))
        .count();
    assert_eq!(asked, 0, "case_43a: no guest query");
    controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_113_addresses_are_updated_without_a_group() {
    let site = Site::open([Vm::new(113, "c113")]).await;
    site.node(
        settled("c113", 113)
            .label(names::ZONE, "old")
            .provided("10.0.0.6")
            .addresses("I 10.0.0.5, H c113"),
    )
    .await;
    let controller = site.start("ha_group: true").await;
    let node = site.has_addresses("c113", "I 10.0.0.6, H c113").await;
    assert_eq!(label(&node, names::ZONE), "old", "the last known zone stays");
    site.event("c113", "NoHAGroup").await;
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
    site.node(settled("c118", 218)).await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_119_labels_of_groups_that_are_gone_are_removed() {
    let site = Site::build(|builder| {
        builder
            .region("cluster-1")
            .host("pve-1")
            .vm(Vm::new(219, "c119"))
            .ha_group("new", "pve-1:2")
            .token(TOKEN.0, TOKEN.1, Privileges::all())
    })
    .await;
    let key = |group: &str| format!("{}{group}", names::GROUP_PREFIX);
    site.node(
        settled("c119", 219)
            .label(&key("old"), "")
            .label(&key("theirs"), "kept"),
    )
    .await;
    let controller = site.start("").await;
    let node = site
        .until("c119", "is in the new group", |node| {
            label(node, &key("new")).is_empty()
        })
        .await;
    assert_eq!(
        (label(&node, &key("old")), label(&node, &key("theirs"))),
        ("(none)", "kept")
    );
    controller.stop().await;
}
