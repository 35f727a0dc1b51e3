//! When addresses were released, for those who do not want them back at once (`cooldown`, spec §11.3).

use std::net::IpAddr;

use addr::AddrSet;

use super::{Session, boot, journal};

const NAME: &str = "released";

/// Entries older than this are dropped when the journal has grown long, in seconds: a day.
const KEEP: u64 = 24 * 60 * 60;

impl Session<'_> {
    /// Notes that addresses were released now.
    pub fn note_released(&self, addresses: impl Iterator<Item = IpAddr>) {
        let Some(dir) = self.store.index_dir() else {
            return;
        };
        let now = boot::now();
        let lines: String = addresses.map(|address| format!("{address} {now}\n")).collect();
        journal::append(dir, NAME, &lines, |_, time| {
            age(time, now).is_some_and(|age| age <= KEEP)
        });
    }

    /// Addresses released less than this many seconds ago. A time in the future counts as now.
    #[must_use]
    pub fn released_within(&self, seconds: u64) -> AddrSet {
        let Some(dir) = self.store.index_dir() else {
            return AddrSet::new();
        };
        let now = boot::now();
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
