//! The queue's state: pure bookkeeping, no waiting.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::hash::Hash;

use tokio::time::Instant;

use super::{Depth, LOW_SHARE};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    Low,
    High,
}

/// What is known of one key. An entry with nothing in it is removed.
#[derive(Debug, Default)]
struct Entry {
    /// Waits in this lane; or, while in flight, is to wait there after `done`.
    wanted: Option<Lane>,
    in_flight: bool,
    /// The one timer that counts; others in the heap are left-overs.
    timer: Option<(Instant, u64)>,
    failures: u32,
}

impl Entry {
    fn is_idle(&self) -> bool {
        self.wanted.is_none() && !self.in_flight && self.timer.is_none() && self.failures == 0
    }
}

/// A timer in the heap, ordered by time; the number makes it unique so that `K` needs no order.
#[derive(Debug)]
struct Timer<K> {
    at: Instant,
    number: u64,
    key: K,
}

impl<K> PartialEq for Timer<K> {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl<K> Eq for Timer<K> {}

impl<K> PartialOrd for Timer<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> Ord for Timer<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

#[derive(Debug)]
pub(super) struct State<K> {
    entries: HashMap<K, Entry>,
    high: VecDeque<K>,
    /// May hold left-overs of keys that moved to the high lane; `wanted` decides.
    low: VecDeque<K>,
    timers: BinaryHeap<Reverse<Timer<K>>>,
    timer_number: u64,
    handed_out: u64,
    depth: Depth,
    closed: bool,
}

impl<K> Default for State<K> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            high: VecDeque::new(),
            low: VecDeque::new(),
            timers: BinaryHeap::new(),
            timer_number: 0,
            handed_out: 0,
            depth: Depth::default(),
            closed: false,
        }
    }
}

impl<K: Clone + Eq + Hash> State<K> {
    /// True when a worker should look.
    pub(super) fn add(&mut self, key: K, lane: Lane) -> bool {
        let entry = self.entries.entry(key.clone()).or_default();
        if entry.timer.take().is_some() {
            self.depth.delayed -= usize::from(entry.wanted.is_none() && !entry.in_flight);
        }
        if entry.wanted >= Some(lane) {
            return false;
        }
        let moved = entry.wanted.replace(lane).is_some();
        if entry.in_flight {
            return false;
        }
        self.depth.ready += usize::from(!moved);
        self.push(key, lane);
        true
    }

    /// True when a worker should look at the timers again.
    pub(super) fn delay(&mut self, key: K, at: Instant) -> bool {
        let entry = self.entries.entry(key.clone()).or_default();
        if entry.wanted.is_some() || entry.timer.is_some_and(|(earlier, _)| earlier <= at) {
            return false;
        }
        self.timer_number += 1;
        let first = entry.timer.replace((at, self.timer_number)).is_none();
        self.depth.delayed += usize::from(first && !entry.in_flight);
        self.timers.push(Reverse(Timer {
            at,
            number: self.timer_number,
            key,
        }));
        self.shrink_timers();
        true
    }

    /// Moves every key whose time has come to the high lane.
    pub(super) fn promote(&mut self, now: Instant) {
        while let Some(Reverse(timer)) = self.timers.peek() {
            let live = self.is_live(timer);
            if live && timer.at > now {
                return;
            }
            if let Some(Reverse(timer)) = self.timers.pop()
                && live
            {
                self.add(timer.key, Lane::High);
            }
        }
    }

    /// When to look again, if nothing else happens.
    pub(super) fn next_timer(&mut self) -> Option<Instant> {
        // `promote` has just removed left-overs from the top.
        self.timers.peek().map(|Reverse(timer)| timer.at)
    }

    /// Hands out the next key.
    pub(super) fn take(&mut self) -> Option<K> {
        let order = if self.handed_out % LOW_SHARE == LOW_SHARE - 1 {
            [Lane::Low, Lane::High]
        } else {
            [Lane::High, Lane::Low]
        };
        let key = order.into_iter().find_map(|lane| self.pop(lane))?;
        let entry = self.entries.get_mut(&key)?;
        entry.wanted = None;
        entry.in_flight = true;
        self.depth.ready -= 1;
        self.depth.in_flight += 1;
        self.handed_out += 1;
        Some(key)
    }

    /// True when the key waits again and a worker should look.
    pub(super) fn done(&mut self, key: &K) -> bool {
        let Some(entry) = self.entries.get_mut(key).filter(|entry| entry.in_flight) else {
            return false;
        };
        entry.in_flight = false;
        self.depth.in_flight -= 1;
        if let Some(lane) = entry.wanted {
            self.depth.ready += 1;
            self.push(key.clone(), lane);
            return true;
        }
        if entry.timer.is_some() {
            self.depth.delayed += 1;
            // A worker may have slept past this key's timer only because the key was in flight.
            return true;
        }
        if entry.is_idle() {
            self.entries.remove(key);
        }
        false
    }

    pub(super) fn fail(&mut self, key: &K) -> u32 {
        let entry = self.entries.entry(key.clone()).or_default();
        entry.failures = entry.failures.saturating_add(1);
        entry.failures
    }

    pub(super) fn forget(&mut self, key: &K) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.failures = 0;
            if entry.is_idle() {
                self.entries.remove(key);
            }
        }
    }

    pub(super) fn failures(&self, key: &K) -> u32 {
        self.entries.get(key).map_or(0, |entry| entry.failures)
    }

    pub(super) fn depth(&self) -> Depth {
        self.depth
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    pub(super) fn closed(&self) -> bool {
        self.closed
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn is_live(&self, timer: &Timer<K>) -> bool {
        let current = self.entries.get(&timer.key).and_then(|entry| entry.timer);
        current.is_some_and(|(_, number)| number == timer.number)
    }

    fn push(&mut self, key: K, lane: Lane) {
        match lane {
            Lane::High => self.high.push_back(key),
            Lane::Low => self.low.push_back(key),
        }
        // Left-overs in the low lane are dropped before they outnumber what is real.
        if self.low.len() > 2 * self.entries.len() + 64 {
            let mut kept = std::collections::HashSet::new();
            let entries = &self.entries;
            self.low
                .retain(|key| is_waiting(entries, key, Lane::Low) && kept.insert(key.clone()));
        }
    }

    fn pop(&mut self, lane: Lane) -> Option<K> {
        loop {
            let key = match lane {
                Lane::High => self.high.pop_front()?,
                Lane::Low => self.low.pop_front()?,
            };
            if is_waiting(&self.entries, &key, lane) {
                return Some(key);
            }
        }
    }

    fn shrink_timers(&mut self) {
        if self.timers.len() > 2 * self.entries.len() + 64 {
            let timers = std::mem::take(&mut self.timers);
            self.timers = timers
                .into_iter()
                .filter(|Reverse(timer)| self.is_live(timer))
                .collect();
        }
    }
}

fn is_waiting<K: Eq + Hash>(entries: &HashMap<K, Entry>, key: &K, lane: Lane) -> bool {
    entries
        .get(key)
        .is_some_and(|entry| entry.wanted == Some(lane) && !entry.in_flight)
}
