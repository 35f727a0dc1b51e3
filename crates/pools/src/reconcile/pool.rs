//! One pool: its finalizer, its waiting claims, its status.

use std::{sync::Arc, time::Duration};

use api::pool::{AddressPoolSpec, Allocation, PrefixPoolSpec};
use jiff::Timestamp;
use runtime::client::{Outcome, outcome};

use super::until;
use crate::{
    act::{self, Error, pool::Answer},
    observe::Spec,
    plan::{
        facts::{PoolFacts, Version},
        index::PoolEntry,
        ledger::Ledger,
        name::PoolName,
        pool::{self, NextForPool},
    },
    world::World,
};

/// Time between two writes that promise addresses, while there is nothing else to do: claims that come one after the
/// other hardly wait.
const BATCH_EVERY: Duration = Duration::from_millis(50);
/// Time between two writes that only bring counts up to date (spec §9), and between any two while the workers are busy
/// with earlier promises: then one write serves all claims that came meanwhile, and nobody waits for it.
const COUNT_EVERY: Duration = Duration::from_millis(250);
/// Promises of one pool whose outcome is not known yet. Bounds the size of the journal (about 30 KiB).
const MAX_OPEN: usize = 256;

/// Brings one pool forward.
///
/// # Errors
/// When a write failed; the caller tries again later.
pub async fn reconcile(world: Arc<World>, name: PoolName) -> Result<(), Error> {
    if name.kind().is_prefix() {
        Pass::<PrefixPoolSpec>::new(world, name).run().await
    } else {
        Pass::<AddressPoolSpec>::new(world, name).run().await
    }
}

/// Asks the API server whether a pool exists.
///
/// # Errors
/// When it did not answer.
pub async fn exists(world: &World, name: &PoolName) -> Result<bool, Error> {
    let answer = if name.kind().is_prefix() {
        act::pool::get::<PrefixPoolSpec>(world, name).await?
    } else {
        act::pool::get::<AddressPoolSpec>(world, name).await?
    };
    Ok(answer.is_some())
}

struct Pass<S> {
    world: Arc<World>,
    name: PoolName,
    spec: std::marker::PhantomData<S>,
}

impl<S: Spec> Pass<S> {
    fn new(world: Arc<World>, name: PoolName) -> Self {
        Self {
            world,
            name,
            spec: std::marker::PhantomData,
        }
    }

    async fn run(&self) -> Result<(), Error> {
        let world = &self.world;
        // In every state of the pool: a promise that has run out keeps a deleted pool from going, too.
        if let Some(time) =
            world.learn_of_pool(&self.name, |index, now, wake| index.sweep(&self.name, now, wake))
        {
            world.pools.add_after(self.name.clone(), until(time));
        }
        let next = world.read(|index| {
            index
                .pool(&self.name)
                .map(|e| (pool::next(e), e.facts().cloned()))
        });
        match next {
            Some((NextForPool::AddFinalizer, Some(facts))) => {
                let answer = act::pool::add_finalizer::<S>(world, &self.name, &facts).await?;
                self.learn(answer);
                self.serve().await
            }
            Some((NextForPool::RemoveFinalizer, Some(facts))) => {
                let answer = act::pool::remove_finalizer::<S>(world, &self.name, &facts).await?;
                tracing::info!(pool = %self.name, "pool is unused and may go");
                self.learn(answer);
                Ok(())
            }
            Some((NextForPool::Serve, _)) => self.serve().await,
            _ => {
                world.note_written(&self.name, false);
                if world.read(|index| index.pool(&self.name).and_then(|p| p.facts()).is_none()) {
                    world.metrics.remove_pool(&self.name);
                }
                Ok(())
            }
        }
    }

    /// Serves waiting claims and brings the status up to date, in one write.
    async fn serve(&self) -> Result<(), Error> {
        let world = &self.world;
        if self.is_stale() {
            world.change(|index, now, wake| index.unrecorded(&self.name, now, wake));
            // A list under way must not be cut short by everybody who waits for it.
            if world.read(|index| index.pool(&self.name).is_some_and(PoolEntry::needs_refresh)) {
                world.refresh.notify_one();
            }
            return Ok(());
        }
        let busy = world.options.claim_workers;
        let is_urgent = world.read(|index| {
            index
                .pool(&self.name)
                .is_some_and(|p| p.waiting() > 0 && p.open() < busy)
        });
        let pause = if is_urgent { BATCH_EVERY } else { COUNT_EVERY };
        if let Some(left) = world
            .since_written(&self.name)
            .and_then(|since| pause.checked_sub(since))
        {
            world.pools.add_after(self.name.clone(), left);
            return Ok(());
        }
        let Some(work) = self.prepare() else { return Ok(()) };
        world.note_written(&self.name, true);
        self.write(work).await
    }

