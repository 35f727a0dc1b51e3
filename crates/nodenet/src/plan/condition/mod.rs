//! How a condition is set (spec §2), and the exact tables of enactments (§4.3) and policies (§6).
//!
//! Columns of `kubectl get` show the first True condition in list order, so the order is part of the behaviour: a list
//! keeps the order of the state that was written first.

pub mod enactment;
pub mod policy;

use api::nmstate::Condition;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// The three values a condition may have. Displays as Kubernetes writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It is so.
    True,
    /// It is not so.
    False,
    /// Nobody knows.
    Unknown,
}

impl Truth {
    /// `True`, `False` or `Unknown`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// What one condition is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Which condition.
    pub type_: &'static str,
    /// Its value.
    pub status: Truth,
    /// One CamelCase word; empty only before anything is known.
    pub reason: &'static str,
    /// A sentence; may be empty.
    pub message: String,
}

/// Puts all of `wanted` into the list and says whether anything but a heartbeat changed.
///
/// If nothing did, the list is left alone: a write for the heartbeat's sake is none (spec §2). Otherwise every wanted
/// condition beats at `now`; `lastTransitionTime` moves only where the status did. New types are appended in the order
/// of `wanted`; conditions of other types stay.
pub fn set(list: &mut Vec<Condition>, wanted: &[Wanted], generation: Option<i64>, now: Timestamp) -> bool {
    if wanted.iter().all(|one| says(list, one, generation)) {
        return false;
    }
    for one in wanted {
        put(list, one, generation, now);
    }
    true
}

fn says(list: &[Condition], wanted: &Wanted, generation: Option<i64>) -> bool {
    Condition::find(list, wanted.type_).is_some_and(|found| {
        found.status == wanted.status.as_str()
            && text(&found.reason) == wanted.reason
            && text(&found.message) == wanted.message
            && found.observed_generation == generation
    })
}

fn text(field: &Option<String>) -> &str {
    field.as_deref().unwrap_or_default()
}

fn put(list: &mut Vec<Condition>, wanted: &Wanted, generation: Option<i64>, now: Timestamp) {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let mut new = Condition {
        type_: wanted.type_.to_owned(),
        status: wanted.status.as_str().to_owned(),
        reason: some(wanted.reason),
        message: some(&wanted.message),
        last_heartbeat_time: Some(Time(now)),
        last_transition_time: Some(Time(now)),
        observed_generation: generation,
    };
    match list.iter_mut().find(|condition| condition.type_ == new.type_) {
        None => list.push(new),
        Some(found) => {
            if found.status == new.status {
                new.last_transition_time = found.last_transition_time.clone();
            }
            *found = new;
        }
    }
}

/// When the status of a condition last changed, if the list has it and says so.
#[must_use]
pub fn since(list: &[Condition], type_: &str) -> Option<Timestamp> {
    let time = Condition::find(list, type_)?.last_transition_time.as_ref()?;
    Some(time.0)
}

#[cfg(test)]
mod tests;
