//! Machines with one UUID (case 64): a clone must never take the place of the machine it was made from.

use testkit::proxmox::{Fault, Template, Vm};

use crate::ground::{New, Site, is_tainted};
use crate::initialising::assert_std;

/// `n1-clone`, which is listed first, and `n1`; both have the UUID of `n1`.
fn clone_and_original() -> [Vm; 2] {
    [
        Vm::new(90, "n1-clone").uuid(&Vm::uuid_of(100)),
        Vm::new(100, "n1"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_64_the_exact_name_wins_and_is_the_only_one_read() {
    let site = Site::open(clone_and_original()).await;
    site.node(New::tainted("n1", 100)).await;
    let controller = site.start("").await;
    assert_std("case_64", &site.initialised("n1").await, 100, "pve-1");
    controller.stop().await;
    assert_eq!(
        site.requests(Template::Config, 100).len(),
        1,
        "{}",
        site.pve.log_tail()
    );
    assert_eq!(site.pve.count(Template::Config), 1, "{}", site.pve.log_tail());
}

/// What would be written is written for ever, so a machine that cannot be read is waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_64_while_the_exact_one_cannot_be_read_the_clone_does_not_win() {
    let site = Site::open(clone_and_original()).await;
    let fault = Fault::status(595, "No route to host")
        .on(Template::Config)
        .vm(100);
    let fault = site.pve.fail(fault);
    let before = site.node(New::tainted("n1", 100)).await;
    let controller = site.start("").await;
    site.event("n1", "RegionUnavailable").await;
    assert!(is_tainted(&site.get("n1").await));
    controller.stop().await;
    assert_eq!(site.get("n1").await, before, "untouched");
    fault.heal();
    let controller = site.start("").await;
    assert_std("case_64", &site.initialised("n1").await, 100, "pve-1");
    controller.stop().await;
}

/// A name counts for more than a state.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_64_a_clone_that_runs_does_not_win_over_the_exact_one_that_is_off() {
    let [clone, original] = clone_and_original();
    let site = Site::open([clone, original.stopped()]).await;
    site.node(New::tainted("n1", 100)).await;
    let controller = site.start("").await;
    assert_std("case_64", &site.initialised("n1").await, 100, "pve-1");
    controller.stop().await;
}

/// §3.2: of equal names the running one, and of two that run none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn machines_with_one_name_and_one_uuid() {
    let twin = |vm: u32, name: &str, of: u32| Vm::new(vm, name).uuid(&Vm::uuid_of(of));
    let site = Site::open([
        twin(101, "one-runs", 200).stopped(),
        twin(102, "one-runs", 200),
        twin(103, "both-run", 300),
        twin(104, "both-run", 300),
    ])
    .await;
    site.node(New::tainted("one-runs", 200)).await;
    let before = site.node(New::tainted("both-run", 300)).await;
    let controller = site.start("").await;
    assert_std(
        "the running one",
        &site.initialised("one-runs").await,
        102,
        "pve-1",
    );
    let text = site.event("both-run", "AmbiguousUUID").await;
    assert!(
        text.contains("cluster-1/103") && text.contains("cluster-1/104"),
        "{text}"
    );
    controller.stop().await;
    assert_eq!(site.get("both-run").await, before, "untouched");
    assert_eq!(site.warnings("both-run").await, ["AmbiguousUUID"]);
}
