//! Text files beside the reservations, one line per event; the last line about an address counts.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::net::IpAddr;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::FileExt as _;

use rustix::fs::{OFlags, openat, renameat};

use super::files;

/// Longest journal that is read, in bytes; compaction keeps it far below.
const MAX_BYTES: u64 = 64 << 20;

/// A journal grows to this size, in bytes, before lines without meaning are dropped; and always to twice what was left
/// the last time: where most of it means something, it is not written anew with every line.
const COMPACT_ABOVE: u64 = 1 << 20;

/// Beginning of the first line of a journal that was compacted; behind it stand the bytes that were left.
const LEFT: &str = "# ";

/// Appends lines in one piece; `keep` says whether an address still matters when the journal has grown long.
///
/// Failures are silent: what a journal serves is never needed for an answer to be right.
pub(super) fn append(dir: BorrowedFd<'_>, name: &str, lines: &str, keep: impl Fn(IpAddr, &str) -> bool) {
    append_with(dir, name, lines, OFlags::CREATE, keep);
}

/// The same where there is a journal; none is begun.
pub(super) fn append_to_existing(
    dir: BorrowedFd<'_>,
    name: &str,
    lines: &str,
    keep: impl Fn(IpAddr, &str) -> bool,
) {
    append_with(dir, name, lines, OFlags::empty(), keep);
}

fn append_with(
    dir: BorrowedFd<'_>,
    name: &str,
    lines: &str,
    create: OFlags,
    keep: impl Fn(IpAddr, &str) -> bool,
) {
    let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let Ok(file) = openat(dir, name, flags | create, files::owner_only()) else {
        return;
    };
    let mut file = File::from(file);
    if file.write_all(lines.as_bytes()).is_err() {
        return;
    }
    let length = file.metadata().map_or(0, |found| found.len());
    if length > COMPACT_ABOVE && length / 2 > left(&file) {
        compact(dir, name, keep);
    }
}

/// Bytes that the last compaction has left; 0 when there was none.
fn left(file: &File) -> u64 {
    let mut beginning = [0; 32];
    let length = file.read_at(&mut beginning, 0).unwrap_or(0);
    let text = std::str::from_utf8(beginning.get(..length).unwrap_or_default());
    let line = text.ok().and_then(|text| text.lines().next());
    line.and_then(|line| line.strip_prefix(LEFT)?.parse().ok())
        .unwrap_or(0)
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
    text.insert_str(0, &format!("{LEFT}{}\n", text.len()));
    let new = format!("{name}.new");
    if files::replace(dir, &new, text.as_bytes()).is_ok() {
        // The long journal stays when this fails.
        let _ = renameat(dir, &new, dir, name);
    }
}
