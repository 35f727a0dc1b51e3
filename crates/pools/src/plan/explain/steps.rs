//! The next step in words.

use super::Step;
use crate::plan::claim::{Next, View, Waits};

pub(super) fn step(view: &View<'_>, next: &Next) -> Step {
    let (step, says) = match next {
        Next::Rest(waits) => ("Rest", rest(view, waits)),
        Next::AddFinalizer => (
            "AddFinalizer",
            "add our finalizer to the claim, then look at its pool".to_owned(),
        ),
        Next::Report(reason, message) => ("Report", format!("set Ready=False, {reason}: {message}")),
        Next::Create => (
            "Create",
            "create the IPAddress that was promised to the claim".to_owned(),
        ),
        Next::Adopt => (
            "Adopt",
            "complete the existing IPAddress: owners, label, finalizer".to_owned(),
        ),
        Next::Bind => (
            "Bind",
            "write status.addressRef and Ready=True to the claim".to_owned(),
        ),
        Next::ConfirmClusterAbsent => (
            "ConfirmClusterAbsent",
            "ask once more whether the cluster is really gone, then release".to_owned(),
        ),
        Next::ConfirmPoolAbsent => (
            "ConfirmPoolAbsent",
            "ask once more whether the pool is really gone, then release".to_owned(),
        ),
        Next::Release => (
            "Release",
            "remove our finalizer from the IPAddress and delete it".to_owned(),
        ),
        Next::RemoveFinalizer => (
            "RemoveFinalizer",
            "remove our finalizer from the claim, which ends it".to_owned(),
        ),
    };
    Step {
        step,
        says,
        is_due: is_due(next),
    }
}

/// A report that stands in the condition already is repeated in full: its message is the point.
fn rest(view: &View<'_>, waits: &Waits) -> String {
    let message = view
        .claim
        .ready
        .as_ref()
        .and_then(|ready| ready.message.as_deref())
        .filter(|m| !m.is_empty());
    match (waits, message) {
        (Waits::Reported(reason), Some(message)) => format!("waits: {reason}: {message}"),
        (Waits::Queue, _) if view.promise.is_some() => "create the address that is promised to it".to_owned(),
        _ => waits.to_string(),
    }
}

/// Whether a controller that runs would do something now.
pub(crate) fn is_due(next: &Next) -> bool {
    matches!(next, Next::Rest(Waits::Queue)) || !matches!(next, Next::Rest(_))
}
