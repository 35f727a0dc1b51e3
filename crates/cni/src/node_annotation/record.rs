//! Where what is remembered of a network is kept: `node-annotation.<network>.json` in the default data directory, for
//! the annotation's own directory is known only to who has read the annotation (docs/decisions/0004).

use std::{
    fs::{self, File},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

use crate::{
    deadline::Deadline,
    file::{Target, read_small},
    plan::{AnnotationRecord, DEFAULT_DATA_DIR},
};

/// Larger than any that is written; one that is larger would not be read.
const SIZE_LIMIT: u64 = 1 << 20;

/// Writing a record takes a moment; whoever holds the lock for longer is stopped or dead slow.
const LOCK_LIMIT: Duration = Duration::from_secs(2);
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// The records of networks in one folder.
#[derive(Clone, Debug)]
pub(super) struct Records {
    folder: PathBuf,
}

impl Records {
    /// Those of this node.
    pub(super) fn new() -> Self {
        Self {
            folder: PathBuf::from(DEFAULT_DATA_DIR),
        }
    }

    /// Where they are.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file of a network.
    pub(super) fn path(&self, network: &str) -> PathBuf {
        self.folder.join(AnnotationRecord::file_name(network))
    }

    /// The record of a network.
    ///
    /// # Errors
    /// Why there is none, as part of a sentence.
    pub(super) fn load(&self, network: &str) -> Result<AnnotationRecord, String> {
        let bytes = read_small(&self.path(network), SIZE_LIMIT).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => "missing".to_owned(),
            _ => error.to_string(),
        })?;
        AnnotationRecord::parse(&bytes).ok_or_else(|| "torn".to_owned())
    }

    /// Replaces the record of a network in one step. Directories that another call has recorded since this one began
    /// stay in it.
    ///
    /// # Errors
    /// It cannot be written; it would be too large to be read.
    pub(super) fn store(&self, network: &str, record: &AnnotationRecord) -> io::Result<()> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(&self.folder)?;
        let _lock = self.lock()?;
        let mut record = record.clone();
        if let Ok(stored) = self.load(network) {
            record.add_directories_of(&stored);
        }
        self.write(network, &record)
    }

    /// Notes in the record that its node could not be read again, unless somebody else has replaced it in between.
    ///
    /// # Errors
    /// As above.
    pub(super) fn note_try(&self, network: &str, record: &AnnotationRecord, now: u64) -> io::Result<()> {
        let _lock = self.lock()?;
        match self.load(network) {
            Ok(mut stored) if stored.reading == record.reading => {
                stored.reading.tried = now;
                self.write(network, &stored)
            }
            _ => Ok(()),
        }
    }

    fn write(&self, network: &str, record: &AnnotationRecord) -> io::Result<()> {
        let bytes = record.to_bytes();
        if bytes.len() as u64 > SIZE_LIMIT {
            let problem = format!(
                "it names {} directories already; remove those that hold nothing from its dataDirs",
                record.data_dirs.len()
            );
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
        }
        let target = Target {
            path: &self.path(network),
            workshop: &self.folder,
            mode: 0o600,
            durable: false,
        };
        target.replace(&bytes)
    }

    /// The lock is on the folder itself; the allocator's are on files in the network directories.
    fn lock(&self) -> io::Result<Option<File>> {
        let folder = File::open(&self.folder)?;
        let deadline = Deadline::after(LOCK_LIMIT);
        loop {
            match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Some(folder)),
                Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK) if deadline.pause(LOCK_PAUSE) => {}
                Err(Errno::WOULDBLOCK) => {
                    return Err(io::Error::new(
                        io::ErrorKind::TimedOut,
                        "another process holds the lock of the folder",
                    ));
                }
                // Some network file systems lock no folders: two calls at once are rare, no record is worse.
                Err(_) => return Ok(None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{io::ErrorKind, thread};

    use super::Records;
    use crate::plan::{AnnotationRecord, Reading};

    fn record(directory: &str) -> AnnotationRecord {
        AnnotationRecord {
            annotation: "a".to_owned(),
            text: "t".to_owned(),
            reading: Reading::default(),
            data_dirs: vec![directory.to_owned()],
        }
    }

    fn records(folder: &tempfile::TempDir) -> Records {
        Records {
            folder: folder.path().join("networks"),
        }
    }

    #[test]
    fn calls_at_once_lose_no_directory() {
        let folder = tempfile::tempdir().unwrap();
        let records = records(&folder);
        thread::scope(|scope| {
            for number in 0..16 {
                let records = &records;
                // Each as a call that began when nothing was recorded.
                scope.spawn(move || records.store("net", &record(&format!("/{number}"))).unwrap());
            }
        });
        assert_eq!(records.load("net").unwrap().data_dirs.len(), 16);
    }

    #[test]
    fn no_directory_is_dropped_silently() {
        let folder = tempfile::tempdir().unwrap();
        let records = records(&folder);
        let mut many = record("/0");
        for number in 1..100 {
            many.add_directory(&format!("/{number}"));
        }
        records.store("net", &many).unwrap();
        assert_eq!(records.load("net").unwrap().data_dirs.len(), 100);
        let error = records
            .store("net", &record(&format!("/{}", "x".repeat(2 << 20))))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FileTooLarge);
        assert_eq!(records.load("net").unwrap().data_dirs.len(), 100);
    }

    #[test]
    fn a_try_in_vain_is_noted_only_in_the_record_it_was_about() {
        let folder = tempfile::tempdir().unwrap();
        let records = records(&folder);
        let old = record("/a");
        assert!(
            records.note_try("net", &old, 5).is_err(),
            "nothing is made for it"
        );
        records.store("net", &old).unwrap();
        records.note_try("net", &old, 5).unwrap();
        assert_eq!(records.load("net").unwrap().reading.tried, 5);
        let mut renewed = record("/b");
        renewed.reading.time = 7;
        records.store("net", &renewed).unwrap();
        records.note_try("net", &old, 9).unwrap();
        assert_eq!(records.load("net").unwrap().reading, renewed.reading);
    }

    #[test]
    fn what_is_not_there_or_torn_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let records = records(&folder);
        assert_eq!(records.load("net"), Err("missing".to_owned()));
        std::fs::create_dir(records.folder()).unwrap();
        std::fs::write(records.path("net"), "{\"text\":").unwrap();
        assert_eq!(records.load("net"), Err("torn".to_owned()));
    }
}
