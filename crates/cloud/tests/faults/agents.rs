//! Guest agents that fail on three queries of ten, in every manner that passes.

use std::ops::Range;

use testkit::proxmox::{Fault, Template};

use crate::rounds;
use crate::stage::Stage;
use crate::truth::Machine;

const OLD: Range<u32> = 100..130;
/// Initialised while agents fail.
const NEW: Range<u32> = 130..150;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guest_agents_that_fail_on_three_queries_of_ten() {
    let host = |id: u32| format!("pve-{}", id % 3 + 1);
    let machines = OLD.chain(NEW).map(|id| Machine::new(id, "north", &host(id)));
    let stage = Stage::open(machines).await;
    let controller = stage.start().await;
    stage.create(OLD).await;
    stage.settled(OLD).await;

    let late = "VM 100 qga command 'guest-network-get-interfaces' failed - got timeout";
    let faults = [
        Fault::agent_not_running().probability(0.15, 1),
        Fault::status(500, late).probability(0.06, 2),
        Fault::status(596, "Broken pipe").probability(0.05, 3),
        Fault::truncate().probability(0.04, 4),
        Fault::text("<html>").probability(0.04, 5),
    ];
    let faults = faults.map(|fault| stage.site.pve.fail(fault.on(Template::GuestInterfaces)));
    stage.not_ready(100..106).await;
    stage.create(NEW).await;
    stage.settled(NEW).await;
    stage.grow(100..140, 2);
    stage.settled(100..150).await;
    stage.renumber(110..120, 2, 3);
    stage.settled(100..150).await;
    stage.passes(rounds(20), OLD.len() + NEW.len()).await;
    for fault in faults {
        assert!(fault.hits() >= 20, "every fault has happened: {}", fault.hits());
    }

    stage.site.pve.heal();
    stage.grow(OLD, 4);
    stage.settled(100..150).await;
    stage.witness.testify().await;
    controller.stop().await;
}
