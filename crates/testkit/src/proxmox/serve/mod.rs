//! End points: sockets, connections, requests.

mod connection;
mod door;
mod exchange;
mod respond;
mod wire;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::fault::Faults;
use super::latency::Latencies;
use super::limits::Limits;
use super::model::Model;
use super::record::Record;
use crate::dice::Dice;

pub(super) use door::{Door, Reach};

/// What the thread of the fake and its owner share. No lock is held while waiting.
pub(super) struct State {
    model: Mutex<Model>,
    faults: Mutex<Faults>,
    latencies: Mutex<Latencies>,
    record: Mutex<Record>,
    dice: Mutex<Dice>,
    workers: Mutex<HashMap<(String, String), Arc<Semaphore>>>,
    /// Whose turn it is to ask the guest agent behind a socket.
    agents: Mutex<HashMap<PathBuf, Arc<Semaphore>>>,
    pub(super) limits: Limits,
}

impl State {
    pub(super) fn new(model: Model, limits: Limits, seed: u64) -> Self {
        Self {
            model: Mutex::new(model),
            faults: Mutex::default(),
            latencies: Mutex::default(),
            record: Mutex::new(Record::new()),
            dice: Mutex::new(Dice::new(seed)),
            workers: Mutex::default(),
            agents: Mutex::default(),
            limits,
        }
    }

    pub(super) fn model(&self) -> MutexGuard<'_, Model> {
        lock(&self.model)
    }

    pub(super) fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.faults)
    }

    pub(super) fn latencies(&self) -> MutexGuard<'_, Latencies> {
        lock(&self.latencies)
    }

    pub(super) fn record(&self) -> MutexGuard<'_, Record> {
        lock(&self.record)
    }

    fn dice(&self) -> MutexGuard<'_, Dice> {
        lock(&self.dice)
    }

    /// The workers of the privileged daemon of a host; `None` when there are any number.
    fn workers(&self, region: &str, host: &str) -> Option<Arc<Semaphore>> {
        let workers = self.limits.workers?;
        let key = (region.to_owned(), host.to_owned());
        let mut all = lock(&self.workers);
        Some(
            all.entry(key)
                .or_insert_with(|| Arc::new(Semaphore::new(workers)))
                .clone(),
        )
    }

    /// The one place before a guest agent: a VM has one channel to its guest.
    fn channel(&self, socket: &Path) -> Arc<Semaphore> {
        let mut all = lock(&self.agents);
        let channel = all.entry(socket.to_owned());
        channel.or_insert_with(|| Arc::new(Semaphore::new(1))).clone()
    }
}

/// A test that panicked while it held a lock has failed already; the others may go on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A door and the socket it begins with.
pub(super) type Opened = (Arc<Door>, std::net::TcpListener);

/// Serves until told to stop; what is open then ends with the runtime.
pub(super) async fn run(
    state: Arc<State>,
    doors: Vec<Opened>,
    tls: Option<TlsAcceptor>,
    stop: CancellationToken,
) {
    let tasks = TaskTracker::new();
    for (door, listener) in doors {
        tasks.spawn(door::serve(
            door,
            listener,
            state.clone(),
            tls.clone(),
            tasks.clone(),
        ));
    }
    stop.cancelled().await;
}
