//! What is remembered of a network: the annotation, so that a burst of calls asks once; and every directory its
//! addresses may be in, so that they can be released when the annotation and the API server are gone (spec
//! cni-ipam §6.4).
//!
//! The file is `node-annotation.<network>.json` in the default data directory: the annotation's own directory
//! is known only to who has read the annotation.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    process,
};

use serde::{Deserialize, Serialize};

use crate::plan::DEFAULT_DATA_DIR;

/// More directories than any network has had.
const DIRECTORY_LIMIT: usize = 16;

/// Larger than any we write.
const SIZE_LIMIT: u64 = 1 << 20;

/// What is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Record {
    /// Key of the annotation.
    pub(super) annotation: String,
    /// Its value.
    pub(super) text: String,
    /// The node it was read from.
    pub(super) node: String,
    pub(super) uid: String,
    /// When; seconds since 1970.
    pub(super) time: u64,
    /// Data directories, the last one used first.
    pub(super) data_dirs: Vec<String>,
}

impl Record {
    /// The record of a network; `None` when there is none that can be read.
    pub(super) fn load(network: &str) -> Option<Self> {
        let path = path(network);
        let small = fs::metadata(&path).is_ok_and(|file| file.is_file() && file.len() <= SIZE_LIMIT);
        if small {
            serde_json::from_slice(&fs::read(path).ok()?).ok()
        } else {
            None
        }
    }

    /// Replaces the record of a network in one step.
    pub(super) fn store(&self, network: &str) -> io::Result<()> {
        let folder = Path::new(DEFAULT_DATA_DIR);
        fs::DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
        let draft = folder.join(format!(".node-annotation.{network}.json.{}", process::id()));
        let written =
            write(&draft, &serde_json::to_vec(self)?).and_then(|()| fs::rename(&draft, path(network)));
        if written.is_err() {
            // It may not even exist.
            let _ = fs::remove_file(&draft);
        }
        written
    }

    /// Puts a directory first.
    pub(super) fn add_directory(&mut self, directory: &str) {
        self.data_dirs.retain(|one| one != directory);
        self.data_dirs.insert(0, directory.to_owned());
        self.data_dirs.truncate(DIRECTORY_LIMIT);
    }

    /// Whether it is younger than `ttl` seconds at `now`; one from the future is not.
    pub(super) fn is_fresh(&self, ttl: u64, now: u64) -> bool {
        now.checked_sub(self.time).is_some_and(|age| age < ttl)
    }
}

fn path(network: &str) -> PathBuf {
    Path::new(DEFAULT_DATA_DIR).join(format!("node-annotation.{network}.json"))
}

fn write(draft: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(draft)?;
    file.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::{DIRECTORY_LIMIT, Record};

    #[test]
    fn the_directory_used_last_is_first_and_none_is_lost_soon() {
        let mut record = Record::default();
        for directory in ["/a", "/b", "/a"] {
            record.add_directory(directory);
        }
        assert_eq!(record.data_dirs, ["/a", "/b"]);
        for number in 0..100 {
            record.add_directory(&format!("/{number}"));
        }
        assert_eq!(record.data_dirs.len(), DIRECTORY_LIMIT);
    }

    #[test]
    fn age_is_counted_from_the_reading() {
        let record = Record {
            time: 100,
            ..Record::default()
        };
        assert_eq!(
            [109, 110, 99].map(|now| record.is_fresh(10, now)),
            [true, false, false]
        );
    }
}
