//! One claim: ask the plan for the next step until it rests.

use std::sync::Arc;

use api::capi::ReadyReason;
use jiff::Timestamp;

use super::until;
use crate::{
    act::{self, Error, address::Released},
    plan::{
        claim::{Confirmed, Next, Waits},
        facts::ClaimFacts,
        index::Settled,
        name::ObjectName,
    },
    world::World,
};

/// More steps than any claim takes in one pass; a plan that wants more goes round in circles and is slowed down.
const MAX_STEPS: usize = 12;

/// Brings one claim forward.
///
/// # Errors
/// When a write or a live read failed; the caller tries again later.
pub async fn reconcile(world: Arc<World>, name: ObjectName) -> Result<(), Error> {
    let mut pass = Pass {
        world,
        name,
        confirmed: Confirmed::default(),
    };
    for _ in 0..MAX_STEPS {
        let Some((next, claim)) = pass.decide() else {
            return Ok(());
        };
        if let Next::Rest(waits) = next {
            pass.rest(&waits);
            return Ok(());
        }
        if pass.step(next, &claim).await? == Flow::WaitForWatch {
            return Ok(());
        }
    }
    tracing::warn!(claim = %pass.name, "claim needs more steps than expected, looking again later");
    pass.world
        .claims
        .add_after(pass.name, std::time::Duration::from_secs(1));
    Ok(())
}

#[derive(PartialEq, Eq)]
enum Flow {
    /// The index knows the outcome: ask for the next step.
    Next,
    /// The outcome shows in a watch, which wakes the claim again.
    WaitForWatch,
}

struct Pass {
    world: Arc<World>,
    name: ObjectName,
    confirmed: Confirmed,
}

impl Pass {
    fn decide(&self) -> Option<(Next, ClaimFacts)> {
        self.world.learn_of_claim(&self.name, |index, now, wake| {
            index.requeue(&self.name, now, wake);
            let next = index.next(&self.name, self.confirmed, now)?;
            Some((next, index.claim(&self.name)?.clone()))
        })
    }

    fn rest(&self, waits: &Waits) {
        if let Waits::Grace(time) | Waits::Doubt(time) | Waits::Backoff(time) = waits {
            self.world.claims.add_after(self.name.clone(), until(*time));
        }
        tracing::debug!(claim = %self.name, %waits, "claim rests");
    }

    async fn step(&mut self, next: Next, claim: &ClaimFacts) -> Result<Flow, Error> {
        let world = &self.world;
        match next {
            Next::Rest(_) => {}
            Next::AddFinalizer => act::claim::add_finalizer(world, claim).await?,
            Next::RemoveFinalizer => act::claim::remove_finalizer(world, claim).await?,
            Next::Report(reason, message) => {
                act::claim::report(world, claim, reason, &message, false).await?;
                world
                    .metrics
                    .failures
                    .get_or_create(&crate::metrics::ReasonLabels {
                        reason: reason.as_str(),
                    })
                    .inc();
                world.announcer.refused(world, &self.name, reason, &message);
                tracing::info!(claim = %self.name, pool = %claim.pool, %reason, message, "claim waits");
            }
            Next::Bind => self.bind(claim).await?,
            Next::Create => return self.create(claim).await,
            Next::Adopt => return self.adopt(claim).await,
            Next::Release => self.release(claim).await?,
            Next::ConfirmClusterAbsent => return self.confirm_cluster(claim).await,
            Next::ConfirmPoolAbsent => return self.confirm_pool(claim).await,
        }
        Ok(Flow::Next)
    }

    async fn bind(&self, claim: &ClaimFacts) -> Result<(), Error> {
        let world = &self.world;
        let was_bound = claim.bound_to.is_some();
        act::claim::report(world, claim, ReadyReason::AddressAllocated, "", true).await?;
        if !was_bound {
            world.metrics.allocations.inc();
            if let Some(seen) = world.read(|index| index.first_seen(&self.name)) {
                world
                    .metrics
                    .allocation_seconds
                    .observe(Timestamp::now().duration_since(seen).as_secs_f64());
            }
            let note = format!("address allocated from {}", claim.pool);
            world.announcer.allocated(world, &self.name, &note);
        }
        tracing::debug!(claim = %self.name, pool = %claim.pool, "claim bound");
        Ok(())
    }

    async fn create(&self, claim: &ClaimFacts) -> Result<Flow, Error> {
        let world = &self.world;
        let Some(granted) = world.change(|index, now, _| index.begin_create(&self.name, now)) else {
            // A promise that cannot be kept goes back, and the claim into the pool's queue.
            world.change(|index, now, wake| index.withdraw(&self.name, now, wake));
            return Ok(Flow::WaitForWatch);
        };
        let outcome = act::address::create(world, claim, &granted).await;
        let is_settled = match &outcome {
            Settled::Created => {
                tracing::info!(
                    claim = %self.name, pool = %claim.pool, address = %granted.address, prefix = granted.prefix,
                    "address created"
                );
                true
            }
            // The refusal is on record: the next step reports it.
            Settled::Refused(_) => true,
            Settled::Exists | Settled::Unknown | Settled::NotExecuted => false,
        };
        world.change(|index, now, wake| index.settle(claim, &outcome, now, wake));
        if is_settled {
            Ok(Flow::Next)
        } else {
            Err(Error::Unsettled)
        }
    }

    async fn adopt(&self, claim: &ClaimFacts) -> Result<Flow, Error> {
        let uids = self.world.read(|index| {
            let address = index.address(&self.name)?.version.uid.clone();
            let pool = index.pool(&claim.pool)?.facts()?.version.uid.clone();
            Some((address, pool))
        });
        if let Some((address, pool)) = uids {
            act::address::adopt(&self.world, claim, &pool, &address).await?;
            tracing::info!(claim = %self.name, pool = %claim.pool, "address adopted");
        }
        Ok(Flow::WaitForWatch)
    }

    async fn release(&mut self, claim: &ClaimFacts) -> Result<(), Error> {
        let world = &self.world;
        let seen = world.read(|index| index.address(&self.name).cloned());
        let released =
            act::address::release(world, &self.name, &claim.pool, claim.name.name(), seen.as_ref()).await?;
        self.confirmed.released = true;
        match released {
            Released::Yes => {
                world.metrics.releases.inc();
                world
                    .announcer
                    .released(world, &self.name, &format!("address released to {}", claim.pool));
                tracing::info!(claim = %self.name, pool = %claim.pool, "address released");
            }
            Released::NotThere => world.change(|index, now, wake| index.not_found(&self.name, now, wake)),
            Released::NotOurs => {}
        }
        Ok(())
    }

    async fn confirm_cluster(&mut self, claim: &ClaimFacts) -> Result<Flow, Error> {
        let Some(cluster) = claim.cluster.as_deref() else {
            return Ok(Flow::Next);
        };
        let live = self
            .world
            .cluster_api(self.name.namespace())
            .get_opt(cluster)
            .await
            .map_err(Error::Api)?;
        self.confirmed.cluster = live.is_none();
        Ok(if live.is_none() {
            Flow::Next
        } else {
            Flow::WaitForWatch
        })
    }

    async fn confirm_pool(&mut self, claim: &ClaimFacts) -> Result<Flow, Error> {
        let live = super::pool::exists(&self.world, &claim.pool).await?;
        self.confirmed.pool = !live;
        Ok(if live { Flow::WaitForWatch } else { Flow::Next })
    }
}
