//! Observe, plan, act: one worker loop per queue.

pub mod claim;
pub mod orphan;
pub mod pool;

use std::{future::Future, hash::Hash, sync::Arc, time::Duration};

use jiff::Timestamp;
use runtime::queue::WorkQueue;

use crate::{act::Error, world::World};

/// Takes keys from a queue until it closes. An error is retried with backoff; a person reads about it once per row of
/// failures.
pub async fn work<K, F>(
    world: Arc<World>,
    queue: impl Fn(&World) -> &WorkQueue<K>,
    reconcile: impl Fn(Arc<World>, K) -> F,
) where
    K: Clone + Eq + Hash + std::fmt::Debug + std::fmt::Display,
    F: Future<Output = Result<(), Error>>,
{
    while let Some(key) = queue(&world).next().await {
        match reconcile(world.clone(), key.clone()).await {
            Ok(()) => queue(&world).forget(&key),
            Err(error) => {
                if error.is_news() && queue(&world).failures(&key) == 0 {
                    tracing::warn!(%key, error = %chain(&error), "trying again");
                } else {
                    tracing::debug!(%key, error = %chain(&error), "trying again");
                }
                queue(&world).retry(key.clone());
            }
        }
        queue(&world).done(&key);
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |e| e.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// How long until `time`; a little more than nothing when it has passed.
fn until(time: Timestamp) -> Duration {
    let left = time.duration_since(Timestamp::now());
    Duration::try_from(left)
        .unwrap_or_default()
        .max(Duration::from_millis(1))
}
