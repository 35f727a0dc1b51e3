//! When addresses were released, for those who do not want them back at once (`cooldown`, spec §11.3).

use std::net::IpAddr;
use std::os::fd::BorrowedFd;

use addr::AddrSet;

use super::{Session, journal};
use crate::clock;

const NAME: &str = "released";

/// Entries older than this are dropped when the journal has grown long, in seconds: a day.
const KEEP: u64 = 24 * 60 * 60;

/// Notes that addresses were released now: where `always`, or once somebody has asked for it. Not everybody who releases
/// addresses knows the configuration: a person does not, nor does a DEL of `node-annotation`.
pub(super) fn note(dir: Option<BorrowedFd<'_>>, addresses: &[IpAddr], always: bool) {
    let Some(dir) = dir.filter(|_| always || !addresses.is_empty()) else {
        return;
    };
    let now = clock::now();
    let lines: String = addresses
        .iter()
        .map(|address| format!("{address} {now}\n"))
        .collect();
    let keep = |_, time: &str| age(time, now).is_some_and(|age| age <= KEEP);
    if always {
        journal::append(dir, NAME, &lines, keep);
    } else {
        journal::append_to_existing(dir, NAME, &lines, keep);
    }
}

impl Session<'_> {
    /// Addresses released less than this many seconds ago. A time in the future counts as now.
    #[must_use]
    pub fn released_within(&self, seconds: u64) -> AddrSet {
        let Some(dir) = self.store.index_dir() else {
            return AddrSet::new();
        };
        let now = clock::now();
        let recent = |time: &str| age(time, now).is_some_and(|age| age < seconds);
        let entries = journal::read(dir, NAME).into_iter();
        entries
            .filter(|(_, time)| recent(time))
            .map(|(address, _)| address)
            .collect()
    }
}

fn age(time: &str, now: u64) -> Option<u64> {
    Some(now.saturating_sub(time.parse().ok()?))
}
