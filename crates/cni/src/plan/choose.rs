use std::net::IpAddr;

use addr::{AddrRange, AddrSet};

use super::{Range, RangeSet};

/// The next address of a set (spec §4.4): round robin, starting after `last`, or at the first address when there is
/// no last one in the set. `None` when all are taken.
///
/// Cost: O(r log n) for r ranges, n taken ranges and the few addresses that are never handed out; a /64 costs the
/// same as a /24.
#[must_use]
pub fn choose(set: &RangeSet, taken: &AddrSet, last: Option<IpAddr>) -> Option<IpAddr> {
    walk(set, last)
        .into_iter()
        .find_map(|(range, part)| first_free(range, part, taken))
}

/// All addresses of the set as parts of its ranges, in the order in which they are tried.
fn walk(set: &RangeSet, last: Option<IpAddr>) -> Vec<(&Range, AddrRange)> {
    let start = last.and_then(|last| {
        let at = set
            .ranges
            .iter()
            .position(|range| range.addresses.contains(last))?;
        Some((last, at))
    });
    let whole = |range: &'_ Range| range.addresses;
    let Some((last, at)) = start else {
        return set.ranges.iter().map(|range| (range, whole(range))).collect();
    };
    let (before, from) = set.ranges.split_at(at);
    let Some((current, behind)) = from.split_first() else {
        return Vec::new();
    };
    let (up_to, after) = split_after(current.addresses, last);
    let mut parts = Vec::with_capacity(set.ranges.len() + 1);
    parts.extend(after.map(|part| (current, part)));
    parts.extend(behind.iter().chain(before).map(|range| (range, whole(range))));
    parts.extend(up_to.map(|part| (current, part)));
    parts
}

/// The lowest address of `part` that is free and may be handed out.
fn first_free(range: &Range, part: AddrRange, taken: &AddrSet) -> Option<IpAddr> {
    let mut part = part;
    loop {
        let free = taken.next_gap_at_or_after(part.first())?;
        if !part.contains(free) {
            return None;
        }
        if range.gateway != Some(free) && !range.excluded.contains(free) {
            return Some(free);
        }
        // Skip the gateway, or all of what is excluded around this address, in one step.
        let skipped = range
            .excluded
            .range_around(free)
            .map_or(free, |around| around.last());
        part = split_after(part, skipped.min(part.last())).1?;
    }
}

/// The addresses up to `address`, and those after it. `address` lies in the range.
fn split_after(range: AddrRange, address: IpAddr) -> (Option<AddrRange>, Option<AddrRange>) {
    let up_to = AddrRange::new(range.first(), address).ok();
    let mut rest = AddrSet::from(range);
    if let Some(up_to) = up_to {
        rest.remove(up_to);
    }
    (up_to, rest.ranges().next())
}
