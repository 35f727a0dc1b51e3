//! Who works on Nodes: two pools of workers, one for new Nodes and one for all others, so that neither holds up the other.
//!
//! A worker that waits for a host is no worker for as long: while one host does not answer for ten seconds, its Nodes wait
//! and all others are worked on, however few workers were asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use runtime::queue::WorkQueue;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{BACKOFF, NodeName};
use crate::plan::facts::Region;

/// Most Nodes at one place, by the share of a pool's workers they may occupy there: one of so many.
const SHARE: usize = 4;
/// Most Nodes at one place of a large pool: a source lets four guests and four configurations of a host be asked for at
/// once, more would only wait.
const MOST: usize = 8;

/// Workers, and the Nodes that wait for one.
#[derive(Debug)]
pub struct Pool {
    /// Nodes with something to do.
    pub queue: WorkQueue<NodeName>,
    seats: Arc<Semaphore>,
    places: Arc<Places>,
}

/// Where Nodes wait for an answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A host of a region.
    Host(Region, Arc<str>),
    /// All over the regions: nobody knows yet which machine it is, and many have to be looked at.
    Everywhere,
}

#[derive(Debug)]
struct Places {
    /// Nodes at one place at most.
    room: usize,
    /// Whether waiting for an answer costs the seat even where there is room: a pool this small has none to spare.
    is_small: bool,
    open: Mutex<HashMap<Place, Arc<Semaphore>>>,
}

/// One worker at work.
#[derive(Debug)]
pub struct Seat {
    seats: Arc<Semaphore>,
    places: Arc<Places>,
    held: Option<OwnedSemaphorePermit>,
}

impl Pool {
    /// So many workers, at least one.
    pub(super) fn new(workers: usize) -> Self {
        let workers = workers.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            queue: WorkQueue::new(BACKOFF),
            seats: Arc::new(Semaphore::new(workers)),
            places: Arc::new(Places {
                room: (workers / SHARE).clamp(1, MOST),
                is_small: workers < SHARE,
                open: Mutex::default(),
            }),
        }
    }

    /// Waits for a worker that has nothing to do.
    pub async fn seat(&self) -> Seat {
        Seat {
            seats: self.seats.clone(),
            places: self.places.clone(),
            held: Some(taken(self.seats.clone()).await),
        }
    }
}

impl Places {
    fn of(&self, place: Place) -> Arc<Semaphore> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody is at the others.
        open.retain(|_, room| Arc::strong_count(room) > 1);
        open.entry(place)
            .or_insert_with(|| Arc::new(Semaphore::new(self.room)))
            .clone()
    }
}

impl Seat {
    /// Waits for an answer at a place, and for room there first. Somebody else has the seat meanwhile, if there is none to
    /// spare.
    pub async fn at<T>(&mut self, place: Place, question: impl Future<Output = T>) -> T {
        let room = self.places.of(place);
        let entered = room.clone().try_acquire_owned().ok();
        if entered.is_none() || self.places.is_small {
            self.held = None;
        }
        let entered = match entered {
            Some(entered) => entered,
            None => taken(room).await,
        };
        let answer = question.await;
        drop(entered);
        if self.held.is_none() {
            self.held = Some(taken(self.seats.clone()).await);
        }
        answer
    }
}

async fn taken(semaphore: Arc<Semaphore>) -> OwnedSemaphorePermit {
    semaphore
        .acquire_owned()
        .await
        .expect("these semaphores are never closed")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::future::join_all;
    use tokio::time::{Instant, sleep};

    use super::*;

    fn host(name: &str) -> Place {
        Place::Host("fsn".parse().expect("a region's name"), name.into())
    }

    /// Works on one Node: an answer of a place that takes so long, then a moment of its own.
    async fn work(pool: &Pool, place: Place, answer: Duration) {
        let mut seat = pool.seat().await;
        seat.at(place, sleep(answer)).await;
        sleep(Duration::from_millis(1)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_hangs_leaves_workers_for_the_others_however_few_there_are() {
        for workers in [1, 2, 3, 4, 10, 32] {
            let (pool, start) = (Pool::new(workers), Instant::now());
            let hung = (0..100).map(|_| work(&pool, host("hung"), Duration::from_secs(10)));
            let others = async {
                let others = (0..100).map(|number| {
                    let place = host(&format!("pve-{}", number % 5));
                    work(&pool, place, Duration::from_millis(20))
                });
                join_all(others).await;
                start.elapsed()
            };
            let (_, others) = tokio::join!(join_all(hung), others);
            assert!(others < Duration::from_secs(3), "{workers} workers: {others:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_are_worked_on_than_there_are_workers() {
        let (pool, start) = (Pool::new(2), Instant::now());
        let all = (0..10).map(|_| async {
            let _seat = pool.seat().await;
            sleep(Duration::from_secs(1)).await;
        });
        join_all(all).await;
        assert_eq!(start.elapsed(), Duration::from_secs(5));
    }

    #[tokio::test(start_paused = true)]
    async fn places_that_nobody_is_at_are_forgotten() {
        let pool = Pool::new(32);
        for number in 0..100 {
            work(&pool, host(&number.to_string()), Duration::ZERO).await;
        }
        let open = pool.places.open.lock().expect("nobody panicked").len();
        assert!(open <= 1, "{open}");
    }
}
