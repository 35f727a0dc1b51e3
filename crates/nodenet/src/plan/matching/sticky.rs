//! A matched interface stays matched until the policy changes (spec §17.2).

use std::collections::BTreeMap;

pub use api::nmstate::enactment::MatchedInterface;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::select::{Match, Selection};

/// What the policy has now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// All it holds, by name.
    pub kept: Vec<MatchedInterface>,
    /// What it no longer holds, to be treated as `onDelete` says.
    pub released: Vec<MatchedInterface>,
}

/// Adds what matches now to what matched `before`.
///
/// With `again`, because the policy or the annotation `nmstate.io/rematch` changed, what no longer matches is released;
/// not so what only waits for its LLDP facts to settle: silence for half a minute is no answer.
#[must_use]
pub fn hold(before: &[MatchedInterface], selection: &Selection, again: bool, now: Timestamp) -> Held {
    let mut kept: BTreeMap<&str, MatchedInterface> = BTreeMap::new();
    let mut released = Vec::new();
    for old in before {
        let name = old.name.as_str();
        let reason = match selection.matched.get(name) {
            Some(Match { reason, .. }) => reason.clone(),
            None if again && !selection.settling.contains_key(name) => {
                released.push(old.clone());
                continue;
            }
            None => old.reason.clone(),
        };
        kept.insert(
            name,
            MatchedInterface {
                reason,
                ..old.clone()
            },
        );
    }
    for (name, Match { reason, .. }) in &selection.matched {
        kept.entry(name).or_insert_with(|| MatchedInterface {
            name: name.clone(),
            since: Time(now),
            reason: reason.clone(),
        });
    }
    Held {
        kept: kept.into_values().collect(),
        released,
    }
}
