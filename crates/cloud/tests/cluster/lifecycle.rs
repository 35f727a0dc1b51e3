//! Nodes that are not ready: is the machine gone, or switched off? (cases 90 to 106)

use std::time::{Duration, Instant};

use cloud::controller::Loops;
use cloud::names;
use futures::stream::{self, StreamExt};
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
        vm(191, "c91"),
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
    site.pve.fail(
        Fault::status(595, "No route to host")
            .on(Template::Config)
            .vm(197),
    );
    let gone = "Configuration file 'nodes/pve-1/qemu-server/198.conf' does not exist";
    site.pve
        .fail(Fault::status(500, gone).on(Template::Config).vm(198));
    let by_uuid = |vm: u32| format!("proxmox://{}", Vm::uuid_of(vm));
    let nodes = [
        New::initialised("c90", 190).not_ready(),
        New::initialised("c91", 191).taint(names::TAINT_SHUTDOWN),
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
    for node in nodes {
        site.node(node).await;
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
    // case_91
    site.until("c91", "lost the shutdown taint", |node| !shutdown(node))
        .await;
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
    for (name, reason) in [
        ("c99", "DeletionHeld"),
        ("c105", "DeletionHeld"),
        ("c101", "VMNameMismatch"),
    ] {
        site.event(name, reason).await;
        site.get(name).await;
    }
    // case_94, case_95, case_97, case_98, case_106: nothing happened.
    for name in ["c94", "c95", "c97", "c98", "c106", "c106e"] {
        let node = site.get(name).await;
        assert!(!shutdown(&node), "{name}");
    }
    controller.stop().await;
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
