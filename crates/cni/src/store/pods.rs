//! Which addresses pods had, so that they get them again (`sticky`, spec §11.3).

use std::net::IpAddr;

use super::{Session, journal};
use crate::clock;

const NAME: &str = "pods";

/// Of addresses that nobody holds, entries older than this are dropped when the journal has grown long, in seconds:
/// 30 days. Else a range of IPv6 would never stop growing.
const KEEP: u64 = 30 * 24 * 60 * 60;

impl Session<'_> {
    /// Remembers that a pod has these addresses now. `pod` has no white space.
    pub fn remember_pod(&self, addresses: impl Iterator<Item = IpAddr>, pod: &str) {
        let Some(dir) = self.store.index_dir() else {
            return;
        };
        let now = clock::now();
        let lines: String = addresses
            .map(|address| format!("{address} {now} {pod}\n"))
            .collect();
        journal::append(dir, NAME, &lines, |address, entry| {
            let is_young = entry_of(entry).is_some_and(|(time, _)| now.saturating_sub(time) <= KEEP);
            is_young || self.addresses().contains(&address)
        });
    }

    /// The addresses that a pod was the last one to have, latest first.
    #[must_use]
    pub fn addresses_of_pod(&self, pod: &str) -> Vec<IpAddr> {
        let Some(dir) = self.store.index_dir() else {
            return Vec::new();
        };
        let mut found: Vec<(u64, IpAddr)> = journal::read(dir, NAME)
            .into_iter()
            .filter_map(|(address, entry)| {
                let (time, name) = entry_of(&entry)?;
                (name == pod).then_some((time, address))
            })
            .collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        found.into_iter().map(|(_, address)| address).collect()
    }
}

/// When, and which pod.
fn entry_of(text: &str) -> Option<(u64, &str)> {
    let (time, pod) = text.split_once(' ')?;
    Some((time.parse().ok()?, pod))
}
