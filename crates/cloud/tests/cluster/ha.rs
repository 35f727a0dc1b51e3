//! HA groups of Proxmox VE 8 and rules of 9: zones and labels (cases 110 to 115, 119).

use cloud::names;
use testkit::proxmox::{Fault, HaRule, Privileges, Release, Template, Vm};

use crate::ground::{New, Site, TOKEN, is_tainted, label};
use crate::initialising::{assert_labels_and_groups, assert_std};
use crate::said::Said;

/// Groups zeta, alpha and one that does not have the host.
async fn groups_of_8(vms: impl IntoIterator<Item = Vm>) -> Site {
    Site::build(|builder| {
        let builder = builder
            .region("cluster-1")
            .release(Release::V8)
            .host("pve-1")
            .vms(vms);
        builder
            .ha_group("zeta", "pve-1:2,pve-2")
            .ha_group("alpha", "pve-2,pve-1")
            .ha_group("other", "pve-11")
            .token(TOKEN.0, TOKEN.1, Privileges::all())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_110_groups_of_the_host_are_labels() {
    let site = groups_of_8([Vm::new(210, "c110"), Vm::new(310, "c110b")]).await;
    site.node(New::tainted("c110", 210)).await;
    site.node(New::tainted("c110b", 310)).await;
    let controller = site.start("").await;
    for name in ["c110", "c110b"] {
        let node = site.initialised(name).await;
        assert_labels_and_groups("case_110", &node, "cluster-1", "pve-1", &["alpha", "zeta"]);
        site.event(name, "Synced").await;
        assert_eq!(site.events(name).await.len(), 1, "case_110");
    }
    let asked = (
        site.pve.count(Template::HaGroups),
        site.pve.count(Template::HaRules),
    );
    assert_eq!(asked, (1, 0), "for both: {}", site.pve.log_tail());
    controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_111_the_first_group_is_the_zone() {
    let site = groups_of_8([Vm::new(211, "c111")]).await;
    site.node(New::tainted("c111", 211)).await;
    let controller = site.start("ha_group: true").await;
    let node = site.initialised("c111").await;
    assert_labels_and_groups("case_111", &node, "cluster-1", "alpha", &["alpha", "zeta"]);
    controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_112_without_a_group_a_new_node_waits() {
    let site = Site::open([Vm::new(212, "c112")]).await;
    let before = site.node(New::tainted("c112", 212).provided("10.0.0.5")).await;
    let controller = site.start("ha_group: true").await;
    let text = site.event("c112", "NoHAGroup").await;
    assert!(text.contains("ha_group_fallback: host"), "{text}");
    controller.stop().await;
    assert_eq!(site.get("c112").await, before, "untouched");
    assert_eq!(site.warnings("c112").await, ["NoHAGroup"]);
    assert_eq!(site.events("c112").await.len(), 1);

    let controller = site.start("ha_group: true\nha_group_fallback: host").await;
    let node = site.has_addresses("c112", "I 10.0.0.5, H c112").await;
    assert_std("case_112 with a fallback", &node, 212, "pve-1");
    controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_113_addresses_are_updated_without_a_group() {
    let site = Site::open([Vm::new(113, "c113")]).await;
    site.node(
        New::settled("c113", 113)
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

/// The version is not told here, so groups are asked for first, as at a region that is upgraded later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_114_groups_that_have_become_rules() {
    let nodes = [(214, "c114"), (314, "c114b"), (414, "c114c")];
    let site = Site::build(|builder| {
        let builder = builder
            .region("cluster-1")
            .host("pve-1")
            .ha_group("alpha", "pve-1:2");
        let vms = nodes.map(|(vm, name)| Vm::new(vm, name));
        builder.vms(vms).token(TOKEN.0, TOKEN.1, Privileges::all())
    })
    .await;
    site.pve
        .fail(Fault::status(500, "no version today").on(Template::Version));
    for (vm, name) in nodes {
        site.node(New::tainted(name, vm)).await;
    }
    let said = Said::listen();
    let controller = site.start("").await;
    for (_, name) in nodes {
        let node = site.initialised(name).await;
        assert_labels_and_groups("case_114", &node, "cluster-1", "pve-1", &["alpha"]);
        site.event(name, "Synced").await;
        assert_eq!(site.events(name).await.len(), 1, "case_114");
    }
    controller.stop().await;
    let lines = said.about(&["HA groups"]);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(
        lines[0].contains("INFO") && lines[0].contains("HA groups are rules now"),
        "{lines:?}"
    );
    let asked = (
        site.pve.count(Template::HaGroups),
        site.pve.count(Template::HaRules),
    );
    assert_eq!(asked, (1, 1), "for all of them: {}", site.pve.log_tail());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_115_a_rule_is_the_zone() {
    let site = Site::build(|builder| {
        let builder = builder.region("cluster-1").host("pve-1").vm(Vm::new(215, "c115"));
        builder
            .ha_rule(HaRule::node_affinity("ha-group-alpha", "pve-1:2"))
            .ha_rule(HaRule::node_affinity("aaa", "pve-1").disabled())
            .token(TOKEN.0, TOKEN.1, Privileges::all())
    })
    .await;
    site.node(New::tainted("c115", 215)).await;
    let controller = site.start("ha_group: true").await;
    let node = site.initialised("c115").await;
    assert!(!is_tainted(&node));
    assert_labels_and_groups("case_115", &node, "cluster-1", "alpha", &["alpha"]);
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
        New::settled("c119", 219)
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
