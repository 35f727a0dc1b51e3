//! The two loops: observe, plan, act.

mod lifecycle;
mod node;

use std::sync::Arc;
use std::time::Duration;

use runtime::answer::chain;
use tokio::time::Instant;

use crate::act::{self, Error};
use crate::observe::Seen;
use crate::plan::labels;
use crate::world::{NodeName, Turn, World};

pub use lifecycle::monitor;
pub use node::{Look, Memory, look};

/// After a conflict: the watch shows what happened soon.
const STALE_PAUSE: Duration = Duration::from_millis(200);

/// Takes Nodes from the queue until it closes.
pub async fn work(world: Arc<World>) {
    while let Some(name) = world.queue.next().await {
        turn(&world, &name).await;
        world.rearm(&name);
        world.queue.done(&name);
    }
}

/// One turn of a Node.
pub async fn turn(world: &World, name: &NodeName) {
    let outcome = match world.turn(name) {
        Turn::Rest => return,
        Turn::Labels(seen) => follow_labels(world, &seen).await,
        Turn::Full(seen) => node::reconcile(world, &seen).await,
    };
    match outcome {
        Ok(()) => world.queue.forget(name),
        Err(Error::NotLeading) => {}
        Err(Error::Stale) => world.due(name, Instant::now() + STALE_PAUSE),
        Err(error) => {
            let is_first = world.queue.failures(name) == 0;
            if error.is_news() && is_first {
                tracing::warn!(node = &**name, error = chain(&error), "trying again");
            } else {
                tracing::debug!(node = &**name, error = chain(&error), "trying again");
            }
            let pause = world.queue.retry(name.clone());
            world.due(name, Instant::now() + pause);
        }
    }
}

/// The beta label is the master copy, on every event and without asking a source (§6.3).
async fn follow_labels(world: &World, seen: &Arc<Seen>) -> Result<(), Error> {
    act::labels(world, seen, &labels::reconcile(&seen.facts))
        .await
        .map(|_| ())
}
