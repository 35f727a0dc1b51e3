use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::BorrowedFd;
use std::os::unix::fs::FileExt as _;

use rustix::fs::{OFlags, openat};

use super::files;
use super::index::{HEADER, Index, State};

/// Its name in the index directory.
const NAME: &str = "owners";

/// The file of an [`Index`]. Written in place and by the holder of the lock only: whatever a writer that dies leaves
/// fails the checks of [`Index::decode`], and the index is made anew.
#[derive(Debug)]
pub(super) struct IndexFile {
    /// `None` where nothing can be written.
    file: Option<File>,
}

impl IndexFile {
    pub(super) fn open(dir: Option<BorrowedFd<'_>>) -> Self {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = dir.and_then(|dir| openat(dir, NAME, flags, files::owner_only()).ok());
        Self {
            file: file.map(File::from),
        }
    }

    /// The index of this state of the directory, if the file holds it.
    pub(super) fn load(&self, state: State) -> Option<Index> {
        let mut file = self.file.as_ref()?;
        let mut header = [0; HEADER];
        file.read_exact(&mut header).ok()?;
        if !Index::is_of(&header, state) {
            return None;
        }
        let mut records = vec![0; Index::size(state.count)];
        file.read_exact(&mut records).ok()?;
        Index::decode(&header, records, state)
    }

    /// Writes what changed. The file does not shrink: what stands behind the last record has no meaning, and is
    /// never more than the largest number of reservations there was.
    pub(super) fn save(&self, index: &Index, state: State) -> io::Result<()> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let (place, changed) = index.changes();
        file.write_all_at(changed, offset(place))?;
        file.write_all_at(&index.header(state), 0)
    }
}

fn offset(place: usize) -> u64 {
    (HEADER + place) as u64
}
