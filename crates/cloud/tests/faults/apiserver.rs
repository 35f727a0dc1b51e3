//! An API server that is killed and stopped, and one that lies about what it did.

use std::ops::Range;

use testkit::fault::{Action, Count, Fault, Filter};
use testkit::{FaultProxy, Options, client};

use crate::rounds;
use crate::stage::Stage;
use crate::truth::Machine;

const OLD: Range<u32> = 100..130;
/// Most Nodes that are created per outage, half of them before it.
const BATCH: u32 = 6;
/// Probability of each fault of each write.
const OFTEN: f64 = 0.12;

fn machines(outages: u32) -> impl Iterator<Item = Machine> {
    let host = |id: u32| format!("pve-{}", id % 2 + 1);
    (OLD.start..OLD.end + outages * BATCH).map(move |id| Machine::new(id, "north", &host(id)))
}

/// As most clusters run. The cache of watches begins anew with the server, and a witness whose last event is older than the
/// cache has to list again: it may then miss a state between two events, but none that lasts. That every event is seen is
/// what the next test is for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_server_that_restarts() {
    restarts(Options::default()).await;
}

/// Without the cache of watches, the witness goes on exactly where it was cut off, and misses not even a moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_server_that_restarts_and_remembers_every_event() {
    let options = Options {
        apiserver_args: vec!["--watch-cache=false".to_owned()],
        ..Options::default()
    };
    let lists = restarts(options).await;
    assert_eq!(lists, 1, "every event was seen by itself");
}

/// Returns how many lists the witness needed.
async fn restarts(options: Options) -> u32 {
    let outages = u32::try_from(rounds(2)).expect("few");
    let stage = Stage::with(options, machines(outages)).await;
    let plane = &stage.plane;
    let controller = stage.start().await;
    stage.create(OLD).await;
    stage.settled(OLD).await;
    stage.not_ready(100..108).await;
    stage.switch_off(100);
    stage.shut_down(100..101).await;

    for outage in 0..outages {
        let new = OLD.end + outage * BATCH..OLD.end + (outage + 1) * BATCH;
        let middle = new.start + BATCH / 2;
        let place = u8::try_from(outage).expect("few") * 2 + 2;
        // In the middle of initialising some Nodes, and of writing the addresses of others.
        stage.grow(101..OLD.end, place);
        stage.create(new.start..middle).await;
        if outage % 2 == 0 {
            plane.kill_apiserver().await.expect("it dies");
        } else {
            plane.stop_apiserver().await.expect("it ends");
        }
        stage.grow(101..OLD.end, place + 1);
        stage.passes(1, OLD.len() / 2).await;
        plane.start_apiserver().await.expect("it starts");
        stage.create(middle..new.end).await;
        stage.settled(101..new.end).await;
    }
    stage.shut_down(100..101).await;
    let lists = stage.witness.testify().await;
    controller.stop().await;
    lists
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_server_that_loses_answers_and_watches() {
    let batches = u32::try_from(rounds(4)).expect("few");
    let mut stage = Stage::open(machines(batches)).await;
    let proxy = FaultProxy::start(&stage.plane).await.expect("a proxy starts");
    // Only the controller goes through the proxy; kubelets and the witness do not.
    let direct = stage.site.client.clone();
    let config = proxy.config().await.expect("a configuration");
    stage.site.client = client(&config).expect("a client");
    let controller = stage.start().await;
    stage.site.client = direct;
    stage.create(OLD).await;
    stage.settled(OLD).await;
    stage.not_ready(100..108).await;
    stage.switch_off(100);
    stage.shut_down(100..101).await;

    let actions = [
        Action::DropAfterForward,
        Action::DropConnection,
        Action::status(500),
        Action::status(409),
        Action::status(429),
    ];
    let faults = (1..).zip(actions).map(|(seed, action)| {
        let filter = Filter::writes().path("/nodes/");
        let count = Count::Probability { p: OFTEN, seed };
        proxy.inject(Fault {
            filter,
            action,
            count,
        })
    });
    let faults: Vec<_> = faults.collect();
    for batch in 0..batches {
        let new = OLD.end + batch * BATCH..OLD.end + (batch + 1) * BATCH;
        stage.grow(101..OLD.end, u8::try_from(batch).expect("few") + 2);
        proxy.drop_watches();
        stage.create(new.clone()).await;
        proxy.stall_watches(batch % 2 == 0);
        stage.passes(1, OLD.len()).await;
        proxy.stall_watches(false);
        stage.settled(101..new.end).await;
    }
    for fault in faults {
        assert!(fault.hits() > 0, "every fault has happened");
    }
    proxy.clear();
    stage.grow(101..OLD.end, 100);
    stage.settled(101..OLD.end + batches * BATCH).await;
    stage.shut_down(100..101).await;
    stage.witness.testify().await;
    controller.stop().await;
}
