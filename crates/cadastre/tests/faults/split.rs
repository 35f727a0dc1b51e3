//! Two controllers at once: one paused past its lease, and two that both believe they lead.

use std::time::Duration;

use api::names::LEADER_LEASE;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client};
use testkit::{dice::Dice, eventually};

use crate::{
    audit,
    crowd::{Crowd, Temper},
    ground::plots,
    is_long,
    pause::pause,
    rig::PATIENCE,
    stage::{Actor, Place, Stage},
};

/// A leader that renews quickly, so that losing the lease takes seconds; but not so quickly that on two busy cores
/// hardly any leader keeps it (with a deadline of 2 s, at a load of 15, none did for longer than a few seconds).
const ELECTED: [&str; 5] = [
    "--leader-elect",
    "--leader-election-namespace=default",
    "--leader-elect-lease-duration=5s",
    "--leader-elect-renew-deadline=4s",
    "--leader-elect-retry-period=500ms",
];
/// Everybody creates and deletes as fast as the API server answers.
const BURST: Temper = Temper {
    people: 8,
    creations: 62,
    pause: Duration::from_millis(4),
};

async fn holder(client: &Client) -> Result<String, String> {
    let api: Api<Lease> = Api::namespaced(client.clone(), "default");
    let lease = api.get(LEADER_LEASE).await.map_err(|e| e.to_string())?;
    let holder = lease
        .spec
        .and_then(|spec| spec.holder_identity)
        .unwrap_or_default();
    if holder.is_empty() {
        Err("nobody holds the lease".to_owned())
    } else {
        Ok(holder)
    }
}

/// The replicas of a Deployment.
struct Replicas<'a> {
    place: &'a Place,
    actors: Vec<Actor>,
}

impl<'a> Replicas<'a> {
    async fn two(place: &'a Place) -> Self {
        let actors = vec![place.ready().await, place.ready().await];
        Self { place, actors }
    }

    /// Starts whoever ended by itself again: on a busy machine a renewal may come too late, and then that is right.
    fn tend(&mut self) {
        for actor in &mut self.actors {
            if actor.process.exited().is_some() {
                let log = actor.process.log();
                assert!(
                    log.contains("the leader lease was lost"),
                    "it ended for another reason: {log}"
                );
                *actor = self.place.start();
            }
        }
    }

    /// Takes out the one that leads, and puts a new one in its place.
    async fn take_leader(&mut self, client: &Client) -> (String, Actor) {
        let (leads, index) = eventually(PATIENCE, "a replica leads", || {
            self.tend();
            let logs: Vec<String> = self.actors.iter().map(|actor| actor.process.log()).collect();
            async move {
                let holder = holder(client).await?;
                let line = format!("identity=\"{holder}\"");
                let index = logs.iter().position(|log| log.contains(&line));
                index
                    .map(|index| (holder.clone(), index))
                    .ok_or(format!("{holder} is none of them"))
            }
        })
        .await;
        let successor = self.place.start();
        (leads, std::mem::replace(&mut self.actors[index], successor))
    }

    /// Waits until the lease has another holder than this one.
    async fn another_leads(&mut self, client: &Client, before: &str) {
        eventually(PATIENCE, "another process leads", || {
            self.tend();
            async {
                let now = holder(client).await?;
                if now == before {
                    Err(format!("{now} still holds it"))
                } else {
                    Ok(())
                }
            }
        })
        .await;
    }

    /// Waits until so many more addresses than now have been created or released.
    async fn progress(&mut self, stage: &Stage, events: u64) {
        stage.progress_while(events, || self.tend()).await;
    }
}

/// The leader stands still in the middle of a burst until another one has taken over, and then goes on where it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_paused_past_its_lease_gives_nothing_twice() {
    let test = "faults-split";
    let mut dice = Dice::seeded(test);
    let plots = plots();
    let stage = Stage::set(test, &plots).await;
    let client = stage.client();
    let place = stage.place(stage.plane.kubeconfig(), &ELECTED).await;
    let mut replicas = Replicas::two(&place).await;
    let crowd = Crowd::gather(&client, &plots, BURST, &mut dice);

    for _ in 0..if is_long() { 20 } else { 2 } {
        replicas.progress(&stage, 150 + dice.below(100)).await;
        let (leads, mut paused) = replicas.take_leader(&client).await;
        paused.process.stop().expect("the leader runs");
        replicas.another_leads(&client, &leads).await;
        replicas.progress(&stage, 50 + dice.below(100)).await;
        paused.process.cont().expect("it stands still");
        paused.gives_up().await;
        stage.witness.assert_unique();
    }

    let acts = crowd.disperse().await;
    eprintln!("{test}: {acts} claims created or deleted");
    // Until the end: without anybody to start them again, two that lost the lease leave the work undone.
    audit::settled_while(&client, &plots, Duration::from_secs(60), || replicas.tend()).await;
    stage.witness.testify().await;
    replicas.tend();
    for actor in &mut replicas.actors {
        actor.ready().await.expect("it gets ready");
    }
    for actor in replicas.actors {
        actor.dismiss().await;
    }
}

/// Without election both lead all the time: only the compare-and-swap on the pools keeps them apart. Now and then one
/// stands still for a moment, and once for longer than any promise is kept for a process that is silent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_both_believe_they_lead_give_nothing_twice() {
    let test = "faults-both";
    let mut dice = Dice::seeded(test);
    let plots = plots();
    let stage = Stage::set(test, &plots).await;
    let client = stage.client();
    let place = stage
        .place(stage.plane.kubeconfig(), &["--orphan-delay=5s"])
        .await;
    let mut both = Replicas::two(&place).await;
    let crowd = Crowd::gather(&client, &plots, BURST, &mut dice);

    let short = (Duration::from_millis(100), Duration::from_millis(1500));
    let long = (Duration::from_secs(17), Duration::from_secs(19));
    let mut pauses = vec![short, short, long];
    if is_long() {
        pauses = pauses.repeat(10);
    }
    for (round, (at_least, less_than)) in pauses.into_iter().enumerate() {
        both.progress(&stage, 100 + dice.below(100)).await;
        let one = &mut both.actors[round % 2];
        one.process.stop().expect("it runs");
        pause(&mut dice, at_least, less_than).await;
        one.process.cont().expect("it stands still");
        stage.witness.assert_unique();
    }
    both.progress(&stage, 200).await;

    let acts = crowd.disperse().await;
    eprintln!("{test}: {acts} claims created or deleted");
    audit::settled(&client, &plots, Duration::from_secs(60)).await;
    stage.witness.testify().await;
    for one in both.actors {
        one.dismiss().await;
    }
}
