//! What a former process left open.

use std::io;

use serde_json::Value;

use super::bus::Bus;
use super::record::{Record, Stage};
use super::{APPLY, NetworkManager, instance, nmstate_calls};
use crate::backend::{
    BackendError, NetBackend as _, Recovery, RolledBack, TakenBack, differences, touched_part,
};

/// How often to try to bring the former state back before policies are let through again; each try ends in what
/// nmstate left, which is told.
const TRIES: u32 = 3;

impl NetworkManager {
    /// The record, if there is one that can be read. A spoilt one names no checkpoint, and the time limit needs no
    /// help from us, so it is put aside instead of stopping the node for ever.
    pub(super) fn record_or_aside(&self) -> Result<Option<Record>, BackendError> {
        match self.file.read() {
            Err(BackendError::Record { path, source }) if is_spoilt(&source) => {
                tracing::error!(path = %path.display(), error = %source, "put a spoilt record aside");
                self.file.put_aside()?;
                Ok(None)
            }
            read => read,
        }
    }

    /// Finishes a commit that was decided, takes everything else back.
    pub(super) async fn recover_from(&self, bus: &Bus, record: Record) -> Result<Recovery, BackendError> {
        let (policy, generation) = (record.policy.clone(), record.generation);
        let same = instance(bus).await? == record.instance;
        let ours = if same {
            record.ours(&bus.checkpoints().await?).cloned()
        } else {
            None
        };
        if record.stage == Stage::Committing
            && !(same && ours.is_none() && self.is_as_before(&record).await?)
        {
            if let Some(ours) = ours {
                bus.destroy(&ours.path).await?;
            }
            self.file.remove()?;
            return Ok(Recovery::Committed { policy, generation });
        }
        let (outcome, by) = if same {
            let by = if ours.is_some() {
                TakenBack::Now
            } else {
                TakenBack::TimeLimit
            };
            (self.take_back(bus, &record).await?, by)
        } else {
            (self.former_state(bus, record).await?, TakenBack::FormerState)
        };
        self.file.remove()?;
        Ok(Recovery::RolledBack {
            policy,
            generation,
            outcome,
            by,
        })
    }

    /// A checkpoint that is gone while it was to be dropped was either dropped, or its time limit was faster.
    async fn is_as_before(&self, record: &Record) -> Result<bool, BackendError> {
        let now = touched_part(&self.query().await?, &record.touched);
        Ok(differences(&record.before, &now).is_empty())
    }

    /// The checkpoint went with its service, but the profiles it would have taken back are on the disk and were
    /// activated again: applies the document that undoes the change.
    pub(super) async fn former_state(
        &self,
        bus: &Bus,
        mut record: Record,
    ) -> Result<RolledBack, BackendError> {
        if !is_empty(&record.revert)
            && let Err(error) = self.apply_revert(record.revert.clone()).await
        {
            if matches!(
                error,
                BackendError::ForeignCheckpoint { .. } | BackendError::Unavailable { .. }
            ) {
                return Err(error);
            }
            record.failures += 1;
            if record.failures < TRIES {
                self.file.write(&record)?;
                return Err(error);
            }
            tracing::error!(%error, policy = record.policy, "gave up bringing the former state back");
        }
        self.settle(bus, &record).await
    }

    async fn apply_revert(&self, revert: Value) -> Result<(), BackendError> {
        self.thread
            .run("bringing the former state back", APPLY, move || {
                nmstate_calls::apply_for_good(revert)
            })
            .await
    }
}

fn is_spoilt(error: &io::Error) -> bool {
    // What serde_json makes of a wrong or cut text.
    matches!(
        error.kind(),
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput
    )
}

fn is_empty(document: &Value) -> bool {
    crate::backend::Plan {
        diff: document.clone(),
        revert: Value::Null,
    }
    .is_no_op()
}
