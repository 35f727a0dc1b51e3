//! The record of an open change: everything needed to undo it, written through to the disk before the first step.
//!
//! ```text
//! <folder>/lock              held by whoever changes the network or these files
//! <folder>/open.json         the open change and the way back
//! <folder>/taken-back.json   the time limit undid it; waits to be told
//! <folder>/policies/*.json   what was made final, see `store`
//! ```

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use runtime::clock::BootTime;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::files;
use super::net::Target;
use crate::backend::{BackendError, RolledBack};

/// Format of the files. A handler of another format must not guess what to undo.
const FORMAT: u32 = 1;
/// How often to look whether a lock is free.
const LOOK: Duration = Duration::from_millis(20);

/// How far a change has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Stage {
    /// Steps are being made; the lock is held by whoever makes them.
    Applying,
    /// Applied and waiting for commit or rollback.
    Open,
    /// Final; only the records are to be put in order.
    Committed,
}

/// An open change.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Journal {
    format: u32,
    /// Tells this change from every other one.
    pub(super) id: String,
    pub(super) policy: String,
    pub(super) generation: i64,
    pub(super) timeout_seconds: u32,
    pub(super) stage: Stage,
    /// The kernel's name for the boot it was made in.
    pub(super) boot: String,
    /// On the clock since boot, when it is undone unless committed. Unit: nanoseconds.
    deadline: u64,
    /// The file of the name servers.
    pub(super) resolver: PathBuf,
    /// The way back.
    pub(super) back: Target,
    /// What was wished, to be kept when it becomes final.
    pub(super) desired: Value,
}

impl Journal {
    /// A change that is about to begin.
    pub(super) fn new(
        policy: &str,
        generation: i64,
        timeout_seconds: u32,
        resolver: &Path,
        back: Target,
    ) -> Self {
        let now = BootTime::now();
        Self {
            format: FORMAT,
            id: format!("{}-{}", now.as_nanos(), std::process::id()),
            policy: policy.to_owned(),
            generation,
            timeout_seconds,
            stage: Stage::Applying,
            boot: boot_id(),
            deadline: 0,
            resolver: resolver.to_owned(),
            back,
            desired: Value::Null,
        }
    }

    pub(super) fn deadline(&self) -> BootTime {
        BootTime::from_nanos(self.deadline)
    }

    pub(super) fn set_deadline(&mut self, from_now: Duration) {
        self.deadline = (BootTime::now() + from_now).as_nanos();
    }

    /// Whether the kernel was started again since.
    pub(super) fn is_of_another_boot(&self) -> bool {
        self.boot != boot_id()
    }
}

/// What the time limit did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TakenBackRecord {
    pub(super) id: String,
    pub(super) policy: String,
    pub(super) generation: i64,
    pub(super) timeout_seconds: u32,
    pub(super) differs: Vec<String>,
}

impl TakenBackRecord {
    pub(super) fn of(journal: &Journal, outcome: &RolledBack) -> Self {
        Self {
            id: journal.id.clone(),
            policy: journal.policy.clone(),
            generation: journal.generation,
            timeout_seconds: journal.timeout_seconds,
            differs: outcome.differs.clone(),
        }
    }

    pub(super) fn outcome(&self) -> RolledBack {
        RolledBack {
            differs: self.differs.clone(),
            restored_dns: false,
        }
    }
}

/// The kernel's name for this boot; empty where it has none, which then never changes.
fn boot_id() -> String {
    let text = files::read_text(Path::new("/proc/sys/kernel/random/boot_id"));
    text.ok()
        .flatten()
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}

/// The folder of the records.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

/// The right to change the network and the records, until dropped or until the process dies.
#[derive(Debug)]
pub(super) struct Turn {
    /// The kernel frees the lock when this is closed.
    _lock: File,
}

impl Folder {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    /// The folder that a journal is in.
    pub(super) fn of_journal(journal: &Path) -> Self {
        Self::new(journal.parent().unwrap_or(Path::new(".")))
    }

    /// The file of the open change.
    pub(super) fn journal(&self) -> PathBuf {
        self.path.join("open.json")
    }

    fn taken_back(&self) -> PathBuf {
        self.path.join("taken-back.json")
    }

