//! Which machine is this Node? (cases 50 to 74, 83; case 64 is with the clones)

use cloud::names;
use testkit::proxmox::{Template, Vm};

use crate::ground::{New, Site, label, provider_id};
use crate::initialising::{assert_labels, assert_std};

const ELSEWHERE: &str = "11833f4c-341f-4bd3-aad7-f7abedffffff";

/// Nodes that find their machine: `(case, node, machine, provider ID afterwards)`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_find_their_machine() {
    let vm = Vm::new;
    let site = Site::open([
        vm(150, "c50"),
        vm(151, "c51"),
        vm(160, "c60.example.com"),
        vm(167, "c67").uuid("11833f4c-341f-4bd3-aad7-f7abed0000aa"),
        vm(169, "c69"),
        vm(170, "c70"),
        vm(173, "c73"),
    ])
    .await;
    let by_uuid = format!("proxmox://{}", Vm::uuid_of(173));
    let nodes = [
        New::tainted("c50", 150)
            .provider_id("proxmox://cluster-1/150")
            .provided("10.0.0.5"),
        New::tainted("c51", 151).provider_id("proxmox:///151"),
        New::tainted("c60", 160),
        New::tainted("c67", 167).uuid("11833F4C-341F-4BD3-AAD7-F7ABED0000AA"),
        New::tainted("c69", 169)
            .annotation(names::INSTANCE_ID, "169")
            .label(names::PROXMOX_REGION, "cluster-1"),
        New::tainted("c70", 170)
            .annotation(names::INSTANCE_ID, "999")
            .label(names::REGION, "cluster-1"),
        New::tainted("c73", 173).provider_id(&by_uuid),
    ];
    for node in nodes {
        site.node(node).await;
    }
    let controller = site.start("").await;
    for (case, name, vm, id) in [
        ("case_50", "c50", 150, ""),
        ("case_51", "c51", 151, "proxmox:///151"),
        ("case_60", "c60", 160, ""),
        ("case_67", "c67", 167, ""),
        ("case_69", "c69", 169, ""),
        ("case_70", "c70", 170, ""),
        ("case_73", "c73", 173, by_uuid.as_str()),
    ] {
        let node = site.initialised(name).await;
        if id.is_empty() {
            assert_std(case, &node, vm, "pve-1");
        } else {
            assert_eq!(provider_id(&node), id, "{case}");
            assert_labels(case, &node, "cluster-1", "pve-1");
        }
        assert_eq!(
            site.event(name, "Synced").await,
            "Node synced successfully",
            "{case}"
        );
    }
    controller.stop().await;
}

/// Our own label is kept at initialisation and follows at the next look, that of Kubernetes is written at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_83_a_zone_that_somebody_else_chose() {
    let site = Site::open([Vm::new(183, "c83")]).await;
    let node = New::tainted("c83", 183)
        .label(names::PROXMOX_ZONE, "mine")
        .label(names::ZONE, "mine");
    site.node(node).await;
    let zones = |node: &_| {
        [names::PROXMOX_ZONE, names::ZONE, names::BETA_ZONE].map(|key| label(node, key).to_owned())
    };
    // The next pass of this one is minutes away.
    let controller = site.start("").await;
    let node = site.initialised("c83").await;
    assert_eq!(zones(&node), ["mine", "pve-1", "pve-1"]);
    controller.stop().await;
    assert_eq!(zones(&site.get("c83").await), ["mine", "pve-1", "pve-1"]);
    // A start begins with a pass.
    let controller = site.start("").await;
    site.until("c83", "follows", |node| {
        zones(node) == ["pve-1", "pve-1", "pve-1"]
    })
    .await;
    assert_std("case_83", &site.get("c83").await, 183, "pve-1");
    controller.stop().await;
}

