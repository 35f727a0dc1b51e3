//! One policy over many nodes: who may go next, who must not go at all, and what the policy says about it (spec §5, §6).
//!
//! [`plan`] is one pure function from what is known of a policy and its nodes to the writes that follow. Slots belong to
//! nodes, not to a counter: a slot is first *recorded* in the policy's status, under its resourceVersion, and only then
//! *granted* by an annotation on the enactment. Two processes that both believe they lead can therefore not hand out
//! more than the limit, and nothing can leak: whoever is gone, finished or no longer selected holds no slot.

mod count;
mod orphan;
mod slots;
mod status;
mod view;

pub use orphan::{Orphan, orphan};
pub use slots::{Abort, Grant, Slots};
pub use view::{EnactmentView, NodeView, Nodes, Settings, Snapshot};

use api::nmstate::PolicyStatus;
use api::nmstate::policy::OnDelete;
use jiff::{SignedDuration, Timestamp};

use crate::names::REVERT_FINALIZER;
use crate::plan::limit::limit;

/// How long the nodes of a deleted policy may take to undo it; dead nodes are not waited for longer (spec §22.1).
pub const REVERT_PATIENCE: SignedDuration = SignedDuration::from_mins(10);

/// What is to be written for one policy. Order: `status` first, for a slot is granted only once it is recorded.
#[must_use]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The new status, if it is to change.
    pub status: Option<PolicyStatus>,
    /// Nodes that may go: their slot is recorded already.
    pub grants: Vec<Grant>,
    /// Enactments whose permission is to be taken away, by name.
    pub revokes: Vec<String>,
    /// Nodes that shall not go: too many others failed.
    pub aborts: Vec<Abort>,
    /// Whether the policy is to keep (`true`) or lose (`false`) the finalizer it is undone by.
    pub finalizer: Option<bool>,
    /// When to look again although nothing was heard.
    pub look_again: Option<Timestamp>,
    /// Something about the policy that its owner should hear.
    pub problem: Option<String>,
}

/// What follows from the snapshot.
pub fn plan(snapshot: &Snapshot<'_>) -> Plan {
    if let Some(deleted) = &snapshot.policy.metadata.deletion_timestamp {
        return leave(snapshot, deleted.0);
    }
    let survey = count::survey(snapshot);
    let limit = limit(
        survey.matching.len(),
        snapshot.policy.spec.max_unavailable.as_ref(),
    );
    let slots = slots::assign(snapshot, &survey, limit.nodes);
    Plan {
        status: status::status(snapshot, &survey, &slots),
        grants: slots.grants,
        revokes: slots.revokes,
        aborts: slots.aborts,
        finalizer: finalizer(snapshot),
        look_again: survey.look_again,
        problem: limit.problem,
    }
}

/// The finalizer follows the spec while the policy lives.
fn finalizer(snapshot: &Snapshot<'_>) -> Option<bool> {
    let wanted = snapshot.policy.spec.on_delete == Some(OnDelete::Revert);
    (api::meta::has_finalizer(&snapshot.policy.metadata, REVERT_FINALIZER) != wanted).then_some(wanted)
}

/// A policy that is being deleted waits for its nodes to undo it: each removes its enactment when it did.
fn leave(snapshot: &Snapshot<'_>, deleted: Timestamp) -> Plan {
    if !api::meta::has_finalizer(&snapshot.policy.metadata, REVERT_FINALIZER) {
        return Plan::default();
    }
    let end = deleted.saturating_add(REVERT_PATIENCE).unwrap_or(Timestamp::MAX);
    let left = snapshot
        .enactments
        .iter()
        .any(|e| snapshot.nodes.contains_key(&e.node));
    if left && snapshot.now < end {
        return Plan {
            look_again: Some(end),
            ..Plan::default()
        };
    }
    Plan {
        finalizer: Some(false),
        ..Plan::default()
    }
}

#[cfg(test)]
mod tests;
