//! A back end without a network: for tests of what uses one.
//!
//! It keeps a document for the network and behaves as the real ones do (the same contract tests run on it); what it
//! should answer differently is said beforehand. Clones, and what [`Scripted::restarted`] returns, share the network,
//! as two runs of the handler on one node do.

mod merge;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio::time::{self, Instant};

use self::merge::merged;
use super::{
    BackendError, Change, Facts, NetBackend, Plan, Recovery, RolledBack, TakenBack, Touched, Transaction,
    differences, library, masked, touched_part,
};

/// What one attempt should do instead of succeeding.
pub type Failure = Box<dyn FnOnce() -> BackendError + Send>;

/// What was asked of the back end, in order. Queries are counted apart, because there are many.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// [`NetBackend::begin`], also when it failed.
    Begin {
        /// Whose change.
        policy: String,
        /// Its generation.
        generation: i64,
        /// The desired state, secrets masked.
        desired: Value,
    },
    /// [`NetBackend::commit`] of this policy.
    Commit(String),
    /// [`NetBackend::rollback`] of this policy.
    Rollback(String),
    /// [`NetBackend::recover`].
    Recover,
}

/// The back end. See the module.
#[derive(Clone)]
pub struct Scripted {
    world: Arc<Mutex<World>>,
}

impl std::fmt::Debug for Scripted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scripted")
            .field("calls", &self.world().calls)
            .finish_non_exhaustive()
    }
}

struct World {
    network: Value,
    open: Option<Open>,
    /// The one that its time limit took back last; its owner has not heard of it.
    lost: Option<(Transaction, RolledBack)>,
    foreign: bool,
    next: u64,
    query_delay: Duration,
    apply_delay: Duration,
    query_failures: VecDeque<Failure>,
    begin_failures: VecDeque<Failure>,
    commit_failures: VecDeque<Failure>,
    stubborn: Option<Value>,
    queries: u64,
    calls: Vec<Call>,
}

struct Open {
    transaction: Transaction,
    before: Value,
    touched: Touched,
    until: Instant,
}

impl Scripted {
    /// One whose network is this report.
    #[must_use]
    pub fn new(network: Value) -> Self {
        Self {
            world: Arc::new(Mutex::new(World {
                network,
                open: None,
                lost: None,
                foreign: false,
                next: 1,
                query_delay: Duration::ZERO,
                apply_delay: Duration::ZERO,
                query_failures: VecDeque::new(),
                begin_failures: VecDeque::new(),
                commit_failures: VecDeque::new(),
                stubborn: None,
                queries: 0,
                calls: Vec::new(),
            })),
        }
    }

    /// The same network, seen by a new process.
    #[must_use]
    pub fn restarted(&self) -> Self {
        self.clone()
    }

    /// Changes the network behind everybody's back.
    pub fn set_network(&self, network: Value) {
        self.world().network = network;
    }

    /// The network now, with clear secrets.
    #[must_use]
    pub fn network(&self) -> Value {
        self.world().network.clone()
    }

    /// How long every query takes from now on.
    pub fn query_takes(&self, delay: Duration) {
        self.world().query_delay = delay;
    }

    /// How long every apply takes from now on.
    pub fn apply_takes(&self, delay: Duration) {
        self.world().apply_delay = delay;
    }

    /// Makes the next query that is not spoken for fail.
    pub fn fail_query(&self, error: impl FnOnce() -> BackendError + Send + 'static) {
        self.world().query_failures.push_back(Box::new(error));
    }

    /// Makes the next attempt to apply that is not spoken for fail; the network stays as it was.
    pub fn fail_begin(&self, error: impl FnOnce() -> BackendError + Send + 'static) {
        self.world().begin_failures.push_back(Box::new(error));
    }

    /// Makes the next commit that is not spoken for fail; the change stays open until its time limit.
    pub fn fail_commit(&self, error: impl FnOnce() -> BackendError + Send + 'static) {
        self.world().commit_failures.push_back(Box::new(error));
    }

    /// From now on a rollback leaves the network like this.
    pub fn rollback_leaves(&self, network: Value) {
        self.world().stubborn = Some(network);
    }

    /// Opens or closes the checkpoint of another program.
    pub fn set_foreign(&self, open: bool) {
        self.world().foreign = open;
    }

    /// Whether the checkpoint of another program is open.
    #[must_use]
    pub fn foreign(&self) -> bool {
        self.world().foreign
    }

    /// What was asked so far.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.world().calls.clone()
    }

    /// How many queries were asked so far; plans count.
    #[must_use]
    pub fn queries(&self) -> u64 {
        self.world().queries
    }

    /// The shared part, after time limits that have passed did their work.
    fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        if world
            .open
            .as_ref()
            .is_some_and(|open| Instant::now() >= open.until)
        {
            world.take_back_late();
        }
        world
    }

    async fn asked(&self) -> Result<Value, BackendError> {
        let delay = {
            let mut world = self.world();
            world.queries += 1;
            world.query_delay
        };
        pause(delay).await;
        let mut world = self.world();
        match world.query_failures.pop_front() {
            Some(failure) => Err(failure()),
            None => Ok(world.network.clone()),
        }
    }
}

