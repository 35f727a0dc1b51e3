//! People who create and delete claims, at random, all the time.

use std::time::Duration;

use kube::{
    Api, Client,
    api::{DeleteParams, DynamicObject, PostParams, Preconditions},
};
use testkit::dice::Dice;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{ground::Plot, pause::pause};

/// How many there are, and how restless.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Temper {
    /// People at work at the same time.
    pub(crate) people: usize,
    /// Of 100 acts so many are creations; the others are deletions.
    pub(crate) creations: u64,
    /// Longest pause between two acts of one.
    pub(crate) pause: Duration,
}

/// A crowd at work until it disperses.
pub(crate) struct Crowd {
    stop: CancellationToken,
    tasks: JoinSet<u64>,
}

impl Crowd {
    /// Starts the work.
    pub(crate) fn gather(client: &Client, plots: &[Plot], temper: Temper, dice: &mut Dice) -> Self {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        for _ in 0..temper.people {
            tasks.spawn(wander(
                client.clone(),
                plots.to_vec(),
                temper,
                dice.fork(),
                stop.clone(),
            ));
        }
        Self { stop, tasks }
    }

    /// Ends the work. Returns how many claims were created or deleted.
    pub(crate) async fn disperse(self) -> u64 {
        self.stop.cancel();
        self.tasks.join_all().await.into_iter().sum()
    }
}

async fn wander(
    client: Client,
    plots: Vec<Plot>,
    temper: Temper,
    mut dice: Dice,
    stop: CancellationToken,
) -> u64 {
    let mut acts = 0;
    while !stop.is_cancelled() {
        let plot = &plots[dice.place(plots.len())];
        let namespace = &plot.namespaces[dice.place(plot.namespaces.len())];
        let number = dice.below(plot.names);
        let (api, object) = plot.claim(&client, namespace, number);
        let result = if dice.below(100) < temper.creations {
            api.create(&PostParams::default(), &object).await.map(|_| ())
        } else {
            delete(&api, &object).await
        };
        // It exists already, or does not, or the server is down: all in a day's work. The audit decides in the end.
        acts += u64::from(result.is_ok());
        pause(&mut dice, Duration::ZERO, temper.pause).await;
    }
    acts
}

/// Deletes a claim as it was when we looked. Without that condition the API server may lose a finalizer that is added
/// while it deletes an object it has just read without one (`Store.Delete` of k8s.io/apiserver decides on what it read,
/// and does not look again when the object has changed): the claim is gone, its address is not, and only the search for
/// orphans finds it, after its delay.
async fn delete(api: &Api<DynamicObject>, object: &DynamicObject) -> kube::Result<()> {
    let name = object.metadata.name.as_deref().unwrap_or_default();
    let seen = api.get(name).await?;
    let condition = Preconditions {
        uid: seen.metadata.uid,
        resource_version: seen.metadata.resource_version,
    };
    let params = DeleteParams {
        preconditions: Some(condition),
        ..DeleteParams::default()
    };
    api.delete(name, &params).await.map(|_| ())
}
