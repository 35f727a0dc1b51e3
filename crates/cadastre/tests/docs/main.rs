//! Runs every command and every YAML of the user documentation against a real control plane with the real controller
//! and its webhooks, so that the pages cannot go stale.
//!
//! # Writing a page
//!
//! A page is run from top to bottom, on a cluster of its own. What a fenced block is, its info string says:
//!
//! | info string | meaning |
//! |---|---|
//! | `yaml` | applied with `kubectl apply --server-side`; must be accepted |
//! | `yaml refused` | applied; must be refused |
//! | `yaml example=DIR/FILE` | applied; must be identical to `deploy/examples/DIR/FILE` |
//! | `yaml rules` | alert rules: every metric in them must exist |
//! | `yaml config` | a configuration of the cloud controller: it must be read without any warning (`cloud.rs`) |
//! | `yaml config example=DIR/FILE` | the same, and identical to `deploy/examples/DIR/FILE`; warnings are fine |
//! | `yaml config file=PATH` | the same as without, and written to that file for the commands after it (`pve.rs`) |
//! | `yaml values` | values of the Helm chart: it must have them |
//! | `output` | what applying the `yaml` block before it printed |
//! | `console` | lines with `$ ` are run with bash and must succeed; the lines below one are what it prints |
//! | `console fails` | the same, and the last command must fail |
//! | `metrics` | lines that the controller's `/metrics` has |
//! | `json file=PATH` | written to that file of the node (pages about the CNI, `node.rs`) |
//! | `text` | not run: installing into a cluster with nodes, drawings; each page states how many it has |
//!
//! `[..]` stands for any text inside a line, `…` alone for any lines. Runs of blanks count as one. A command with nothing
//! below it may print anything. Commands that only look (`kubectl get`, `cadastre check`, …) are asked again until they
//! show what the page shows, or half a minute is over.
//!
//! The tables of flags, reasons, events, findings and metrics are checked against the code (`reference.rs`), and so are
//! keys, options and messages of the plugins (`cni.rs`).

mod cloud;
mod cni;
mod expect;
mod kubectl;
mod markdown;
mod node;
mod pve;
mod reference;
mod run;
mod stage;

use markdown::Kind;
use node::Node;
use pve::Pve;
use stage::Stage;
use tokio::sync::Mutex;

/// One page at a time: two control planes at once would only make both slow.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// Runs a page with a controller. `texts` is the number of blocks that are not run; `before` is what stands in the
/// cluster already.
async fn follow(page: &str, texts: usize, before: &[&str]) -> Stage {
    count_texts(page, texts);
    let stage = Stage::set_up(before).await;
    run(page, &stage).await;
    stage
}

fn count_texts(page: &str, texts: usize) {
    let blocks = markdown::blocks(page, &markdown::read(page));
    let not_run = blocks.iter().filter(|block| block.kind == Kind::Text).count();
    assert_eq!(
        not_run, texts,
        "{page}: blocks that are not run; make them run, or count them here"
    );
}

async fn run(page: &str, stage: &impl stage::Place) {
    let problems = run::page(page, stage).await;
    assert!(
        problems.is_empty(),
        "{} problems:\n\n{}",
        problems.len(),
        problems.join("\n")
    );
}

#[tokio::test]
async fn pools_page_does_what_it_says() {
    let _turn = ONE_AT_A_TIME.lock().await;
    follow("docs/pools.md", 2, &[]).await;
}

#[tokio::test]
async fn migration_page_does_what_it_says() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let before = [
        "deploy/clusterctl/namespace.yaml",
        "deploy/clusterctl/rbac.yaml",
        "deploy/clusterctl/deployment.yaml",
    ];
    follow("docs/migrate/in-cluster-ipam.md", 2, &before).await;
}

#[tokio::test]
async fn metrics_page_names_what_is_measured() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let stage = follow("docs/metrics.md", 0, &[]).await;
    let metrics = stage
        .controller
        .metrics()
        .await
        .expect("the controller serves its metrics");
    reference::metrics(&markdown::read("docs/metrics.md"), &metrics);
}

#[tokio::test]
async fn cni_page_does_what_it_says() {
    let _turn = ONE_AT_A_TIME.lock().await;
    count_texts("docs/cni.md", 1);
    let node = Node::set_up().await;
    run("docs/cni.md", &node).await;
}

#[tokio::test]
async fn cni_migration_page_does_what_it_says() {
    let _turn = ONE_AT_A_TIME.lock().await;
    count_texts("docs/migrate/ipam-node-annotation.md", 0);
    let node = Node::set_up().await;
    run("docs/migrate/ipam-node-annotation.md", &node).await;
}

#[tokio::test]
async fn cloud_page_does_what_it_says() {
    let _turn = ONE_AT_A_TIME.lock().await;
    count_texts("docs/cloud.md", 2);
    let pve = Pve::set_up().await;
    run("docs/cloud.md", &pve).await;
}

#[tokio::test]
async fn cloud_migration_page_does_what_it_says() {
    let _turn = ONE_AT_A_TIME.lock().await;
    count_texts("docs/migrate/proxmox-ccm.md", 1);
    let pve = Pve::set_up().await;
    run("docs/migrate/proxmox-ccm.md", &pve).await;
}