async fn pause(delay: Duration) {
    if !delay.is_zero() {
        time::sleep(delay).await;
    }
}

impl World {
    fn take_back(&mut self, open: &Open) -> RolledBack {
        self.network = self.stubborn.clone().unwrap_or_else(|| open.before.clone());
        let part = |network: &Value| touched_part(network, &open.touched);
        RolledBack {
            differs: differences(&part(&open.before), &part(&self.network)),
            restored_dns: false,
        }
    }

    fn take_back_late(&mut self) {
        if let Some(open) = self.open.take() {
            let outcome = self.take_back(&open);
            self.lost = Some((open.transaction, outcome));
        }
    }

    /// The open change of this transaction, or what became of it.
    fn close(&mut self, transaction: &Transaction) -> Result<Open, BackendError> {
        if let Some(open) = self.open.take_if(|open| open.transaction.id == transaction.id) {
            return Ok(open);
        }
        match self.lost.take_if(|(lost, _)| lost.id == transaction.id) {
            Some((lost, rolled_back)) => Err(BackendError::Lost {
                timeout: Duration::from_secs(lost.timeout_seconds.into()),
                rolled_back,
            }),
            None => Err(BackendError::failed(format!(
                "no change with the checkpoint {} is open; it was committed or taken back before",
                transaction.id
            ))),
        }
    }

    fn must_be_free(&self) -> Result<(), BackendError> {
        let held = self.open.as_ref().map(|open| &open.transaction);
        if let Some(held) = held.or(self.lost.as_ref().map(|(lost, _)| lost)) {
            return Err(BackendError::Busy {
                policy: held.policy.clone(),
            });
        }
        if self.foreign {
            return Err(BackendError::ForeignCheckpoint {
                path: "/foreign/1".to_owned(),
            });
        }
        Ok(())
    }
}

#[async_trait]
impl NetBackend for Scripted {
    async fn facts(&self) -> Facts {
        Facts {
            name: "Scripted",
            version: Some("1".to_owned()),
        }
    }

    async fn query(&self) -> Result<Value, BackendError> {
        self.asked().await.map(|network| masked(&network))
    }

    async fn plan(&self, desired: &Value) -> Result<Plan, BackendError> {
        let current = library::decode(&self.asked().await?)?;
        library::plan(&library::decode(desired)?, &current)
    }

    async fn begin(&self, change: &Change) -> Result<Transaction, BackendError> {
        let delay = {
            let mut world = self.world();
            world.calls.push(Call::Begin {
                policy: change.policy.clone(),
                generation: change.generation,
                desired: masked(&change.desired),
            });
            world.must_be_free()?;
            let current = library::decode(&world.network)?;
            library::plan(&library::decode(&change.desired)?, &current)?;
            world.apply_delay
        };
        pause(delay).await;
        let mut world = self.world();
        if let Some(failure) = world.begin_failures.pop_front() {
            return Err(failure());
        }
        let transaction = Transaction {
            id: format!("/scripted/{}", world.next),
            policy: change.policy.clone(),
            generation: change.generation,
            timeout_seconds: super::whole_seconds(change.timeout),
        };
        world.next += 1;
        let before = world.network.clone();
        world.network = merged(&before, &change.desired);
        world.open = Some(Open {
            before,
            touched: Touched::by(&change.desired),
            until: Instant::now() + Duration::from_secs(transaction.timeout_seconds.into()),
            transaction: transaction.clone(),
        });
        Ok(transaction)
    }

    async fn commit(&self, transaction: &Transaction) -> Result<(), BackendError> {
        let mut world = self.world();
        world.calls.push(Call::Commit(transaction.policy.clone()));
        if let Some(failure) = world.commit_failures.pop_front() {
            return Err(failure());
        }
        world.close(transaction).map(drop)
    }

    async fn rollback(&self, transaction: &Transaction) -> Result<RolledBack, BackendError> {
        let mut world = self.world();
        world.calls.push(Call::Rollback(transaction.policy.clone()));
        match world.close(transaction) {
            Ok(open) => Ok(world.take_back(&open)),
            // The time limit was faster, which comes to the same.
            Err(BackendError::Lost { rolled_back, .. }) => Ok(rolled_back),
            Err(error) => Err(error),
        }
    }

    async fn recover(&self) -> Result<Recovery, BackendError> {
        let mut world = self.world();
        world.calls.push(Call::Recover);
        let (transaction, outcome, by) = if let Some(open) = world.open.take() {
            let outcome = world.take_back(&open);
            (open.transaction, outcome, TakenBack::Now)
        } else if let Some((lost, outcome)) = world.lost.take() {
            (lost, outcome, TakenBack::TimeLimit)
        } else {
            return Ok(Recovery::Nothing);
        };
        Ok(Recovery::RolledBack {
            policy: transaction.policy,
            generation: transaction.generation,
            outcome,
            by,
        })
    }
}