    /// Waits for the turn; none if it is not free within `patience`.
    ///
    /// # Errors
    /// [`BackendError::Record`].
    pub(super) fn turn(&self, patience: Duration) -> Result<Option<Turn>, BackendError> {
        let path = self.path.join("lock");
        let failed = |source| BackendError::Record {
            path: path.clone(),
            source,
        };
        files::make_folder(&self.path).map_err(failed)?;
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o600);
        let file = options.open(&path).map_err(failed)?;
        let start = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(Turn { _lock: file })),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
                Err(TryLockError::WouldBlock) if start.elapsed() >= patience => return Ok(None),
                Err(TryLockError::WouldBlock) => thread::sleep(LOOK),
            }
        }
    }

    /// The open change, if there is one.
    ///
    /// # Errors
    /// [`BackendError::Record`]; also when it is not what we write.
    pub(super) fn open_change(&self) -> Result<Option<Journal>, BackendError> {
        let journal: Option<Journal> = read(&self.journal())?;
        match journal {
            Some(journal) if journal.format != FORMAT => {
                let words = format!("it has format {}, this handler writes {FORMAT}", journal.format);
                Err(BackendError::Record {
                    path: self.journal(),
                    source: io::Error::new(io::ErrorKind::InvalidData, words),
                })
            }
            other => Ok(other),
        }
    }

    /// What the time limit did and nobody was told yet.
    ///
    /// # Errors
    /// [`BackendError::Record`].
    pub(super) fn untold(&self) -> Result<Option<TakenBackRecord>, BackendError> {
        read(&self.taken_back())
    }

    /// Writes the open change, whole or not at all.
    ///
    /// # Errors
    /// [`BackendError::Record`].
    pub(super) fn write(&self, journal: &Journal) -> Result<(), BackendError> {
        write(&self.journal(), journal)
    }

    /// Writes down what the time limit did.
    ///
    /// # Errors
    /// [`BackendError::Record`].
    pub(super) fn tell(&self, record: &TakenBackRecord) -> Result<(), BackendError> {
        write(&self.taken_back(), record)
    }

    /// Closes the open change.
    ///
    /// # Errors
    /// [`BackendError::Record`].
    pub(super) fn close(&self) -> Result<(), BackendError> {
        remove(&self.journal())
    }

    /// What the time limit did was told.
    ///
    /// # Errors
    /// [`BackendError::Record`].
    pub(super) fn told(&self) -> Result<(), BackendError> {
        remove(&self.taken_back())
    }
}

/// Reads a record.
///
/// # Errors
/// [`BackendError::Record`].
pub(super) fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, BackendError> {
    let failed = |source| BackendError::Record {
        path: path.to_owned(),
        source,
    };
    let Some(text) = files::read(path).map_err(failed)? else {
        return Ok(None);
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|error| failed(error.into()))
}

/// Writes a record for root only, whole or not at all, and through to the disk.
///
/// # Errors
/// [`BackendError::Record`].
pub(super) fn write<T: Serialize>(path: &Path, record: &T) -> Result<(), BackendError> {
    let failed = |source| BackendError::Record {
        path: path.to_owned(),
        source,
    };
    let text = serde_json::to_vec(record).map_err(|error| failed(error.into()))?;
    if let Some(folder) = path.parent() {
        files::make_folder(folder).map_err(failed)?;
    }
    files::replace(path, &text).map_err(failed)
}

/// Removes a record.
///
/// # Errors
/// [`BackendError::Record`].
pub(super) fn remove(path: &Path) -> Result<(), BackendError> {
    files::remove(path).map_err(|source| BackendError::Record {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn journal() -> Journal {
        let mut journal = Journal::new("p", 7, 60, Path::new("/etc/resolv.conf"), Target::default());
        journal.set_deadline(Duration::from_secs(60));
        journal
    }

    #[test]
    fn a_journal_is_for_root_and_reads_as_it_was_written() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(&place.path().join("state"));
        assert!(folder.open_change().unwrap().is_none());
        let journal = journal();
        folder.write(&journal).unwrap();
        assert!(folder.open_change().unwrap() == Some(journal));
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder.journal()), mode(&folder.path)), (0o600, 0o700));
        folder.close().unwrap();
        folder.close().unwrap();
        assert!(folder.open_change().unwrap().is_none());
    }

    #[test]
    fn a_journal_of_another_format_or_broken_is_not_guessed_at() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path());
        let mut other = journal();
        other.format = 2;
        folder.write(&other).unwrap();
        let error = folder.open_change().err().unwrap();
        assert!(error.to_string().contains("open.json"), "{error}");
        std::fs::write(folder.journal(), "{").unwrap();
        assert!(folder.open_change().is_err());
    }

    #[test]
    fn only_one_has_the_turn() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path());
        let turn = folder.turn(Duration::ZERO).unwrap().unwrap();
        assert!(folder.turn(Duration::ZERO).unwrap().is_none());
        drop(turn);
        assert!(folder.turn(Duration::ZERO).unwrap().is_some());
    }
}