/// Nodes that stay tainted, and are told why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_do_not_find_their_machine() {
    let vm = Vm::new;
    let site = Site::open([
        vm(152, "c52"),
        vm(158, "c58"),
        vm(159, "c59"),
        vm(161, "c61"),
        vm(162, "c62"),
        vm(165, "c65").template(),
        Vm::lxc(166, "c65b"),
        vm(168, "c68").without_smbios1(),
    ])
    .await;
    let foreign = [
        (
            "case_52",
            New::tainted("c52", 152).provider_id("proxmoxfoo://x/152"),
        ),
        ("case_54", New::tainted("c54", 154).provider_id("k3s://c54")),
        (
            "case_55",
            New::tainted("c55", 155)
                .provider_id("k3s://c55")
                .provided("10.0.0.5"),
        ),
    ];
    let mut before = Vec::new();
    for (case, node) in foreign {
        before.push((case, site.node(node).await));
    }
    let here = |vm: u32| format!("proxmox://cluster-1/{vm}");
    let told = [
        (
            "case_53",
            "c53",
            "RegionUnknown",
            New::tainted("c53", 153).provider_id("proxmox://cluster-9/153"),
        ),
        (
            "case_56",
            "c56",
            "InstanceNotFound",
            New::tainted("c56", 156).provider_id(&here(156)),
        ),
        (
            "case_58",
            "c58",
            "InstanceNotFound",
            New::tainted("c58", 158).provider_id(&here(158)).uuid(ELSEWHERE),
        ),
        (
            "case_59",
            "c59",
            "InstanceNotFound",
            New::tainted("c59", 159)
                .provider_id(&here(159))
                .uuid(ELSEWHERE)
                .provided("10.0.0.5"),
        ),
        (
            "case_61",
            "c61.example.com",
            "VMNameMismatch",
            New::tainted("c61.example.com", 161),
        ),
        ("case_62", "host-a", "VMNameMismatch", New::tainted("host-a", 162)),
        ("case_65", "c65", "InstanceNotFound", New::tainted("c65", 165)),
        ("case_65", "c65b", "InstanceNotFound", New::tainted("c65b", 166)),
        (
            "case_68",
            "c68",
            "InstanceNotFound",
            New::tainted("c68", 168).uuid(""),
        ),
    ];
    let mut waiting = Vec::new();
    for (case, name, reason, node) in told {
        waiting.push((case, name, reason, site.node(node).await));
    }
    let controller = site.start("").await;
    for (_, name, reason, _) in &waiting {
        site.event(name, reason).await;
    }
    controller.stop().await;
    for (case, name, reason, before) in waiting {
        assert_eq!(site.get(name).await, before, "{case}: untouched");
        assert_eq!(site.warnings(name).await, [reason], "{case}");
        assert_eq!(site.events(name).await.len(), 1, "{case}");
    }
    for (case, node) in before {
        let name = node.metadata.name.clone().expect("a name");
        assert_eq!(site.get(&name).await, node, "{case}: untouched");
        assert_eq!(site.events(&name).await, [], "{case}");
    }
}

/// A machine whose host does not answer could be the one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_57_and_case_66_hosts_that_do_not_answer() {
    let site = Site::open([Vm::new(157, "c57").unknown(), Vm::new(101, "other")]).await;
    let c57 = New::tainted("c57", 157).provider_id("proxmox://cluster-1/157");
    let before = [site.node(c57).await, site.node(New::tainted("zz", 999)).await];
    let controller = site.start("").await;
    for name in ["c57", "zz"] {
        site.event(name, "HostInaccessible").await;
    }
    controller.stop().await;
    for (name, before) in ["c57", "zz"].into_iter().zip(before) {
        assert_eq!(site.get(name).await, before, "{name}: untouched");
        assert_eq!(site.warnings(name).await, ["HostInaccessible"], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_61_and_case_62_the_uuid_alone_decides_when_asked_to() {
    let site = Site::open([Vm::new(161, "c61"), Vm::new(162, "c62")]).await;
    site.node(New::tainted("c61.example.com", 161)).await;
    site.node(New::tainted("host-a", 162)).await;
    let controller = site.start("match_name: \"off\"").await;
    assert_std(
        "case_61",
        &site.initialised("c61.example.com").await,
        161,
        "pve-1",
    );
    assert_std("case_62", &site.initialised("host-a").await, 162, "pve-1");
    controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_63_the_exact_name_costs_one_read() {
    let site = Site::open([Vm::new(90, "n10"), Vm::new(91, "n11"), Vm::new(100, "n1")]).await;
    site.node(New::tainted("n1", 100)).await;
    let controller = site.start("").await;
    assert_std("case_63", &site.initialised("n1").await, 100, "pve-1");
    assert_eq!(site.pve.count(Template::Config), 1, "{}", site.pve.log_tail());
    assert_eq!(site.pve.count(Template::Status), 0);
    controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_71_and_case_72_the_form_of_cluster_api() {
    let site = Site::open([Vm::new(171, "c71"), Vm::new(172, "c72")]).await;
    site.node(New::tainted("c71", 171)).await;
    let upper = format!("proxmox://{}", Vm::uuid_of(172).to_uppercase());
    site.node(New::tainted("c72", 172).provider_id(&upper)).await;
    let controller = site.start("provider: capmox").await;
    for (case, name, vm, id) in [
        ("case_71", "c71", "171", format!("proxmox://{}", Vm::uuid_of(171))),
        ("case_72", "c72", "172", upper),
    ] {
        let node = site.initialised(name).await;
        assert_eq!(provider_id(&node), id, "{case}");
        assert_labels(case, &node, "cluster-1", "pve-1");
        let annotations = node.metadata.annotations.unwrap_or_default();
        assert_eq!(
            annotations.get(names::INSTANCE_ID).map(String::as_str),
            Some(vm),
            "{case}"
        );
    }
    controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_74_an_unknown_provider_is_the_default() {
    let site = Site::open([Vm::new(174, "c74")]).await;
    site.node(New::tainted("c74", 174)).await;
    let controller = site.start("provider: bogus").await;
    assert_std("case_74", &site.initialised("c74").await, 174, "pve-1");
    controller.stop().await;
}
