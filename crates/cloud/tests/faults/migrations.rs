//! A hundred machines on the move.

use std::ops::Range;
use std::time::Duration;

use testkit::proxmox::{Ha, Template};

use crate::rounds;
use crate::stage::Stage;
use crate::truth::Machine;

const OLD: Range<u32> = 100..200;
/// Created while the others move, and on the move themselves.
const NEW: Range<u32> = 200..210;
/// How long the list shows machines where they were.
const LAG: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_machines_on_the_move() {
    let moves = rounds(2);
    let machines = OLD.chain(NEW).map(|id| Machine::new(id, "north", "pve-0"));
    let stage = Stage::open(machines).await;
    stage.site.pve.update(|model| {
        for host in 1..=moves {
            model.region("north").add_host(&format!("pve-{host}"));
        }
    });
    let controller = stage.start().await;
    stage.create(OLD).await;
    stage.settled(OLD).await;
    stage.not_ready(100..120).await;

    for number in 1..=moves {
        let host = format!("pve-{number}");
        let place = u8::try_from(number).expect("few") + 1;
        // Some are moved by the HA manager, which says so in the list; all by ones and twos, as the network allows.
        in_transit(&stage, 100..110, "migrate");
        in_transit(&stage, 110..120, "relocate");
        for id in OLD {
            stage.migrate(id, &host, LAG);
            if id % 20 == 0 {
                stage.requests(Template::GuestInterfaces, 20).await;
            }
        }
        if number == 1 {
            stage.create(NEW).await;
        }
        for id in NEW {
            stage.migrate(id, &host, LAG);
        }
        stage.grow(OLD, place);
        in_transit(&stage, 100..120, "started");
        stage.settled(100..210).await;
    }
    stage.requests(Template::Resources, 2).await;
    stage.settled(100..210).await;
    stage.witness.testify().await;
    controller.stop().await;
}

fn in_transit(stage: &Stage, ids: Range<u32>, state: &str) {
    stage.site.pve.update(|model| {
        for id in ids {
            model.vm(id).ha = Some(Ha {
                state: state.to_owned(),
                group: None,
            });
        }
    });
}
