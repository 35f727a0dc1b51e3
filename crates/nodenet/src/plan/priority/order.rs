//! The order of policies on a node, and who waits for whom (spec §17.3).

use std::collections::{BTreeMap, BTreeSet};

/// Priorities a policy may have; absent is 0.
pub const PRIORITIES: std::ops::RangeInclusive<i32> = -1000..=1000;

/// The place of a policy among the others: by priority, then by name. The greater one is the stronger and is applied
/// later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank<'a> {
    /// `spec.priority`.
    pub priority: i32,
    /// Name of the policy.
    pub name: &'a str,
}

/// Why a policy that lists others in `after` may not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// These are not Available on this node yet.
    For(Vec<String>),
    /// These do not exist.
    Unknown(Vec<String>),
    /// The policies wait for each other, in this order.
    Cycle(Vec<String>),
}

impl std::fmt::Display for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::For(names) => write!(f, "waiting for {} to be available on this node", names.join(", ")),
            Self::Unknown(names) => {
                write!(
                    f,
                    "waiting for {}, which does not exist; create it or take it out of spec.after",
                    names.join(", ")
                )
            }
            Self::Cycle(names) => write!(
                f,
                "policies wait for each other: {}; take one out of spec.after",
                names.join(" after ")
            ),
        }
    }
}

/// `spec.after` of all policies by name.
pub type After<'a> = BTreeMap<&'a str, Vec<&'a str>>;

/// What `policy` waits for; none if it may start. `available` are the policies that are Available on this node.
#[must_use]
pub fn waiting(policy: &str, after: &After<'_>, available: &BTreeSet<&str>) -> Option<Waiting> {
    let listed = after.get(policy).filter(|listed| !listed.is_empty())?;
    if let Some(cycle) = cycle(policy, after) {
        return Some(Waiting::Cycle(cycle));
    }
    let owned = |names: Vec<&&str>| {
        names
            .into_iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    let unknown = owned(listed.iter().filter(|name| !after.contains_key(**name)).collect());
    if !unknown.is_empty() {
        return Some(Waiting::Unknown(unknown));
    }
    let missing = owned(listed.iter().filter(|name| !available.contains(**name)).collect());
    (!missing.is_empty()).then_some(Waiting::For(missing))
}

/// What admission warns of: the same, but that others are not available yet is no news.
#[must_use]
pub fn warning(policy: &str, after: &After<'_>) -> Option<String> {
    match waiting(policy, after, &after.keys().copied().collect()) {
        Some(waiting @ (Waiting::Unknown(_) | Waiting::Cycle(_))) => Some(waiting.to_string()),
        _ => None,
    }
}

/// A way from `policy` back to itself, both ends included.
fn cycle(policy: &str, after: &After<'_>) -> Option<Vec<String>> {
    let mut ways = vec![vec![policy]];
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop() {
        let last = way.last()?;
        for next in after.get(last).into_iter().flatten() {
            let mut longer = way.clone();
            longer.push(next);
            if *next == policy {
                return Some(longer.into_iter().map(str::to_owned).collect());
            }
            if seen.insert(*next) {
                ways.push(longer);
            }
        }
    }
    None
}
