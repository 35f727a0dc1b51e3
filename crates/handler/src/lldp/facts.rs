//! What the rest of the handler sees of LLDP: a snapshot, whether it has settled, and its place in the report.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::frame::Neighbour;

/// Unchanged for this long is settled, unless a policy says otherwise: one interval of 30 s, as switches send by
/// default, plus 5 s.
pub const SETTLE: Duration = Duration::from_secs(35);

/// The neighbours of every interface listened on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts(BTreeMap<String, InterfaceFacts>);

/// The neighbours of one interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceFacts {
    /// When they last became other ones; for an interface that heard nothing yet, when listening began.
    pub unchanged_since: Instant,
    /// In the order of chassis and port.
    pub neighbours: Vec<Neighbour>,
}

impl FromIterator<(String, InterfaceFacts)> for Facts {
    fn from_iter<I: IntoIterator<Item = (String, InterfaceFacts)>>(facts: I) -> Self {
        Self(facts.into_iter().collect())
    }
}

impl Facts {
    /// What one interface hears. `None` when nobody listens there.
    #[must_use]
    pub fn of(&self, interface: &str) -> Option<&InterfaceFacts> {
        self.0.get(interface)
    }

    /// The neighbours of one interface, none when nobody listens there.
    #[must_use]
    pub fn neighbours(&self, interface: &str) -> &[Neighbour] {
        self.of(interface)
            .map_or(&[], |facts| facts.neighbours.as_slice())
    }

    /// All interfaces listened on, in order of their names.
    pub fn interfaces(&self) -> impl Iterator<Item = (&str, &InterfaceFacts)> {
        self.0.iter().map(|(name, facts)| (name.as_str(), facts))
    }

    /// True when the neighbours of `interface` have been the same for `settle` (spec §17.2). One that nobody listens
    /// on has nothing to wait for.
    #[must_use]
    pub fn settled(&self, interface: &str, settle: Duration, now: Instant) -> bool {
        self.of(interface)
            .is_none_or(|facts| facts.settles_at(settle) <= now)
    }

    /// When the next of the interfaces that have not settled at `now` will have, if nothing happens until then.
    #[must_use]
    pub fn next_settled(&self, settle: Duration, now: Instant) -> Option<Instant> {
        let times = self.0.values().map(|facts| facts.settles_at(settle));
        times.filter(|&time| time > now).min()
    }

    /// Writes the neighbours into a state in nmstate's schema, under `interfaces[].lldp.neighbors`.
    ///
    /// `lldp.enabled` stays as the back end reported it (a property of NetworkManager's profile, not of our
    /// listening); where it reported none, `false` is written because nmstate requires the key. Neighbours the back
    /// end found itself are replaced: ours know more.
    pub fn write_into(&self, state: &mut Value) {
        let interfaces = state.get_mut("interfaces").and_then(Value::as_array_mut);
        for interface in interfaces.into_iter().flatten().filter_map(Value::as_object_mut) {
            let neighbours = interface
                .get("name")
                .and_then(Value::as_str)
                .map_or(&[][..], |name| self.neighbours(name));
            if !neighbours.is_empty() {
                write_interface(interface, neighbours);
            }
        }
    }
}

fn write_interface(interface: &mut Map<String, Value>, neighbours: &[Neighbour]) {
    let enabled = interface
        .get("lldp")
        .and_then(|lldp| lldp.get("enabled"))
        .and_then(Value::as_bool)
        .unwrap_or(false);
    let neighbours: Vec<Value> = neighbours.iter().map(Neighbour::to_json).collect();
    interface.insert(
        "lldp".to_owned(),
        json!({"enabled": enabled, "neighbors": neighbours}),
    );
}

impl InterfaceFacts {
    /// How long they have been the same at `now`.
    #[must_use]
    pub fn unchanged_for(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.unchanged_since)
    }

    /// When they count as settled, if nothing changes until then.
    #[must_use]
    pub fn settles_at(&self, settle: Duration) -> Instant {
        self.unchanged_since + settle
    }
}
