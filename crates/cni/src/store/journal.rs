//! Text files beside the reservations, one line per event; the last line about an address counts.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::net::IpAddr;
use std::os::fd::BorrowedFd;

use rustix::fs::{OFlags, openat, renameat};

use super::files;

/// Longest journal that is read, in bytes; compaction keeps it far below.
const MAX_BYTES: u64 = 64 << 20;

/// A journal grows to this size, in bytes, before lines without meaning are dropped.
const COMPACT_ABOVE: u64 = 1 << 20;

/// Appends lines in one piece; `keep` says whether an address still matters when the journal has grown long.
///
/// Failures are silent: what a journal serves is never needed for an answer to be right.
pub(super) fn append(dir: BorrowedFd<'_>, name: &str, lines: &str, keep: impl Fn(IpAddr, &str) -> bool) {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let Ok(file) = openat(dir, name, flags, files::owner_only()) else {
        return;
    };
    let mut file = File::from(file);
    if file.write_all(lines.as_bytes()).is_err() {
        return;
    }
    if file.metadata().is_ok_and(|found| found.len() > COMPACT_ABOVE) {
        compact(dir, name, keep);
    }
}

/// The last entry of every address: what stands behind the address and a blank. Lines that are none are skipped, as
/// a writer that died leaves half of one.
pub(super) fn read(dir: BorrowedFd<'_>, name: &str) -> HashMap<IpAddr, String> {
    let bytes = files::read_own(dir, name, MAX_BYTES).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines = text
        .split_inclusive('\n')
        .filter_map(|line| line.strip_suffix('\n'));
    let entry = |line: &str| {
        let (address, rest) = line.split_once(' ')?;
        Some((addr::parse_address(address).ok()?, rest.to_owned()))
    };
    lines.filter_map(entry).collect()
}

fn compact(dir: BorrowedFd<'_>, name: &str, keep: impl Fn(IpAddr, &str) -> bool) {
    let mut text = String::new();
    for (address, rest) in read(dir, name) {
        if keep(address, &rest) {
            text.push_str(&format!("{address} {rest}\n"));
        }
    }
    let new = format!("{name}.new");
    if files::replace(dir, &new, text.as_bytes()).is_ok() {
        // The long journal stays when this fails.
        let _ = renameat(dir, &new, dir, name);
    }
}