    fn is_stale(&self) -> bool {
        self.world
            .read(|index| index.pool(&self.name).is_some_and(PoolEntry::is_stale))
    }

    /// Promises what is free to those who waited longest, and says what to write.
    fn prepare(&self) -> Option<Work> {
        let world = &self.world;
        let (work, unreported) = world.learn_of_pool(&self.name, |index, now, _| {
            index.promise(&self.name, MAX_OPEN);
            let unreported = index.unreported(&self.name);
            let journal = index.journal(&self.name);
            let work = index.pool(&self.name).and_then(|entry| {
                if let Some(counts) = entry.ledger().map(Ledger::counts) {
                    world.metrics.set_pool(&self.name, counts, entry.waiting());
                }
                let facts = entry.facts()?.clone();
                let status = pool::status(entry, journal.clone(), now)?;
                let in_annotation = entry.journal_in_annotation();
                Some(Work {
                    facts,
                    status,
                    journal,
                    in_annotation,
                    asked: now,
                })
            });
            (work, unreported)
        });
        for claim in unreported {
            world.claims.add(claim);
        }
        work
    }

    async fn write(&self, work: Work) -> Result<(), Error> {
        let world = &self.world;
        let version = &work.facts.version;
        let result = match &work.journal {
            Some(journal) if work.in_annotation => self.write_annotated(version, &work, journal).await,
            _ => act::pool::write_status::<S>(world, &self.name, version, &work.status).await,
        };
        match result {
            Ok((facts, spec)) => {
                let journal = work.journal.as_ref();
                let was_pruned = facts.observed_generation != work.status.observed_generation;
                if was_pruned && !work.in_annotation {
                    tracing::info!(pool = %self.name, "the installed CRD is an older one; the journal goes to an annotation");
                    world.change(|index, _, _| index.status_was_pruned(&self.name));
                }
                if journal.is_some_and(|j| facts.allocation.as_ref() != Some(j)) {
                    self.learn((facts, spec));
                    world.note_written(&self.name, false);
                    world.pools.add(self.name.clone());
                    return Ok(());
                }
                self.announce(&work, &facts);
                self.learn((facts, spec));
                if let Some(journal) = journal {
                    self.serve_promised(journal, work.asked);
                }
                Ok(())
            }
            Err(error) => self.recover(error).await,
        }
    }

    async fn write_annotated(
        &self,
        version: &Version,
        work: &Work,
        journal: &Allocation,
    ) -> Result<Answer, Error> {
        let (facts, _) = act::pool::annotate::<S>(&self.world, &self.name, version, journal).await?;
        let mut status = work.status.clone();
        status.allocation = None;
        act::pool::write_status::<S>(&self.world, &self.name, &facts.version, &status).await
    }

    /// The write failed, or its outcome is unknown: only the pool itself can tell.
    async fn recover(&self, error: Error) -> Result<(), Error> {
        let is_lost = match &error {
            Error::NotLeading | Error::Unsettled => return Err(error),
            Error::Stale(_) => true,
            Error::Api(cause) => outcome(cause) == Outcome::Unknown,
        };
        let asked = Timestamp::now();
        if is_lost && let Some(answer) = act::pool::get::<S>(&self.world, &self.name).await? {
            let journal = answer.0.allocation.clone();
            self.learn(answer);
            let ours = journal.filter(|j| self.world.read(|i| i.settings().holder == j.by.holder));
            if let Some(journal) = ours {
                self.serve_promised(&journal, asked);
            }
        }
        self.world.note_written(&self.name, false);
        Err(error)
    }

    fn serve_promised(&self, journal: &Allocation, asked: Timestamp) {
        for claim in self
            .world
            .change(|index, _, _| index.recorded(&self.name, journal, asked))
        {
            self.world.claims.add(claim);
        }
    }

    fn learn(&self, (facts, spec): Answer) {
        self.world.learn_of_pool(&self.name, |index, now, wake| {
            index.refresh_pool(&self.name, facts, spec, now, wake);
        });
    }

    fn announce(&self, work: &Work, written: &PoolFacts) {
        let (before, Some(after)) = (work.facts.counts, written.counts) else {
            return;
        };
        if pool::ran_full(before, after) {
            self.world.announcer.pool_exhausted(&self.world, &self.name);
        }
        if pool::went_out_of_range(before, after) {
            self.world
                .announcer
                .out_of_range(&self.world, &self.name, after.out_of_range);
        }
    }
}

/// One write, and what it was decided on.
struct Work {
    facts: PoolFacts,
    status: api::pool::PoolStatus,
    journal: Option<Allocation>,
    in_annotation: bool,
    /// When the journal was made up.
    asked: Timestamp,
}
