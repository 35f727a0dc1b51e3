//! Who holds which address, as an index over the files of a network directory: pure, a value and its bytes.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv6Addr};
use std::ops::Range;

use super::hash::{self, mix};

/// The owner of a file without a single byte.
pub(super) const TORN: u64 = 0;
/// The owner of a file that could not be read. Such an index is not kept.
pub(super) const UNREADABLE: u64 = u64::MAX;

/// Up to this many records are taken out one by one.
const FEW: usize = 8;
/// Bytes of one record: the address (IPv4 as IPv4-mapped), the hash of its file's trimmed content.
const RECORD: usize = 24;
/// Bytes of the header: eight words.
pub(super) const HEADER: usize = 64;
/// First word of the header. Another format needs another one.
const MAGIC: u64 = u64::from_le_bytes(*b"cadIPAM2");

/// What an index was made from: it says something about this state of the directory only (spec §10.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    /// Number of reservations.
    pub(super) count: usize,
    /// Sum over names and inodes.
    pub(super) sum: u64,
    /// Modification time of the directory. Alone it would not do: older kernels move it in steps of milliseconds.
    pub(super) modified: (i64, u64),
    /// Which start of the machine. A power cut may empty a file and leave its name, inode and directory as they were:
    /// every start looks into every file once.
    pub(super) boot: u64,
}

/// Records in no order. Kept as the bytes they are on disk: with 65,000 of them, another form costs more than a look
/// through all of them does.
#[derive(Debug, Default)]
pub(super) struct Index {
    bytes: Vec<u8>,
    sum: u64,
    /// Records that differ from those on disk.
    changed: Range<usize>,
}

impl Index {
    /// The index of these bytes, if it is one of `state`. Everything in it is checked: a power cut leaves any mixture.
    pub(super) fn decode(header: &[u8], records: Vec<u8>, state: State) -> Option<Self> {
        let count = records.len() / RECORD;
        let index = Self {
            sum: records
                .chunks_exact(RECORD)
                .fold(0, |sum, record| sum.wrapping_add(check(record))),
            changed: count..count,
            bytes: records,
        };
        (index.header(state) == header && count == state.count).then_some(index)
    }

    /// Whether a header is of this state, as far as it can be told without the records.
    pub(super) fn is_of(header: &[u8; HEADER], state: State) -> bool {
        let of_state = Self::default().header(state);
        // Magic, count and sum; modification time and boot. The sum of the records is between them.
        header[..24] == of_state[..24] && header[32..56] == of_state[32..56]
    }

    /// The header that makes the records those of `state`.
    pub(super) fn header(&self, state: State) -> [u8; HEADER] {
        let (seconds, nanoseconds) = state.modified;
        let words = [
            MAGIC,
            state.count as u64,
            state.sum,
            self.sum,
            seconds.cast_unsigned(),
            nanoseconds,
            state.boot,
        ];
        let own = words.iter().fold(0, |hash, word| mix(hash ^ word));
        let mut header = [0; HEADER];
        for (place, word) in header.chunks_exact_mut(8).zip(words.iter().chain([&own])) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        header
    }

    /// Bytes of the records of a directory with this many reservations.
    pub(super) const fn size(count: usize) -> usize {
        count * RECORD
    }

    /// The changed bytes with their place among the records; empty when there are none.
    pub(super) fn changes(&self) -> (usize, &[u8]) {
        let to = (self.changed.end * RECORD).min(self.bytes.len());
        let from = (self.changed.start * RECORD).min(to);
        (from, self.bytes.get(from..to).unwrap_or_default())
    }

    /// Every address with its owner.
    pub(super) fn records(&self) -> impl Iterator<Item = (IpAddr, u64)> + '_ {
        self.bytes
            .chunks_exact(RECORD)
            .filter_map(|record| Some((address(record)?, u64::from_le_bytes(*record.last_chunk()?))))
    }

    /// The addresses of an owner.
    pub(super) fn held_by(&self, owner: u64) -> impl Iterator<Item = IpAddr> + '_ {
        let wanted = owner.to_le_bytes();
        self.bytes
            .chunks_exact(RECORD)
            .filter(move |record| record.ends_with(&wanted))
            .filter_map(address)
    }

    pub(super) fn insert(&mut self, address: IpAddr, owner: u64) {
        let record = record(address, owner);
        let place = self.bytes.len() / RECORD;
        self.bytes.extend(record);
        self.sum = self.sum.wrapping_add(check(&record));
        self.touch(place);
    }

    /// Takes records out. Few are patched, many make a new index: either way O(records).
    pub(super) fn remove_all(&mut self, gone: &HashSet<IpAddr>) {
        if gone.len() <= FEW {
            gone.iter().for_each(|address| self.remove(*address));
            return;
        }
        let mut kept = Self::default();
        for (address, owner) in self.records().filter(|(address, _)| !gone.contains(address)) {
            kept.insert(address, owner);
        }
        *self = kept;
    }

    /// Takes the record out and puts the last one in its place.
    pub(super) fn remove(&mut self, address: IpAddr) {
        let key = key(address);
        let found = self
            .bytes
            .chunks_exact(RECORD)
            .position(|record| record.starts_with(&key));
        let Some(place) = found else {
            return;
        };
        let at = place * RECORD..(place + 1) * RECORD;
        if let Some(removed) = self.bytes.get(at.clone()) {
            self.sum = self.sum.wrapping_sub(check(removed));
        }
        let last = self.bytes.len() - RECORD;
        self.bytes.copy_within(last.., at.start);
        self.bytes.truncate(last);
        self.touch(place);
    }

    fn touch(&mut self, place: usize) {
        let start = self.changed.start.min(place);
        self.changed = start..self.changed.end.max(place + 1);
    }
}

fn key(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

fn record(address: IpAddr, owner: u64) -> [u8; RECORD] {
    let mut record = [0; RECORD];
    let (head, tail) = record.split_at_mut(16);
    head.copy_from_slice(&key(address));
    tail.copy_from_slice(&owner.to_le_bytes());
    record
}

fn address(record: &[u8]) -> Option<IpAddr> {
    Some(Ipv6Addr::from(*record.first_chunk::<16>()?).to_canonical())
}

/// A hash of a record; their sum does not depend on the order.
fn check(record: &[u8]) -> u64 {
    let address = record
        .first_chunk()
        .map_or(0, |bytes| u128::from_be_bytes(*bytes));
    let owner = record.last_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    hash::pair(address, owner)
}
