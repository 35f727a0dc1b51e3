//! Which nodes a policy is for, and what became of them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::view::{EnactmentView, NodeView, Snapshot};
use crate::plan::condition::enactment::Said;
use crate::plan::condition::policy::{Counts, PROGRESSING};
use crate::plan::condition::{self};
use crate::plan::selector::select;
use api::nmstate::Condition;

/// A node at work whose process renewed no lease for this long has none (case 60).
const SILENCE: SignedDuration = SignedDuration::from_mins(3);

/// The nodes of a policy.
#[derive(Debug, Default)]
pub(super) struct Survey<'a> {
    /// Selected by labels, whatever else.
    pub(super) selected: BTreeSet<&'a str>,
    /// Selected, managed, and running our process (spec §5.1).
    pub(super) matching: BTreeMap<&'a str, &'a NodeView>,
    /// Enactments of selected nodes, those being deleted left out.
    pub(super) enactments: BTreeMap<&'a str, &'a EnactmentView>,
    /// How many of them are in which state.
    pub(super) counts: Counts,
    /// When the silence of some node will have lasted too long.
    pub(super) look_again: Option<Timestamp>,
}

impl<'a> Survey<'a> {
    /// What a node says about this generation of the policy; of others nothing is known.
    pub(super) fn said(&self, node: &str, generation: i64) -> Said {
        match self.enactments.get(node) {
            Some(enactment) if enactment.generation == generation => enactment.said,
            _ => Said::Nothing,
        }
    }

    pub(super) fn enactment(&self, node: &str) -> Option<&'a EnactmentView> {
        self.enactments.get(node).copied()
    }
}

pub(super) fn survey<'a>(snapshot: &Snapshot<'a>) -> Survey<'a> {
    let mut survey = Survey::default();
    let of_node: BTreeMap<&str, &EnactmentView> = snapshot
        .enactments
        .iter()
        .filter(|e| !e.deleting)
        .map(|e| (e.node.as_str(), *e))
        .collect();
    for (name, node) in snapshot.nodes {
        if select(&snapshot.policy.spec, name, &node.labels).is_err() {
            continue;
        }
        survey.selected.insert(name);
        if let Some(enactment) = of_node.get(name.as_str()) {
            survey.enactments.insert(name, enactment);
        }
        match (node.handler, node.managed) {
            (true, true) => {
                survey.matching.insert(name, node);
            }
            (true, false) => survey.counts.unmanaged += 1,
            (false, _) => {}
        }
    }
    count(snapshot, &mut survey);
    survey
}

fn count(snapshot: &Snapshot<'_>, survey: &mut Survey<'_>) {
    let generation = snapshot.policy.generation();
    let mut counts = Counts {
        unmanaged: survey.counts.unmanaged,
        ..Counts::default()
    };
    let mut next: Option<Timestamp> = None;
    for (name, node) in &survey.matching {
        counts.matching += 1;
        counts.ready += usize::from(node.ready);
        let said = survey.said(name, generation);
        match said {
            Said::Available => counts.available += 1,
            Said::Failing => counts.failing += 1,
            Said::Retrying => counts.retrying += 1,
            Said::Aborted => counts.aborted += 1,
            Said::WaitingForSlot | Said::Pending => counts.pending += 1,
            Said::Progressing => counts.progressing += 1,
            Said::Nothing => {}
        }
        let granted = survey.enactment(name).is_some_and(|e| e.is_granted(generation));
        let at_work = matches!(said, Said::Nothing | Said::Progressing | Said::Retrying)
            || (said == Said::WaitingForSlot && granted);
        if node.ready && at_work {
            let end = silence_ends(snapshot, node);
            if end <= snapshot.now {
                counts.without_handler += 1;
            } else {
                next = Some(next.map_or(end, |next| next.min(end)));
            }
        }
    }
    survey.counts = counts;
    survey.look_again = next;
}

/// Three minutes after the last sign of the node's process, or after the policy began, whichever is later.
fn silence_ends(snapshot: &Snapshot<'_>, node: &NodeView) -> Timestamp {
    let conditions = snapshot.policy.status.as_ref().map(|s| s.conditions.as_slice());
    let conditions = conditions.unwrap_or_default();
    let progressing = Condition::find(conditions, PROGRESSING).is_some_and(Condition::is_true);
    let began = progressing
        .then(|| condition::since(conditions, PROGRESSING))
        .flatten()
        .unwrap_or(snapshot.now);
    let last = node.sign.map_or(began, |sign| sign.max(began));
    last.saturating_add(SILENCE).unwrap_or(Timestamp::MAX)
}
