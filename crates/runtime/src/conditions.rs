//! Status conditions by the rules of the Kubernetes API conventions.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// What a condition is to say. Its transition time is not the caller's to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCondition {
    /// CamelCase, unique in its list, e.g. `Ready`.
    pub type_: String,
    /// `Some(true)` is True, `Some(false)` False, `None` Unknown.
    pub status: Option<bool>,
    /// CamelCase, never empty: the API server refuses a condition without a reason.
    pub reason: String,
    /// For people; may be empty.
    pub message: String,
    /// `metadata.generation` of the object this was decided on.
    pub observed_generation: Option<i64>,
}

/// Puts `new` into the list and says whether anything changed, so that nothing is written when nothing did.
///
/// `lastTransitionTime` moves to `now` only when `status` changes. Conditions of other types and the order of
/// the list stay as they are. Cost: O(length of the list).
pub fn set(conditions: &mut Vec<Condition>, new: NewCondition, now: Timestamp) -> bool {
    let status = match new.status {
        Some(true) => "True",
        Some(false) => "False",
        None => "Unknown",
    };
    let mut wanted = Condition {
        type_: new.type_,
        status: status.to_owned(),
        reason: new.reason,
        message: new.message,
        observed_generation: new.observed_generation,
        last_transition_time: Time(now),
    };
    match conditions
        .iter_mut()
        .find(|condition| condition.type_ == wanted.type_)
    {
        None => {
            conditions.push(wanted);
            true
        }
        Some(current) => {
            if current.status == wanted.status {
                wanted.last_transition_time = current.last_transition_time.clone();
            }
            let changed = *current != wanted;
            *current = wanted;
            changed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(status: bool, reason: &str) -> NewCondition {
        NewCondition {
            type_: "Ready".into(),
            status: Some(status),
            reason: reason.into(),
            message: String::new(),
            observed_generation: Some(1),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_time_moves_only_with_the_status() {
        let mut list = Vec::new();
        assert!(set(&mut list, ready(false, "PoolExhausted"), at(1)));
        assert!(
            !set(&mut list, ready(false, "PoolExhausted"), at(2)),
            "the same again is no change"
        );
        assert!(
            set(&mut list, ready(false, "PoolNotReady"), at(3)),
            "another reason is a change"
        );
        assert_eq!(list[0].last_transition_time.0, at(1));
        assert!(set(&mut list, ready(true, "AddressAllocated"), at(4)));
        assert_eq!(
            (list[0].last_transition_time.0, list[0].status.as_str()),
            (at(4), "True")
        );
        assert!(set(
            &mut list,
            NewCondition {
                observed_generation: Some(2),
                ..ready(true, "AddressAllocated")
            },
            at(5)
        ));
        assert_eq!(list[0].last_transition_time.0, at(4));
    }

    #[test]
    fn other_types_stay_untouched_and_in_place() {
        let mut list = Vec::new();
        set(
            &mut list,
            NewCondition {
                type_: "Paused".into(),
                status: None,
                ..ready(true, "NotPaused")
            },
            at(1),
        );
        set(&mut list, ready(true, "AddressAllocated"), at(2));
        let before = list[0].clone();
        assert!(set(&mut list, ready(false, "PoolNotReady"), at(3)));
        assert_eq!(
            (list.len(), &list[0], list[0].status.as_str()),
            (2, &before, "Unknown")
        );
    }
}
