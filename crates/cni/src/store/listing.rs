use std::ffi::CStr;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::os::fd::{AsFd as _, BorrowedFd};

use addr::AddrSet;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, fstat, openat, statat};
use rustix::io::Errno;

use super::{Store, hash};
use crate::plan::RangeSet;

/// One getdents call takes this much; 65,000 names need forty of them.
const BUFFER: usize = 64 << 10;

/// The names in a network directory that are addresses (spec §4.3); nothing else there concerns us.
#[derive(Debug, Default)]
pub struct Listing {
    /// Regular files under the canonical text of their address.
    pub(super) files: Vec<IpAddr>,
    /// Regular files under another spelling, such as `fd00:0::2`: reservations, but the address is not taken.
    pub(super) odd: Vec<String>,
    /// Anything else under the canonical text: takes the address, is not a reservation.
    pub(super) blocked: Vec<IpAddr>,
    /// Sum of [`hash::entry`] over `files`.
    pub(super) sum: u64,
    /// Modification time of the directory, seconds and nanoseconds.
    pub(super) modified: (i64, u64),
}

impl Listing {
    /// One pass over the directory, names only.
    pub(super) fn read(dir: BorrowedFd<'_>) -> Result<Self, Errno> {
        // A second handle: the pass moves the position of the one it uses.
        let pass = openat(
            dir,
            ".",
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        let mut buffer = Vec::with_capacity(BUFFER);
        let mut entries = RawDir::new(&pass, buffer.spare_capacity_mut());
        let mut listing = Self::default();
        while let Some(entry) = entries.next() {
            let entry = entry?;
            listing.add(dir, entry.file_name(), entry.file_type(), entry.ino());
        }
        listing.modified = modified(pass.as_fd())?;
        Ok(listing)
    }

    fn add(&mut self, dir: BorrowedFd<'_>, name: &CStr, kind: FileType, inode: u64) {
        let Some((text, address)) = address(name) else {
            return;
        };
        let canonical = is_canonical(text, address);
        let kind = if kind == FileType::Unknown {
            file_type(dir, name)
        } else {
            kind
        };
        match (kind == FileType::RegularFile, canonical) {
            (true, true) => {
                self.files.push(address);
                self.sum = self.sum.wrapping_add(hash::entry(text.as_bytes(), inode));
            }
            (true, false) => self.odd.push(text.to_owned()),
            (false, true) => self.blocked.push(address),
            (false, false) => {}
        }
    }

    /// Addresses whose name is taken.
    #[must_use]
    pub fn taken(&self) -> AddrSet {
        self.files.iter().chain(&self.blocked).copied().collect()
    }
}

impl Store {
    /// Takes files without a single byte out of a listing, as far as they lie in these sets: they count as free
    /// (spec §4.9). Reads no file, only sizes; stops at the first free address of each set.
    pub fn forget_torn(&self, listing: &mut Listing, sets: &[RangeSet]) {
        for set in sets {
            let offered = |address: &IpAddr| set.ranges.iter().any(|range| range.offers(*address));
            let is_torn = |address: &IpAddr| {
                let stat = statat(self.dir(), address.to_string(), AtFlags::SYMLINK_NOFOLLOW);
                stat.is_ok_and(|stat| stat.st_size == 0)
            };
            let torn = listing
                .files
                .iter()
                .position(|address| offered(address) && is_torn(address));
            if let Some(torn) = torn {
                listing.files.swap_remove(torn);
            }
        }
    }
}

/// Modification time of an open directory.
pub(super) fn modified(dir: BorrowedFd<'_>) -> Result<(i64, u64), Errno> {
    let stat = fstat(dir)?;
    Ok((stat.st_mtime, stat.st_mtime_nsec))
}

/// The address that is a file's name, with the name as text.
fn address(name: &CStr) -> Option<(&str, IpAddr)> {
    let name = name.to_str().ok()?;
    // Most foreign names end here; the longest address has 45 bytes.
    let possible = name.len() <= 45
        && name
            .bytes()
            .all(|c| c.is_ascii_hexdigit() || matches!(c, b'.' | b':'));
    let address = possible.then(|| addr::parse_address(name).ok())??;
    Some((name, address))
}

/// Whether the address is written as we and the reference write it. IPv4 text has one spelling only.
fn is_canonical(text: &str, address: IpAddr) -> bool {
    let IpAddr::V6(v6) = address else {
        return true;
    };
    if v6.to_ipv4_mapped().is_some() {
        return false;
    }
    let mut rest = Comparison(text);
    write!(rest, "{v6}").is_ok() && rest.0.is_empty()
}

/// Compares what is written into it with a text, without making another one.
struct Comparison<'a>(&'a str);

impl std::fmt::Write for Comparison<'_> {
    fn write_str(&mut self, part: &str) -> std::fmt::Result {
        self.0 = self.0.strip_prefix(part).ok_or(std::fmt::Error)?;
        Ok(())
    }
}

/// Some file systems do not tell the kind in the listing.
fn file_type(dir: BorrowedFd<'_>, name: &CStr) -> FileType {
    let stat = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW);
    stat.map_or(FileType::Unknown, |stat| FileType::from_raw_mode(stat.st_mode))
}
