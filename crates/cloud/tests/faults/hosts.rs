//! One host of three hangs, then it is forgotten, then it is back.

use std::ops::Range;
use std::sync::Arc;

use cloud::plan::facts::{MachineList, MachineStatus};
use runtime::answer::Answer;
use testkit::proxmox::{Fault, HostState};

use crate::rounds;
use crate::stage::Stage;
use crate::truth::Machine;

/// Nodes on the host that hangs.
const HUNG: Range<u32> = 100..112;
/// Nodes on the others.
const WELL: Range<u32> = 112..136;
/// How many of them are asked for their addresses while it hangs: one is off, six are new.
const ASKED: usize = 24 - 1 + 6;
/// Created while it hangs: on that host, and on the others.
const NEW: (Range<u32>, Range<u32>) = (136..139, 139..145);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_hangs() {
    let host = |id: u32| match id {
        100..112 | 136..139 => "pve-2",
        _ if id.is_multiple_of(2) => "pve-1",
        _ => "pve-3",
    };
    let machines = HUNG.chain(WELL).chain(NEW.0).chain(NEW.1);
    let stage = Stage::open(machines.map(|id| Machine::new(id, "north", host(id)))).await;
    let controller = stage.start().await;
    let state = |state| {
        stage
            .site
            .pve
            .update(|model| model.region("north").host("pve-2").state = state);
    };
    stage.create(HUNG).await;
    stage.create(WELL).await;
    stage.settled(HUNG).await;
    stage.settled(WELL).await;

    // Requests about it never end; the end point itself gives up on them later.
    let silence = stage.site.pve.fail(Fault::hang().host("pve-2").times(6));
    state(HostState::Hung);
    stage.not_ready(HUNG).await;
    stage.not_ready(112..116).await;
    stage.switch_off(112);
    stage.grow(HUNG, 2);
    stage.grow(113..136, 2);
    stage.create(NEW.0).await;
    stage.create(NEW.1).await;
    stage.settled(113..136).await;
    stage.settled(NEW.1).await;
    stage.shut_down(112..113).await;
    stage.passes(rounds(10), ASKED).await;
    assert!(silence.hits() > 0, "the host has been asked");
    stage.are_tainted(NEW.0).await;

    // After some minutes the cluster knows no more than that the machines exist.
    state(HostState::Forgotten);
    let forgotten = |list: &Answer<Arc<MachineList>>| {
        let list = list.as_ref().known();
        list.and_then(|list| list.get(100))
            .is_some_and(|machine| machine.status == MachineStatus::Unknown)
    };
    stage
        .list_is(
            &controller,
            "north",
            "has forgotten the host's machines",
            forgotten,
        )
        .await;
    stage.passes(rounds(10), ASKED).await;
    stage.are_tainted(NEW.0).await;

    state(HostState::Online);
    stage.settled(HUNG).await;
    stage.settled(113..145).await;
    stage.shut_down(112..113).await;
    stage.witness.testify().await;
    controller.stop().await;
}
