//! Nodes that are not ready: is the machine gone, or switched off? (cases 90 to 106)

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use cloud::controller::Loops;
use cloud::names;
use futures::stream::{self, StreamExt};
use k8s_openapi::api::core::v1::Node;
use testkit::eventually;
use testkit::proxmox::{Fault, Privileges, Template, Vm};

use crate::ground::{Controller, New, PATIENCE, Site, TOKEN, has_taint};

/// Enough Nodes that a tenth of them is more than the cases delete.
const CROWD: usize = 60;

async fn start(site: &Site, features: &str) -> Controller {
    let text = site.config(features);
    site.start_with(&text, |_, loops| {
        *loops = Loops {
            node: false,
            lifecycle: true,
        }
    })
    .await
}

fn here(vm: u32) -> String {
    format!("proxmox://cluster-1/{vm}")
}

/// Two lists more than ten seconds apart have been judged.
async fn two_lists_later(site: &Site) {
    let lists = || site.pve.count(Template::Resources);
    let (before, begun) = (lists(), Instant::now());
    eventually(PATIENCE, "two more lists were read", || async {
        let read = lists() - before;
        if read >= 2 && begun.elapsed() > Duration::from_secs(12) {
            Ok(())
        } else {
            Err(format!("{read} lists"))
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_are_not_ready() {
    let vm = Vm::new;
    let site = Site::open([
        vm(190, "c90").stopped(),
        vm(195, "c95").unknown(),
        vm(197, "c97"),
        vm(198, "c98"),
        Vm::lxc(199, "c99"),
        vm(299, "c99t").template(),
        vm(200, "c100"),
        vm(201, "other"),
        vm(203, "c103").stopped(),
        vm(204, "c104").stopped(),
    ])
    .await;
    let gone = "Configuration file 'nodes/pve-1/qemu-server/198.conf' does not exist";
    // case_97, case_98: of what the replaced controller asks, and of what we ask.
    for template in [Template::Status, Template::Config] {
        let unreachable = Fault::status(595, "No route to host");
        site.pve.fail(unreachable.on(template).vm(197));
        site.pve.fail(Fault::status(500, gone).on(template).vm(198));
    }
    let by_uuid = |vm: u32| format!("proxmox://{}", Vm::uuid_of(vm));
    let nodes = [
        New::initialised("c90", 190).not_ready(),
        New::initialised("c93", 193).not_ready(),
        New::initialised("c94", 194),
        New::initialised("c95", 195).not_ready(),
        New::initialised("c97", 197).not_ready(),
        New::initialised("c98", 198).not_ready(),
        New::initialised("c99", 199).not_ready(),
        New::initialised("c99t", 299).not_ready(),
        New::initialised("c100", 200)
            .uuid("11833f4c-341f-4bd3-aad7-f7abedffffff")
            .not_ready(),
        New::initialised("c101", 201).not_ready(),
        New::initialised("c103", 203)
            .provider_id(&by_uuid(203))
            .not_ready(),
        New::initialised("c104", 204)
            .provider_id(&by_uuid(204))
            .annotation(names::INSTANCE_ID, "204")
            .label(names::PROXMOX_REGION, "cluster-1")
            .not_ready(),
        New::tainted("c105", 205).provider_id(&here(999)).not_ready(),
        New::initialised("c106", 206)
            .provider_id("k3s://c106")
            .not_ready(),
        New::initialised("c106e", 207).provider_id("").not_ready(),
    ];
    let mut before = BTreeMap::new();
    for node in nodes {
        let node = site.node(node).await;
        before.insert(node.metadata.name.clone().unwrap_or_default(), node);
    }
    let crowd = (0..CROWD).map(|number| site.node(New::initialised(&format!("crowd-{number}"), 1_000)));
    stream::iter(crowd).buffer_unordered(8).collect::<Vec<_>>().await;
    let controller = start(&site, "").await;
    let begun = Instant::now();
    let shutdown = |node: &_| has_taint(node, names::TAINT_SHUTDOWN);
    for name in ["c90", "c103", "c104"] {
        // case_90, case_103, case_104
        site.until(name, "has the shutdown taint", shutdown).await;
    }
    // case_93, case_99 (template), case_100: deleted, and not before a second list 10 s later.
    for name in ["c93", "c99t", "c100"] {
        site.gone(name).await;
        assert!(
            begun.elapsed() >= Duration::from_secs(10),
            "{name}: {:?}",
            begun.elapsed()
        );
        site.event(name, "DeletingNode").await;
    }
    // case_99 (container), case_105: kept, and told. case_101: another name is no other machine.
    let kept = [
        ("c99", "DeletionHeld"),
        ("c105", "DeletionHeld"),
        ("c101", "VMNameMismatch"),
    ];
    for (name, reason) in kept {
        site.event(name, reason).await;
    }
    controller.stop().await;
    for (name, reason) in kept {
        assert_eq!(site.get(name).await, before[name], "{name}: untouched");
        assert_eq!(site.warnings(name).await, [reason], "{name}");
    }
    // case_94, case_95, case_97, case_98, case_106: nothing was done, and nothing said; many looks and two lists later.
    for name in ["c94", "c95", "c97", "c98", "c106", "c106e"] {
        assert_eq!(site.get(name).await, before[name], "{name}: untouched");
        assert_eq!(site.events(name).await, [], "{name}");
    }
    // case_97: in no form is anybody asked for the state of a machine.
    assert_eq!(site.pve.count(Template::Status), 0, "{}", site.pve.log_tail());
}

/// It is the Node itself that says so: nobody is asked for anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_91_a_node_that_is_ready_again() {
    let site = Site::open([Vm::new(191, "c91")]).await;
    let before = site
        .node(New::initialised("c91", 191).taint(names::TAINT_SHUTDOWN))
        .await;
    let (controller, begun) = (start(&site, "").await, Instant::now());
    let node = site
        .until("c91", "lost the shutdown taint", |node| {
            !has_taint(node, names::TAINT_SHUTDOWN)
        })
        .await;
    controller.stop().await;
    let taints = |node: &Node| node.spec.clone().unwrap_or_default().taints.unwrap_or_default();
    let others: Vec<_> = taints(&before)
        .into_iter()
        .filter(|taint| taint.key != names::TAINT_SHUTDOWN)
        .collect();
    assert_eq!(taints(&node), others, "and no other");
    assert_eq!(site.events("c91").await, []);
    // A controller that starts looks once at its region, whatever Nodes there are.
    let log = site.pve.log();
    let at_start = [Template::Version, Template::Resources, Template::Permissions];
    for entry in &log {
        assert!(at_start.contains(&entry.template), "{entry}");
    }
    let lists = 1 + begun.elapsed().as_secs() / 10;
    for (template, most) in at_start.into_iter().zip([1, lists, 1]) {
        assert!(site.pve.count(template) <= most, "{}", site.pve.log_tail());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_92_an_empty_list_deletes_nobody_without_the_privilege() {
    let site = Site::build(|builder| {
        let privileges = Privileges::all().without("VM.Audit");
        builder
            .region("cluster-1")
            .host("pve-1")
            .vm(Vm::new(192, "c92"))
            .token(TOKEN.0, TOKEN.1, privileges)
    })
    .await;
    site.node(New::initialised("c92", 192).not_ready()).await;
    let controller = start(&site, "").await;
    let text = site.event("c92", "DeletionHeld").await;
    assert!(text.contains("VM.Audit"), "{text}");
    two_lists_later(&site).await;
    site.get("c92").await;
    controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_92_an_empty_list_counts_when_the_privilege_is_confirmed() {
    let site = Site::open([]).await;
    site.node(New::initialised("c92", 192).not_ready()).await;
    let controller = start(&site, "").await;
    site.gone("c92").await;
    controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_96_a_list_that_is_refused_deletes_nobody() {
    let site = Site::open([Vm::new(101, "other")]).await;
    site.pve
        .fail(Fault::status(401, "Authentication failed!").on(Template::Resources));
    site.node(New::initialised("c96", 196).not_ready()).await;
    let controller = start(&site, "").await;
    two_lists_later(&site).await;
    site.get("c96").await;
    assert_eq!(site.events("c96").await, []);
    controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_102_a_uuid_that_nobody_has_any_more() {
    let site = Site::open([Vm::new(101, "other")]).await;
    let id = format!("proxmox://{}", Vm::uuid_of(202));
    site.node(New::initialised("c102", 202).provider_id(&id).not_ready())
        .await;
    let controller = start(&site, "provider: capmox").await;
    site.gone("c102").await;
    controller.stop().await;
}

/// Many machines gone at once are more often a mistake than a fact.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletions_have_a_budget() {
    let site = Site::open([Vm::new(101, "other")]).await;
    let names: Vec<String> = (0..5).map(|number| format!("lost-{number}")).collect();
    for name in &names {
        site.node(New::initialised(name, 900).not_ready()).await;
    }
    let controller = start(&site, "").await;
    let left = || async {
        site.nodes()
            .list(&Default::default())
            .await
            .map(|all| all.items.len())
            .map_err(|e| e.to_string())
    };
    eventually(PATIENCE, "one Node is deleted", || async {
        let left = left().await?;
        if left == 4 { Ok(()) } else { Err(left.to_string()) }
    })
    .await;
    let limited = eventually(PATIENCE, "the others are told", || async {
        let mut told = 0;
        for name in &names {
            told += usize::from(
                site.events(name)
                    .await
                    .iter()
                    .any(|(reason, _)| reason == "DeletionRateLimited"),
            );
        }
        if told == 4 {
            Ok(told)
        } else {
            Err(told.to_string())
        }
    })
    .await;
    assert_eq!((limited, left().await), (4, Ok(4)));
    controller.stop().await;
}
