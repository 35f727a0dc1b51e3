//! Single files of a network directory.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::IpAddr;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, fdatasync, fstat, linkat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

use super::hash;
use crate::plan::{parse_ip, trimmed};

/// Longest reservation we look into, in bytes; what is longer belongs to nobody. Linux hands over at most 128 KiB in
/// one variable of the environment (`MAX_ARG_STRLEN`), so no container id is longer.
const MAX_CONTENT: u64 = 256 << 10;

/// What a reservation's file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Trimmed; empty also when there was only white space.
    pub trimmed: Vec<u8>,
    /// Not a single byte: debris of a writer that died (spec §4.3).
    pub torn: bool,
    /// Inode number.
    pub(super) inode: u64,
    /// Hash of inode, time and content: another reservation of the same address has another one, even where inodes
    /// are used again at once.
    pub(super) identity: u64,
}

/// Reads a regular file; `None` when it is not there or is something else.
pub(super) fn read(dir: BorrowedFd<'_>, name: &str) -> io::Result<Option<Contents>> {
    // Without blocking, should it be a FIFO; a directory fails when it is read.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = match openat(dir, name, flags, Mode::empty()) {
        Err(Errno::NOENT | Errno::LOOP) => return Ok(None),
        file => File::from(file?),
    };
    let stat = fstat(&file)?;
    let mut bytes = Vec::with_capacity(256);
    file.take(MAX_CONTENT).read_to_end(&mut bytes)?;
    Ok(Some(Contents {
        trimmed: trimmed(&bytes).to_owned(),
        torn: bytes.is_empty(),
        inode: stat.st_ino,
        identity: hash::identity(
            &bytes,
            [stat.st_ino, stat.st_mtime.cast_unsigned(), stat.st_mtime_nsec],
        ),
    }))
}

/// Creates a reservation in one step and returns its inode; `None` when the name is taken, or was taken away.
///
/// The file gets its content before it gets its name, so a writer that dies leaves nothing. Where the file system
/// cannot do that, it is created and written as the reference does.
pub(super) fn create(dir: BorrowedFd<'_>, name: &str, content: &[u8], sync: bool) -> io::Result<Option<u64>> {
    let unnamed = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = match openat(dir, ".", unnamed, owner_only()) {
        Ok(file) => File::from(file),
        // No such flag here: it reads as an attempt to write to a directory.
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOENT) => {
            return create_named(dir, name, content, sync);
        }
        Err(e) => return Err(e.into()),
    };
    let inode = fill(&file, content, sync)?;
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    match linkat(CWD, path, dir, name, AtFlags::SYMLINK_FOLLOW) {
        Ok(()) => Ok(Some(inode)),
        Err(Errno::EXIST) => Ok(None),
        // No /proc here, or links are not allowed.
        Err(Errno::NOENT | Errno::PERM | Errno::OPNOTSUPP | Errno::XDEV) => {
            create_named(dir, name, content, sync)
        }
        Err(e) => Err(e.into()),
    }
}

pub(super) fn create_named(
    dir: BorrowedFd<'_>,
    name: &str,
    content: &[u8],
    sync: bool,
) -> io::Result<Option<u64>> {
    let exclusive = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let file = match openat(dir, name, exclusive, owner_only()) {
        Err(Errno::EXIST) => return Ok(None),
        file => File::from(file?),
    };
    match fill(&file, content, sync) {
        // Where locks do not hold for others, one of them may have taken the empty file for debris.
        Ok(inode) => Ok(Some(inode).filter(|_| is_still(dir, name, &file))),
        Err(e) => {
            // The error to report is the one above. Half a reservation would be nobody's; what is empty is free.
            let _ = rustix::fs::ftruncate(&file, 0);
            let _ = unlinkat(dir, name, AtFlags::empty());
            Err(e)
        }
    }
}

/// Whether a name still leads to this open file.
fn is_still(dir: BorrowedFd<'_>, name: &str, file: &File) -> bool {
    let there = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).map(|found| (found.st_dev, found.st_ino));
    let own = fstat(file).map(|found| (found.st_dev, found.st_ino));
    there.is_ok() && there == own
}

fn fill(mut file: &File, content: &[u8], sync: bool) -> io::Result<u64> {
    file.write_all(content)?;
    if sync {
        fdatasync(file)?;
    }
    Ok(fstat(file)?.st_ino)
}

/// Removes a file; one that is gone already is fine.
pub(super) fn remove(dir: BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
    match unlinkat(dir, name, AtFlags::empty()) {
        Err(Errno::NOENT) => Ok(()),
        done => done,
    }
}

/// The address in `last_reserved_ip.<number>`. Its whole content must be one: a newline makes it none (spec §4.4).
pub(super) fn last_reserved(dir: BorrowedFd<'_>, number: usize) -> Option<IpAddr> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file: OwnedFd = openat(dir, last_name(number), flags, Mode::empty()).ok()?;
    let mut text = String::new();
    File::from(file).take(64).read_to_string(&mut text).ok()?;
    parse_ip(&text)
}

/// Replaces `last_reserved_ip.<number>` in one step.
///
/// A text of the same length is written over the old one: a single small write is never seen in halves, and ext4
/// would start writing to the disk for a file that is replaced by a rename. Otherwise by way of `beside`, for a
/// temporary name in the network directory itself would be read by the reference.
pub(super) fn set_last_reserved(
    dir: BorrowedFd<'_>,
    beside: Option<BorrowedFd<'_>>,
    number: usize,
    address: IpAddr,
) -> io::Result<()> {
    let (name, text) = (last_name(number), address.to_string());
    if overwrite(dir, &name, text.as_bytes()) {
        return Ok(());
    }
    if let Some(beside) = beside
        && replace(beside, &name, text.as_bytes()).is_ok()
        && renameat(beside, &name, dir, &name).is_ok()
    {
        return Ok(());
    }
    // Another file system, or nothing beside: in place, as the reference does.
    replace(dir, &name, text.as_bytes())
}

/// Writes over a file of the same length; `false` when there is none, and nothing is changed.
fn overwrite(dir: BorrowedFd<'_>, name: &str, content: &[u8]) -> bool {
    let flags = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let Ok(file) = openat(dir, name, flags, Mode::empty()) else {
        return false;
    };
    let same =
        fstat(&file).is_ok_and(|found| u64::try_from(found.st_size).ok() == Some(content.len() as u64));
    same && rustix::io::pwrite(&file, content, 0) == Ok(content.len())
}

fn last_name(number: usize) -> String {
    format!("last_reserved_ip.{number}")
}

/// Writes a whole file in place.
pub(super) fn replace(dir: BorrowedFd<'_>, name: &str, content: &[u8]) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let mut file = File::from(openat(dir, name, flags, owner_only())?);
    file.write_all(content)
}

/// Reads a whole file of ours, up to a limit; `None` when there is none or it cannot be read.
pub(super) fn read_own(dir: BorrowedFd<'_>, name: &str, limit: u64) -> Option<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = File::from(openat(dir, name, flags, Mode::empty()).ok()?);
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Makes the names of a directory durable.
pub(super) fn sync_names(dir: BorrowedFd<'_>) -> Result<(), Errno> {
    rustix::fs::fsync(dir.as_fd())
}

pub(super) fn owner_only() -> Mode {
    Mode::RUSR | Mode::WUSR
}
