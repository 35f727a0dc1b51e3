//! One worker, and a host that does not answer for a minute.

use std::ops::Range;
use std::time::Duration;

use testkit::eventually;
use testkit::proxmox::{Fault, Template};

use crate::ground::{TOKEN, is_tainted};
use crate::stage::Stage;
use crate::truth::{Machine, name};

/// On the host that hangs.
const HUNG: Range<u32> = 100..110;
/// On the other one.
const WELL: Range<u32> = 110..130;
/// Far less than the minute that the hung host is waited for.
const SOON: Duration = Duration::from_secs(30);

/// As [`Stage::start`], but for how long hosts are waited for, and by how many.
async fn start(stage: &Stage, workers: usize) -> crate::ground::Controller {
    let token = format!(
        "token_id: \"{}\", token_secret: \"{}\", timeout: 60s",
        TOKEN.0, TOKEN.1
    );
    let mut text = String::from("features:\n  network: {mode: qemu, guest_timeout: 60s}\nclusters:\n");
    text.push_str(&stage.site.cluster("north", &token));
    stage
        .site
        .start_with(&text, |options, _| {
            (options.workers, options.updaters) = (workers, workers);
            options.pass_period = Duration::from_millis(700);
        })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_hangs_holds_no_worker() {
    let host = |id: u32| if HUNG.contains(&id) { "pve-2" } else { "pve-1" };
    let machines = HUNG.chain(WELL).map(|id| Machine::new(id, "north", host(id)));
    let stage = Stage::open(machines).await;
    let controller = start(&stage, 1).await;

    // New Nodes: their machines' configurations are read, and their guests asked.
    let silence = stage.site.pve.fail(Fault::hang().host("pve-2"));
    stage.create(HUNG).await;
    eventually(SOON, "the host has been asked", || async {
        (silence.hits() > 0)
            .then_some(())
            .ok_or_else(|| stage.site.pve.log_tail())
    })
    .await;
    stage.create(WELL).await;
    others_are_initialised(&stage).await;
    stage.are_tainted(HUNG).await;

    // Nodes in use: every pass asks their guests.
    stage.grow(WELL, 2);
    let asked = stage.site.pve.count(Template::GuestInterfaces);
    eventually(SOON, "the guests of the others are asked again", || async {
        let more = stage.site.pve.count(Template::GuestInterfaces) - asked;
        (more >= 40).then_some(()).ok_or_else(|| more.to_string())
    })
    .await;
    controller.stop().await;
    stage.witness.approves();
}

async fn others_are_initialised(stage: &Stage) {
    eventually(SOON, "the others are initialised", || async {
        let mut waiting = Vec::new();
        for id in WELL {
            if is_tainted(&stage.site.get(&name(id)).await) {
                waiting.push(id);
            }
        }
        if waiting.is_empty() {
            Ok(())
        } else {
            Err(format!("{waiting:?}\n{}", stage.site.pve.log_tail()))
        }
    })
    .await;
}
