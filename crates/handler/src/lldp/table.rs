//! Who is at the other end of which interface, and for how long that is still true. Pure: time is an argument.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::facts::{Facts, InterfaceFacts};
use super::frame::{Frame, Key, Mac, Neighbour};

/// Neighbours remembered per interface. Behind a port is one switch, behind a hub a handful; more is an attack on our
/// memory and on the size of the report.
pub const MOST_NEIGHBOURS: usize = 32;

/// What one frame did to the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The facts are other ones now.
    Changed,
    /// The same facts hold for longer.
    Refreshed,
    /// Nothing is noted: the frame came from an interface of this host.
    Own,
    /// Nothing is noted: nobody listens on that interface, or a sender we do not know says goodbye.
    Unknown,
    /// Nothing is noted: the interface has [`MOST_NEIGHBOURS`] already.
    Full,
}

/// All neighbours of a host.
#[derive(Debug, Default)]
pub struct Table {
    interfaces: BTreeMap<String, Interface>,
    own: BTreeSet<Mac>,
}

#[derive(Debug)]
struct Interface {
    neighbours: BTreeMap<Key, Entry>,
    unchanged_since: Instant,
}

#[derive(Debug)]
struct Entry {
    neighbour: Neighbour,
    expires: Instant,
}

impl Table {
    /// Makes the table cover these interfaces: what is new begins empty and unsettled, what is gone is forgotten with
    /// its neighbours. Frames from `own` addresses do not count from now on. True when the facts are other ones now.
    pub fn cover<'a>(
        &mut self,
        interfaces: impl IntoIterator<Item = &'a str>,
        own: BTreeSet<Mac>,
        now: Instant,
    ) -> bool {
        let wanted: BTreeSet<&str> = interfaces.into_iter().collect();
        let before = self.interfaces.len();
        self.interfaces.retain(|name, _| wanted.contains(name.as_str()));
        let mut changed = self.interfaces.len() != before;
        for name in wanted {
            if !self.interfaces.contains_key(name) {
                changed = true;
                self.interfaces.insert(name.to_owned(), Interface::empty(now));
            }
        }
        self.own = own;
        changed
    }

    /// Notes a frame that came in on `interface`.
    pub fn heard(&mut self, interface: &str, frame: Frame, now: Instant) -> Heard {
        if self.own.contains(&frame.source) {
            return Heard::Own;
        }
        match self.interfaces.get_mut(interface) {
            Some(interface) => interface.heard(frame, now),
            None => Heard::Unknown,
        }
    }

    /// Drops what is not true any more at `now`. True when something was dropped.
    pub fn expire(&mut self, now: Instant) -> bool {
        let mut changed = false;
        for interface in self.interfaces.values_mut() {
            changed |= interface.expire(now);
        }
        changed
    }

    /// When [`Table::expire`] has something to do next. Cost: O(neighbours).
    #[must_use]
    pub fn next_expiry(&self) -> Option<Instant> {
        let entries = self
            .interfaces
            .values()
            .flat_map(|interface| interface.neighbours.values());
        entries.map(|entry| entry.expires).min()
    }

    /// What is known now, neighbours in the order of their chassis and port.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let facts = self
            .interfaces
            .iter()
            .map(|(name, interface)| (name.clone(), interface.facts()));
        Facts::from_iter(facts)
    }
}

impl Interface {
    fn empty(now: Instant) -> Self {
        Self {
            neighbours: BTreeMap::new(),
            unchanged_since: now,
        }
    }

    fn heard(&mut self, frame: Frame, now: Instant) -> Heard {
        let key = frame.neighbour.key();
        let heard = self.note(key, frame, now);
        if heard == Heard::Changed {
            self.unchanged_since = now;
        }
        heard
    }

    fn note(&mut self, key: Key, frame: Frame, now: Instant) -> Heard {
        if frame.ttl == 0 {
            return match self.neighbours.remove(&key) {
                Some(_) => Heard::Changed,
                None => Heard::Unknown,
            };
        }
        let entry = Entry {
            neighbour: frame.neighbour,
            expires: now + Duration::from_secs(frame.ttl.into()),
        };
        if let Some(known) = self.neighbours.get_mut(&key) {
            let same = known.neighbour == entry.neighbour;
            *known = entry;
            return if same { Heard::Refreshed } else { Heard::Changed };
        }
        if self.neighbours.len() >= MOST_NEIGHBOURS {
            return Heard::Full;
        }
        self.neighbours.insert(key, entry);
        Heard::Changed
    }

    fn expire(&mut self, now: Instant) -> bool {
        let before = self.neighbours.len();
        self.neighbours.retain(|_, entry| entry.expires > now);
        let changed = self.neighbours.len() != before;
        if changed {
            self.unchanged_since = now;
        }
        changed
    }

    fn facts(&self) -> InterfaceFacts {
        InterfaceFacts {
            unchanged_since: self.unchanged_since,
            neighbours: self
                .neighbours
                .values()
                .map(|entry| entry.neighbour.clone())
                .collect(),
        }
    }
}
