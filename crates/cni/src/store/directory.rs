use std::cell::OnceCell;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, openat, statat};
use rustix::io::Errno;

use super::lock::{Lock, MAX_WAIT};
use super::{Listing, Session, filesystem, io_error};
use crate::error::Error;

/// Beside the network directories; their names cannot start with a dot.
const INDEX: &str = ".ipam-index";

/// The directory of one network: `<dataDir>/<network>`.
#[derive(Debug)]
pub struct Store {
    pub(super) path: PathBuf,
    pub(super) dir: OwnedFd,
    /// What we keep besides; `None` when there is none and none can be made, which costs only time.
    pub(super) index_dir: Option<OwnedFd>,
    /// Whether machines may share it; asked when it matters.
    pub(super) shared: OnceCell<bool>,
}

impl Store {
    /// Opens the directory, and makes it with its parents where it is missing. For ADD only (spec §4.3).
    ///
    /// # Errors
    /// Code 999.
    pub fn create(data_dir: &Path, network: &str) -> Result<Self, Error> {
        let path = data_dir.join(network);
        let dir = match open(&path) {
            Err(Errno::NOENT) => make(&path, 0o755).and_then(|()| Ok(open(&path)?)),
            found => found.map_err(io::Error::from),
        };
        let dir = dir.map_err(|e| io_error("open or make the network directory", &path, e))?;
        let index = data_dir.join(INDEX).join(network);
        let index_dir = open(&index).or_else(|_| {
            // Not worth failing for: without it every call reads all files, as the reference does.
            make(&index, 0o700).map_err(|_| Errno::NOENT)?;
            open(&index)
        });
        Ok(Self {
            path,
            dir,
            index_dir: index_dir.ok(),
            shared: OnceCell::new(),
        })
    }

    /// Opens the directory; `None` when it does not exist, and so holds no reservations. Nor can it exist where
    /// something in its path is a file.
    ///
    /// # Errors
    /// Code 999.
    pub fn open(data_dir: &Path, network: &str) -> Result<Option<Self>, Error> {
        let path = data_dir.join(network);
        let dir = match open(&path) {
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::NOTDIR) if is_below_a_file(&path) => return Ok(None),
            found => found.map_err(|e| io_error("open the network directory", &path, e))?,
        };
        Ok(Some(Self {
            path,
            dir,
            index_dir: open(&data_dir.join(INDEX).join(network)).ok(),
            shared: OnceCell::new(),
        }))
    }

    /// Takes the lock and looks at what is reserved.
    ///
    /// # Errors
    /// Code 11 when the lock is held for longer than [`MAX_WAIT`], 999 for I/O errors.
    pub fn session(&self) -> Result<Session<'_>, Error> {
        self.session_within(MAX_WAIT)
    }

    pub(super) fn session_within(&self, wait: Duration) -> Result<Session<'_>, Error> {
        let lock = Lock::acquire(self.dir(), self.index_dir(), &self.path, wait)?;
        Session::begin(self, lock)
    }

    /// The names alone, without the lock: for STATUS, which must not wait.
    ///
    /// # Errors
    /// Code 999.
    pub fn listing(&self) -> Result<Listing, Error> {
        Listing::read(self.dir.as_fd()).map_err(|e| io_error("list", &self.path, e))
    }

    /// Whether other machines may see the same files.
    pub(super) fn is_shared(&self) -> bool {
        *self.shared.get_or_init(|| filesystem::is_shared(self.dir()))
    }

    pub(super) fn dir(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }

    pub(super) fn index_dir(&self) -> Option<BorrowedFd<'_>> {
        self.index_dir.as_ref().map(AsFd::as_fd)
    }
}

fn open(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(CWD, path, flags, Mode::empty())
}

/// Whether nothing can be there, because something on the way is no directory.
fn is_below_a_file(path: &Path) -> bool {
    statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW).is_err_and(|e| e == Errno::NOTDIR)
}

fn make(path: &Path, mode: u32) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(mode).create(path)
}
