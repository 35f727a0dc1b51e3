//! One region down of two.

use std::ops::Range;

use runtime::answer::Answer;
use testkit::proxmox::Template;

use crate::rounds;
use crate::stage::Stage;
use crate::truth::Machine;

/// Nodes of the region that fails, and those created while it does.
const NORTH: (Range<u32>, Range<u32>) = (100..120, 120..124);
/// Nodes of the other one.
const SOUTH: (Range<u32>, Range<u32>) = (200..220, 220..224);

#[derive(Clone, Copy)]
enum Outage {
    /// Connections are refused.
    Refused,
    /// Connections are accepted, and nothing ever comes.
    Silent,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_region_that_refuses_connections() {
    one_of_two(Outage::Refused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_region_that_never_answers() {
    one_of_two(Outage::Silent).await;
}

async fn one_of_two(outage: Outage) {
    let north = NORTH.0.chain(NORTH.1);
    let north = north.map(|id| Machine::new(id, "north", &format!("pve-n{}", id % 2)));
    let south = SOUTH.0.chain(SOUTH.1);
    let south = south.map(|id| Machine::new(id, "south", &format!("pve-s{}", id % 2)));
    let stage = Stage::open(north.chain(south)).await;
    let controller = stage.start().await;
    stage.create(NORTH.0).await;
    stage.create(SOUTH.0).await;
    stage.settled(NORTH.0).await;
    stage.settled(SOUTH.0).await;

    match outage {
        Outage::Refused => stage.site.pve.region_down("north").await,
        Outage::Silent => stage.site.pve.region_silent("north").await,
    }
    // A kubelet may be silent for its own reasons, or because its machine is off, or gone.
    stage.not_ready(100..106).await;
    stage.not_ready(200..206).await;
    stage.switch_off(100);
    stage.switch_off(200);
    stage.remove(101);
    stage.grow(102..120, 2);
    stage.grow(201..220, 2);
    stage.create(NORTH.1).await;
    stage.create(SOUTH.1).await;
    // The other region works as ever, also for Nodes of which nobody knows yet where they belong.
    stage.settled(SOUTH.1).await;
    stage.settled(201..220).await;
    stage.shut_down(200..201).await;
    // First the last list still counts, then nothing is known of the region any more.
    stage
        .list_is(&controller, "north", "is too old", Answer::is_unknown)
        .await;
    stage.passes(rounds(5), SOUTH.0.len()).await;
    stage.are_tainted(NORTH.1).await;
    stage.site.get("n101").await;

    stage.site.pve.region_up("north").await;
    stage.settled(102..124).await;
    stage.shut_down(100..101).await;
    stage.gone(101).await;
    // Two lists after the last finding, and still only the one that is gone is gone.
    stage.requests(Template::Resources, 3).await;
    stage.settled(201..224).await;
    stage.witness.testify().await;
    controller.stop().await;
}
