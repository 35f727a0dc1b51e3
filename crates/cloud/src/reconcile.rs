//! The two loops: observe, plan, act.

mod lifecycle;
mod node;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use runtime::answer::chain;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::act::{self, Error};
use crate::controller::propagate;
use crate::observe::Seen;
use crate::plan::labels;
use crate::world::{NodeName, Pool, Seat, Turn, World};

pub use lifecycle::monitor;
pub use node::{Look, Memory, look};

/// After a conflict: the watch shows what happened soon.
pub(crate) const STALE_PAUSE: Duration = Duration::from_millis(200);

/// Hands Nodes to the workers of a pool until its queue closes; then finishes what they have begun.
pub async fn work(world: Arc<World>, pool: fn(&World) -> &Pool) {
    let mut turns = JoinSet::new();
    // The Node first: a seat that waited for one would be missing to those who come back to theirs.
    while let Some(name) = meanwhile(&mut turns, pool(&world).queue.next()).await {
        let seat = meanwhile(&mut turns, pool(&world).seat()).await;
        let world = world.clone();
        turns.spawn(async move {
            // What failed comes back by itself.
            let _ = turn(&world, &name, seat).await;
            pool(&world).queue.done(&name);
        });
    }
    while let Some(ended) = turns.join_next().await {
        propagate(ended);
    }
}

/// Waits for something, and for the end of turns: one that panics must not do so unheard.
async fn meanwhile<T>(turns: &mut JoinSet<()>, what: impl Future<Output = T>) -> T {
    let mut what = pin!(what);
    loop {
        tokio::select! {
            Some(ended) = turns.join_next() => propagate(ended),
            found = &mut what => return found,
        }
    }
}

/// One turn of a Node.
///
/// # Errors
/// When something could not be written; it is tried again by itself. A change by somebody else in between is none.
pub async fn turn(world: &World, name: &NodeName, mut seat: Seat) -> Result<(), Error> {
    let (outcome, is_full) = match world.turn(name) {
        Turn::Rest => {
            if !world.knows(name) {
                world.forget_failures(name);
            }
            world.rearm(name);
            return Ok(());
        }
        Turn::Labels(seen) => (follow_labels(world, &seen).await, false),
        Turn::Full(seen) => (node::reconcile(world, &seen, &mut seat).await, true),
    };
    match &outcome {
        Ok(()) => world.forget_failures(name),
        Err(error) => again(world, name, error, is_full),
    }
    world.end(name);
    outcome
}

/// Comes back to a Node after an error.
fn again(world: &World, name: &NodeName, error: &Error, is_full: bool) {
    let queue = &world.pool(name).queue;
    let pause = match error {
        Error::NotLeading => return,
        Error::Stale => STALE_PAUSE,
        Error::Api(_) => {
            let is_first = queue.failures(name) == 0;
            if error.is_news() && is_first {
                tracing::warn!(node = &**name, error = chain(error), "trying again");
            } else {
                tracing::debug!(node = &**name, error = chain(error), "trying again");
            }
            queue.retry(name.clone())
        }
    };
    // Labels are looked at again by themselves; only a full look has to be wanted again.
    match is_full {
        true => world.due(name, Instant::now() + pause),
        false => queue.add_after(name.clone(), pause),
    }
}

/// The beta label is the master copy, on every event and without asking a source (§6.3).
async fn follow_labels(world: &World, seen: &Arc<Seen>) -> Result<(), Error> {
    act::labels(world, seen, &labels::reconcile(&seen.facts))
        .await
        .map(|_| ())
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Node;
    use kube::{Client, Config};

    use super::*;
    use crate::announce::Announcer;
    use crate::metrics::Metrics;
    use crate::names;
    use crate::plan::facts::NodeFacts;
    use crate::plan::settings::Settings;
    use crate::source::{Sources, metrics::Metrics as SourceMetrics};
    use crate::world::{Options, Shared};

    /// A world whose API server does not answer.
    fn world() -> Arc<World> {
        let nowhere = Config::new("http://127.0.0.1:1".parse().expect("a URL"));
        World::new(Shared {
            client: Client::try_from(nowhere).expect("a client"),
            sources: Sources::default(),
            settings: Settings::default(),
            options: Options::default(),
            metrics: Metrics::default(),
            source_metrics: SourceMetrics::default(),
            announcer: Announcer::default(),
            holds: Arc::new(|| true),
            wall: jiff::Timestamp::now,
        })
    }

    #[tokio::test(start_paused = true)]
    async fn labels_that_could_not_be_written_are_no_reason_for_a_full_look() {
        let (world, name) = (world(), NodeName::from("n1"));
        let mut facts = NodeFacts::read(&Node::default());
        (facts.name, facts.uid, facts.resource_version) = ("n1".into(), "u".into(), "7".into());
        facts.labels.insert(names::BETA_ZONE.into(), "a".into());
        world.observe(Seen {
            facts,
            has_labels: true,
            has_annotations: true,
        });
        assert!(matches!(world.turn(&name), Turn::Full(_)), "the first look");
        world.end(&name);
        assert!(matches!(world.turn(&name), Turn::Labels(_)));
        world.end(&name);

        let seat = world.residents.seat().await;
        let outcome = turn(&world, &name, seat).await;
        assert!(matches!(outcome, Err(Error::Api(_))), "{outcome:?}");
        assert_eq!(world.residents.queue.failures(&name), 1, "nobody answered");
        tokio::time::advance(Duration::from_hours(1)).await;
        assert!(
            matches!(world.turn(&name), Turn::Labels(_)),
            "again, and no more than that"
        );
    }
}
