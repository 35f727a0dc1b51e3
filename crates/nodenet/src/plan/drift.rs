//! A node that no longer is as a policy left it (spec §22.18).

use api::nmstate::enactment::DriftItem;
pub use api::nmstate::policy::Drift as DriftMode;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::Value;

use super::document::leaf::leaves;

/// Enforcement happens at most once in this time, so that two programs that undo each other do no harm.
pub const ENFORCE_INTERVAL: SignedDuration = SignedDuration::from_mins(5);

/// What to do about a node as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// For `status.drift` of the enactment: the settings that differ, sorted. No values: they may be secrets.
    pub drifted: Vec<DriftItem>,
    /// Whether to say so in an event: the list is not empty and not what it was.
    pub announce: bool,
    /// What else.
    pub act: Act,
}

/// Whether to apply again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// No.
    Nothing,
    /// Yes, with a slot like any other apply.
    Apply,
    /// Not before this time.
    Wait(Timestamp),
}

/// The settings of a difference, such as nmstate's `gen_diff` of the last applied document and the present state.
#[must_use]
pub fn paths(difference: &Value) -> Vec<String> {
    let named = leaves(difference).into_iter();
    // An entry without `state` reads as up, but the difference does not say so.
    let said = named.filter(|leaf| !leaf.place.is_state() || leaf.place.value(difference).is_some());
    said.map(|leaf| leaf.place.to_string()).collect()
}

/// Decides. `known` is `status.drift` as it stands, `enforced` when the policy was last applied again for this reason.
#[must_use]
pub fn decide(
    mode: DriftMode,
    difference: &Value,
    known: &[DriftItem],
    enforced: Option<Timestamp>,
    now: Timestamp,
) -> Decision {
    let since = |path: &str| {
        known
            .iter()
            .find(|item| item.path == path)
            .map(|item| item.since.clone())
    };
    let found = if mode == DriftMode::Ignore {
        Vec::new()
    } else {
        paths(difference)
    };
    let drifted: Vec<DriftItem> = found
        .into_iter()
        .map(|path| DriftItem {
            since: since(&path).unwrap_or(Time(now)),
            path,
        })
        .collect();
    let announce = !drifted.is_empty() && drifted != known;
    let due = enforced.and_then(|last| last.checked_add(ENFORCE_INTERVAL).ok());
    let act = match (mode, due) {
        (DriftMode::Enforce, _) if drifted.is_empty() => Act::Nothing,
        (DriftMode::Enforce, Some(due)) if due > now => Act::Wait(due),
        (DriftMode::Enforce, _) => Act::Apply,
        (DriftMode::Ignore | DriftMode::Report, _) => Act::Nothing,
    };
    Decision {
        drifted,
        announce,
        act,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    fn difference() -> Value {
        json!({"interfaces": [{"name": "eth1", "type": "ethernet", "mtu": 1400, "802.1x": {"password": "secret"}}]})
    }

    const PATHS: [&str; 2] = ["interfaces.eth1.802.1x.password", "interfaces.eth1.mtu"];

    fn known(since: Timestamp) -> Vec<DriftItem> {
        let item = |path: &str| DriftItem {
            path: path.to_owned(),
            since: Time(since),
        };
        PATHS.map(item).to_vec()
    }

    #[test]
    fn drift_is_ignored_reported_or_enforced() {
        let decided = |mode| decide(mode, &difference(), &[], None, at(1000));
        let decision = |drifted: Vec<DriftItem>, act| Decision {
            announce: !drifted.is_empty(),
            drifted,
            act,
        };
        assert_eq!(decided(DriftMode::Ignore), decision(Vec::new(), Act::Nothing));
        assert_eq!(
            decided(DriftMode::Report),
            decision(known(at(1000)), Act::Nothing)
        );
        assert_eq!(decided(DriftMode::Enforce), decision(known(at(1000)), Act::Apply));
    }

    #[test]
    fn nothing_is_said_twice_and_nothing_is_enforced_too_often() {
        let known = known(at(800));
        let decision = decide(DriftMode::Enforce, &difference(), &known, Some(at(900)), at(1000));
        assert_eq!(
            decision,
            Decision {
                drifted: known.clone(),
                announce: false,
                act: Act::Wait(at(1200))
            }
        );
        let decision = decide(DriftMode::Enforce, &difference(), &known, Some(at(900)), at(1200));
        assert_eq!(decision.act, Act::Apply);
    }

    #[test]
    fn an_empty_difference_is_no_drift() {
        let decision = decide(DriftMode::Enforce, &json!({"interfaces": []}), &[], None, at(0));
        assert_eq!(
            decision,
            Decision {
                drifted: vec![],
                announce: false,
                act: Act::Nothing
            }
        );
    }
}
