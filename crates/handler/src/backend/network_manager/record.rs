//! The file that knows our open checkpoint when this process does not any more.
//!
//! It is written before nmstate makes the checkpoint, and gets the checkpoint's path as soon as that is seen. So a
//! process that is killed at any moment leaves either no checkpoint, or a record by which ours can be told from those
//! of other programs: by its path, or as the one that came after the record was written, with our time limit.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bus::Checkpoint;
use super::dns::GlobalDns;
use crate::backend::{BackendError, Touched};

/// Name of the file in the folder of the lock.
const FILE: &str = "checkpoint.json";

/// Where the kernel tells one boot from another.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// How far a change has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Stage {
    /// nmstate is at it, or was when the process died.
    Applying,
    /// Applied and waiting for commit or rollback.
    Open,
    /// The checkpoint is about to be dropped, or just was.
    Committing,
}

/// A change under way. Holds no secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    pub(super) policy: String,
    pub(super) generation: i64,
    pub(super) timeout_seconds: u32,
    pub(super) stage: Stage,
    /// Our checkpoint, once known.
    pub(super) path: Option<String>,
    /// Boot clock when this was first written; no checkpoint was there then. Unit: milliseconds, as
    /// [`Checkpoint::created`].
    pub(super) since: i64,
    /// Run of the service the checkpoint belongs to, see [`super::bus::Bus::instance`], and of the kernel.
    pub(super) instance: String,
    /// Global DNS configuration of before.
    pub(super) dns: GlobalDns,
    /// What must be the same after a rollback, see [`crate::backend::touched_part`].
    pub(super) before: Value,
    /// To find that part again.
    pub(super) touched: Touched,
    /// A document that undoes the change, for when the checkpoint is lost with its service.
    pub(super) revert: Value,
    /// How often applying that document has failed.
    #[serde(default)]
    pub(super) failures: u32,
}

impl Record {
    /// Our checkpoint among those that are there.
    pub(super) fn ours<'a>(&self, checkpoints: &'a [Checkpoint]) -> Option<&'a Checkpoint> {
        checkpoints.iter().find(|there| match &self.path {
            Some(path) => there.path == *path,
            None => there.created >= self.since && there.timeout == self.timeout_seconds,
        })
    }
}

/// The boot clock, which checkpoints are dated with. Unit: milliseconds.
pub(super) fn boot_clock() -> i64 {
    let now = clock_gettime(ClockId::Boottime);
    now.tv_sec * 1000 + now.tv_nsec / 1_000_000
}

/// The kernel's name for this boot; empty where it has none, which then never changes.
pub(super) fn boot_id() -> String {
    fs::read_to_string(BOOT_ID)
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}

/// The place of the record. Only root can read it.
#[derive(Clone, Debug)]
pub(super) struct RecordFile {
    folder: PathBuf,
}

impl RecordFile {
    /// In this folder, which is made when needed.
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Reads it. `None`: nothing is under way.
    ///
    /// # Errors
    /// [`BackendError::Record`]; also when it is not what we write.
    pub(super) fn read(&self) -> Result<Option<Record>, BackendError> {
        let text = match fs::read(self.path()) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed(error)),
        };
        let record = serde_json::from_slice(&text).map_err(|error| self.failed(error.into()))?;
        Ok(Some(record))
    }

    /// Writes it whole or not at all, and through to the disk.
    ///
    /// # Errors
    /// [`BackendError::Record`].
    pub(super) fn write(&self, record: &Record) -> Result<(), BackendError> {
        self.replace(record).map_err(|error| self.failed(error))
    }

    /// Removes it: nothing is under way any more.
    ///
    /// # Errors
    /// [`BackendError::Record`].
    pub(super) fn remove(&self) -> Result<(), BackendError> {
        match fs::remove_file(self.path()) {
            Ok(()) => self.sync().map_err(|error| self.failed(error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Takes a file that cannot be read out of the way, for people to look at.
    ///
    /// # Errors
    /// [`BackendError::Record`].
    pub(super) fn put_aside(&self) -> Result<(), BackendError> {
        fs::rename(self.path(), self.path().with_extension("spoilt"))
            .and_then(|()| self.sync())
            .map_err(|error| self.failed(error))
    }

    fn replace(&self, record: &Record) -> io::Result<()> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)?;
        let new = self.path().with_extension("new");
        let mut file = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)?;
        // A leftover may have been made with another mode.
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(&serde_json::to_vec(record)?)?;
        file.sync_all()?;
        fs::rename(&new, self.path())?;
        self.sync()
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }

    fn path(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    fn failed(&self, source: io::Error) -> BackendError {
        BackendError::Record {
            path: self.path(),
            source,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::json;

    pub(in super::super) fn record() -> Record {
        Record {
            policy: "p".to_owned(),
            generation: 1,
            timeout_seconds: 60,
            stage: Stage::Applying,
            path: None,
            since: 1000,
            instance: "a".to_owned(),
            dns: GlobalDns::default(),
            before: json!({}),
            touched: Touched::default(),
            revert: json!({}),
            failures: 0,
        }
    }

    fn checkpoint(path: &str, created: i64, timeout: u32) -> Checkpoint {
        Checkpoint {
            path: path.to_owned(),
            created,
            timeout,
        }
    }

    #[test]
    fn an_unnamed_checkpoint_is_known_by_age_and_limit() {
        let strangers = [checkpoint("/cp/2", 999, 60), checkpoint("/cp/3", 2000, 61)];
        assert_eq!(record().ours(&strangers), None);
        let ours = [checkpoint("/cp/3", 2000, 61), checkpoint("/cp/4", 1000, 60)];
        assert_eq!(record().ours(&ours), Some(&ours[1]));
    }

    #[test]
    fn a_named_checkpoint_is_known_by_name_alone() {
        let named = Record {
            path: Some("/cp/7".to_owned()),
            ..record()
        };
        assert_eq!(named.ours(&[checkpoint("/cp/8", 2000, 60)]), None);
        let there = [checkpoint("/cp/7", 2000, 90)];
        assert_eq!(named.ours(&there), Some(&there[0]));
    }

    #[test]
    fn the_file_is_roots_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let file = RecordFile::new(&folder.path().join("new"));
        assert_eq!(file.read().unwrap(), None);
        file.write(&record()).unwrap();
        assert_eq!(file.read().unwrap(), Some(record()));
        let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(file.path()), 0o600);
        assert_eq!(mode(file.folder.clone()), 0o700);
        file.remove().unwrap();
        file.remove().unwrap();
        assert_eq!(file.read().unwrap(), None);
    }

    #[test]
    fn a_spoilt_file_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = RecordFile::new(folder.path());
        fs::write(file.path(), "{").unwrap();
        let error = file.read().unwrap_err().to_string();
        assert!(error.contains("checkpoint.json"), "{error}");
    }
}
