//! From the wish to an open change.

use std::pin::pin;

use tokio::time;

use super::bus::Bus;
use super::record::{Record, Stage, boot_clock};
use super::{APPLY, LOOK, NetworkManager, QUERY, instance, nmstate_calls};
use crate::backend::{BackendError, Change, Retry, Touched, masked, touched_part};

impl NetworkManager {
    /// Everything that must be known before nmstate may touch anything.
    pub(super) async fn prepare(
        &self,
        bus: &Bus,
        change: &Change,
        timeout_seconds: u32,
    ) -> Result<Record, BackendError> {
        let instance = instance(bus).await?;
        let dns = bus.global_dns().await?;
        let desired = change.desired.clone();
        let (before, plan) = self
            .thread
            .run("reading the network", QUERY, move || {
                nmstate_calls::prepare(desired)
            })
            .await?;
        let touched = Touched::by(&change.desired).and(&plan.diff);
        Ok(Record {
            policy: change.policy.clone(),
            generation: change.generation,
            timeout_seconds,
            stage: Stage::Applying,
            path: None,
            since: boot_clock(),
            instance,
            dns,
            before: touched_part(&masked(&before), &touched),
            touched,
            revert: plan.revert,
            failures: 0,
        })
    }

    /// Lets nmstate apply, and writes down which checkpoint is ours as soon as it shows.
    pub(super) async fn apply(
        &self,
        bus: &Bus,
        change: &Change,
        record: &mut Record,
    ) -> Result<(), BackendError> {
        let (desired, timeout) = (change.desired.clone(), record.timeout_seconds);
        let mut applied = pin!(self.thread.run("applying the desired state", APPLY, move || {
            nmstate_calls::apply_open(desired, timeout)
        }));
        // What goes wrong here must wait: nmstate cannot be stopped half-way.
        let mut trouble = Ok(());
        loop {
            let done = time::timeout(LOOK, &mut applied).await.ok();
            if let Err(error) = self.find(bus, record).await {
                trouble = Err(error);
            }
            if let Some(done) = done {
                return done.and(trouble);
            }
        }
    }

    /// Looks for our checkpoint, once.
    async fn find(&self, bus: &Bus, record: &mut Record) -> Result<(), BackendError> {
        if record.path.is_some() {
            return Ok(());
        }
        // A bus that hangs for a moment must not break off what nmstate does.
        let Ok(checkpoints) = bus.checkpoints().await else {
            return Ok(());
        };
        if let Some(ours) = record.ours(&checkpoints) {
            record.path = Some(ours.path.clone());
            self.file.write(record)?;
        }
        Ok(())
    }

    /// After a failed apply: nmstate has rolled back already, unless it was cut off.
    pub(super) async fn clean_up(&self, bus: &Bus, record: &Record, error: BackendError) -> BackendError {
        if matches!(error, BackendError::ForeignCheckpoint { .. }) {
            return self.conflict(bus).await;
        }
        let begun = record.path.is_some();
        if !begun && error.rolled_back().is_none() && error.retry() != Retry::Later {
            return self.forget(error);
        }
        match self.take_back(bus, record).await {
            Ok(outcome) => self.forget(error.after(outcome)),
            Err(failed) => {
                tracing::error!(error = %failed, "cannot take a failed change back now; its time limit will");
                error
            }
        }
    }

    /// Another program was faster with its checkpoint; nothing was changed.
    async fn conflict(&self, bus: &Bus) -> BackendError {
        let others = bus.checkpoints().await.unwrap_or_default();
        let path = others
            .into_iter()
            .next()
            .map_or_else(|| "unknown".to_owned(), |other| other.path);
        self.forget(BackendError::ForeignCheckpoint { path })
    }

    /// Nothing is open any more. A record that cannot be removed is worse than what happened.
    pub(super) fn forget(&self, error: BackendError) -> BackendError {
        match self.file.remove() {
            Ok(()) => error,
            Err(failed) => failed,
        }
    }
}
