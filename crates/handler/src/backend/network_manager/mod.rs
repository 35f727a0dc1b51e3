//! NetworkManager, through nmstate, under a checkpoint that is ours.
//!
//! nmstate makes the checkpoint, applies and verifies, and does not tell which checkpoint it made; commit and rollback
//! with nmstate's own calls would take the first one there is, which may be somebody else's (specification §9.2). So
//! we read NetworkManager's list before and while it applies, remember ours in a record that outlives us, and commit
//! and roll back by name.

mod apply;
mod bus;
mod dns;
mod nmstate_calls;
mod record;
mod recover;
mod thread;
mod way_back;

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::Mutex;

use self::bus::Bus;
use self::record::{Record, RecordFile, Stage, boot_id};
use self::thread::NmstateThread;
use super::{
    BackendError, Change, Facts, NetBackend, Plan, Recovery, RolledBack, Transaction, masked_text,
    whole_seconds,
};

/// Name for people.
const NAME: &str = "NetworkManager";

/// A query of a thousand interfaces took 2 s on a busy machine.
const QUERY: Duration = Duration::from_secs(60);

/// nmstate verifies for at most 300 s (SR-IOV), and applies at most twice.
const APPLY: Duration = Duration::from_secs(900);

/// How often to look whether nmstate has made its checkpoint yet.
const LOOK: Duration = Duration::from_millis(20);

/// How long devices may take until they are as before a rollback; NetworkManager restores them in the background.
const SETTLE: Duration = Duration::from_secs(10);

/// First and longest pause between two looks at settling devices.
const SETTLE_PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));

/// The back end for hosts with NetworkManager.
#[derive(Debug)]
pub struct NetworkManager {
    thread: NmstateThread,
    file: RecordFile,
    /// Held by whoever changes the network or the record.
    turn: Mutex<()>,
}

impl NetworkManager {
    /// One that keeps the record of an open change in `folder`, for root only. There must be one per node at a time;
    /// the caller holds the lock.
    ///
    /// # Errors
    /// When the thread for nmstate cannot be started.
    pub fn new(folder: &Path) -> std::io::Result<Self> {
        Ok(Self {
            thread: NmstateThread::start()?,
            file: RecordFile::new(folder),
            turn: Mutex::new(()),
        })
    }

    /// Whether NetworkManager is on the bus and answers.
    pub async fn answers() -> bool {
        let asked = async { Bus::connect().await?.version().await };
        asked.await.is_ok()
    }

    /// The record of this transaction.
    fn open(&self, transaction: &Transaction) -> Result<Record, BackendError> {
        self.file
            .read()?
            .filter(|record| record.path.as_ref() == Some(&transaction.id))
            .ok_or_else(|| {
                BackendError::failed(format!(
                    "no change with the checkpoint {} is open; it was committed or taken back before",
                    transaction.id
                ))
            })
    }

    /// The checkpoint could not be dropped: is it gone, or may it still be?
    async fn not_committed(&self, bus: &Bus, mut record: Record, error: BackendError) -> BackendError {
        let gone = match &record.path {
            Some(path) => matches!(bus.has(path).await, Ok(false)),
            None => false,
        };
        if !gone {
            // Without an answer it may still be dropped; the recovery will see.
            if !matches!(error, BackendError::Unavailable { .. }) {
                record.stage = Stage::Open;
            }
            return self.file.write(&record).err().unwrap_or(error);
        }
        match self.settle(bus, &record).await {
            Ok(rolled_back) => self.forget(BackendError::Lost {
                timeout: Duration::from_secs(record.timeout_seconds.into()),
                rolled_back,
            }),
            Err(failed) => failed,
        }
    }
}

#[async_trait]
impl NetBackend for NetworkManager {
    async fn facts(&self) -> Facts {
        let version = async { Bus::connect().await?.version().await };
        Facts {
            name: NAME,
            version: version.await.ok(),
        }
    }

    async fn query(&self) -> Result<Value, BackendError> {
        self.thread
            .run("reading the network", QUERY, nmstate_calls::query)
            .await
    }

    async fn plan(&self, desired: &Value) -> Result<Plan, BackendError> {
        let desired = desired.clone();
        let (_, plan) = self
            .thread
            .run("planning a change", QUERY, move || {
                nmstate_calls::prepare(desired)
            })
            .await?;
        Ok(plan)
    }

    async fn begin(&self, change: &Change) -> Result<Transaction, BackendError> {
        let _turn = self.turn.lock().await;
        if let Some(open) = self.file.read()? {
            return Err(BackendError::Busy { policy: open.policy });
        }
        let bus = Bus::connect().await?;
        if let Some(other) = bus.checkpoints().await?.into_iter().next() {
            return Err(BackendError::ForeignCheckpoint { path: other.path });
        }
        let timeout_seconds = whole_seconds(change.timeout);
        let mut record = self.prepare(&bus, change, timeout_seconds).await?;
        self.file.write(&record)?;
        if let Err(error) = self.apply(&bus, change, &mut record).await {
            return Err(self.clean_up(&bus, &record, error).await);
        }
        let Some(id) = record.path.clone() else {
            let error =
                BackendError::failed("nmstate applied the change but left no checkpoint to go back to");
            return Err(self.clean_up(&bus, &record, error).await);
        };
        record.stage = Stage::Open;
        self.file.write(&record)?;
        Ok(Transaction {
            id,
            policy: record.policy,
            generation: record.generation,
            timeout_seconds,
        })
    }

    async fn commit(&self, transaction: &Transaction) -> Result<(), BackendError> {
        let _turn = self.turn.lock().await;
        let mut record = self.open(transaction)?;
        let bus = Bus::connect().await?;
        record.stage = Stage::Committing;
        self.file.write(&record)?;
        match bus.destroy(&transaction.id).await {
            Ok(()) => self.file.remove(),
            Err(error) => Err(self.not_committed(&bus, record, error).await),
        }
    }

    async fn rollback(&self, transaction: &Transaction) -> Result<RolledBack, BackendError> {
        let _turn = self.turn.lock().await;
        let record = self.open(transaction)?;
        let bus = Bus::connect().await?;
        let outcome = if instance(&bus).await? == record.instance {
            self.take_back(&bus, &record).await?
        } else {
            self.former_state(&bus, record).await?
        };
        self.file.remove()?;
        Ok(outcome)
    }

    async fn recover(&self) -> Result<Recovery, BackendError> {
        let _turn = self.turn.lock().await;
        // An apply whose caller went away may still run.
        self.thread
            .run("waiting for nmstate", APPLY, || async { Ok(()) })
            .await?;
        let Some(record) = self.record_or_aside()? else {
            return Ok(Recovery::Nothing);
        };
        let bus = Bus::connect().await?;
        self.recover_from(&bus, record).await
    }
}

/// Which run of the kernel and of the service this is.
async fn instance(bus: &Bus) -> Result<String, BackendError> {
    Ok(format!("{}/{}", boot_id(), bus.instance().await?))
}

/// An error of the crate, without the secrets it quotes.
fn quiet(secrets: &Value, error: &nmstate::NmstateError) -> BackendError {
    let message = masked_text(secrets, error.msg());
    nmstate::NmstateError::new(error.kind(), message).into()
}
