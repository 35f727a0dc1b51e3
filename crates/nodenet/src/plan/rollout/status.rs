//! What the policy says (spec §6).

use api::nmstate::PolicyStatus;
use api::nmstate::policy::PolicyConflict;

use super::count::Survey;
use super::slots::Slots;
use super::view::Snapshot;
use crate::plan::condition::policy::{PolicyState, decide};

/// Longer lists of conflicts help nobody.
const MAX_CONFLICTS: usize = 100;

/// The status that is to be written; `None` if it says all of it already.
pub(super) fn status(snapshot: &Snapshot<'_>, survey: &Survey<'_>, slots: &Slots) -> Option<PolicyStatus> {
    let generation = snapshot.policy.generation();
    let old = snapshot.policy.status.clone().unwrap_or_default();
    let mut new = old.clone();
    let state = if old.conditions.is_empty() && survey.counts.matching > 0 {
        PolicyState::Unknown
    } else {
        decide(&survey.counts, snapshot.settings.degraded_while_retrying)
    };
    state.write(&mut new.conditions, generation, snapshot.now);
    new.slots.clone_from(&slots.list);
    new.unavailable_node_count_map = slots
        .held
        .iter()
        .map(|(generation, count)| (generation.to_string(), i64::try_from(*count).unwrap_or(i64::MAX)))
        .collect();
    new.summary = Some(survey.counts.summary());
    new.conflicts = conflicts(survey, generation);
    new.observed_generation = Some(generation);
    (new != old).then_some(new)
}

fn conflicts(survey: &Survey<'_>, generation: i64) -> Vec<PolicyConflict> {
    let mut all: Vec<PolicyConflict> = survey
        .enactments
        .iter()
        .filter(|(_, enactment)| enactment.generation == generation)
        .flat_map(|(node, enactment)| {
            enactment.conflicts.iter().map(|conflict| PolicyConflict {
                path: conflict.path.clone(),
                node: (*node).to_owned(),
                with: conflict.with.clone(),
            })
        })
        .collect();
    all.sort();
    all.dedup();
    all.truncate(MAX_CONFLICTS);
    all
}
