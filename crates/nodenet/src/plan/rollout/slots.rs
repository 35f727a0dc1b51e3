//! Who holds a slot, who gets the next one (spec §5.2 to §5.4).

use std::collections::BTreeSet;

use api::nmstate::policy::Slot;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::count::Survey;
use super::view::{EnactmentView, Snapshot};
use crate::plan::condition::enactment::Said;

/// A node that may go: its enactment gets the annotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Name of the enactment.
    pub enactment: String,
    /// Its uid.
    pub uid: String,
    /// The node.
    pub node: String,
    /// The generation it may apply.
    pub generation: i64,
}

/// A node that shall not go: its enactment says Aborted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Abort {
    /// Name of the enactment.
    pub enactment: String,
    /// Its uid.
    pub uid: String,
    /// The node.
    pub node: String,
}

/// The slots of a policy and what follows from them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Slots {
    /// Who holds one, or has one reserved, by node name.
    pub list: Vec<Slot>,
    /// Of these, how many were granted: nodes that are or may be between old and new, by generation.
    pub held: Vec<(i64, usize)>,
    /// See [`super::Plan::grants`].
    pub grants: Vec<Grant>,
    /// See [`super::Plan::revokes`].
    pub revokes: Vec<String>,
    /// See [`super::Plan::aborts`].
    pub aborts: Vec<Abort>,
}

/// Decides about slots. `limit` is at least 1.
pub(super) fn assign(snapshot: &Snapshot<'_>, survey: &Survey<'_>, limit: usize) -> Slots {
    let desk = Desk { snapshot, survey };
    let mut list = desk.kept();
    desk.repair(&mut list);
    desk.trim(&mut list, limit);
    let mut waiting = desk.waiting(&list);
    desk.hand_on(&mut list, waiting.len(), limit);
    let served = waiting.len().min(limit.saturating_sub(list.len()));
    let left = waiting.split_off(served);
    list.extend(waiting.into_iter().map(|enactment| desk.slot(&enactment.node)));
    desk.reserve(&mut list, limit);
    list.sort_by(|a, b| a.node.cmp(&b.node));
    Slots {
        held: desk.held(&list),
        grants: desk.grants(&list),
        revokes: desk.revokes(&list),
        aborts: desk.aborts(&left, limit),
        list,
    }
}

struct Desk<'s, 'a> {
    snapshot: &'s Snapshot<'a>,
    survey: &'s Survey<'a>,
}

impl<'a> Desk<'_, 'a> {
    fn generation(&self) -> i64 {
        self.snapshot.policy.generation()
    }

    fn recorded(&self) -> &'a [Slot] {
        let status = self.snapshot.policy.status.as_ref();
        status.map(|status| status.slots.as_slice()).unwrap_or_default()
    }

    fn slot(&self, node: &str) -> Slot {
        Slot {
            node: node.to_owned(),
            generation: self.generation(),
            since: Time(self.snapshot.now),
        }
    }

    /// The recorded slots that still have a holder. One that waits for a newer generation takes its slot along.
    fn kept(&self) -> Vec<Slot> {
        let mut kept: Vec<Slot> = Vec::new();
        for slot in self.recorded() {
            if !self.keeps(slot) || kept.iter().any(|other| other.node == slot.node) {
                continue;
            }
            let mut slot = slot.clone();
            let waits = self.survey.said(&slot.node, self.generation()) == Said::WaitingForSlot;
            if slot.generation != self.generation() && (waits || !self.is_held(&slot)) {
                slot.generation = self.generation();
                slot.since = Time(self.snapshot.now);
            }
            kept.push(slot);
        }
        kept
    }

    fn keeps(&self, slot: &Slot) -> bool {
        let node = slot.node.as_str();
        let Some(view) = self
            .snapshot
            .nodes
            .get(node)
            .filter(|_| self.survey.selected.contains(node))
        else {
            return false;
        };
        let Some(enactment) = self.survey.enactment(node) else {
            // Reserved for a node that has not answered yet, or whose enactment was deleted and will come back.
            return view.ready && self.survey.matching.contains_key(node);
        };
        let current = enactment.generation >= slot.generation;
        let granted = enactment.is_granted(slot.generation);
        match enactment.said {
            Said::Progressing | Said::Retrying => true,
            _ if !view.managed => false,
            Said::Available | Said::Aborted => !current,
            // Waiting for something else, the node must not hold up others; but while it has the permission it may
            // start any moment, so that is taken away first. Failing without permission it never started.
            Said::Pending | Said::Failing => !current || granted,
            Said::WaitingForSlot | Said::Nothing => true,
        }
    }

    /// Whether the node was let go, so that it counts until it is done.
    fn is_held(&self, slot: &Slot) -> bool {
        self.survey.enactment(&slot.node).is_some_and(|enactment| {
            enactment.is_granted(slot.generation)
                || matches!(enactment.said, Said::Progressing | Said::Retrying)
        })
    }

    /// Nodes that are under way without a recorded slot: the status was lost, or written by the replaced operator.
    fn repair(&self, list: &mut Vec<Slot>) {
        for (node, enactment) in &self.survey.enactments {
            let under_way = match enactment.said {
                Said::Progressing | Said::Retrying => true,
                Said::Failing | Said::WaitingForSlot => enactment.is_granted(enactment.generation),
                Said::Nothing | Said::Pending | Said::Available | Said::Aborted => false,
            };
            if under_way && !list.iter().any(|slot| slot.node == *node) {
                list.push(Slot {
                    generation: enactment.generation,
                    ..self.slot(node)
                });
            }
        }
    }

    /// A lower limit takes back what nobody was told of.
    fn trim(&self, list: &mut Vec<Slot>, limit: usize) {
        let mut over = list.len().saturating_sub(limit);
        list.retain(|slot| {
            let goes = over > 0 && !self.is_held(slot);
            over -= usize::from(goes);
            !goes
        });
    }

    /// Nodes that ask for a slot and have none, by name.
    fn waiting(&self, list: &[Slot]) -> Vec<&'a EnactmentView> {
        let taken: BTreeSet<&str> = list.iter().map(|slot| slot.node.as_str()).collect();
        let asks = |node: &str| self.survey.said(node, self.generation()) == Said::WaitingForSlot;
        let names = self.survey.matching.keys();
        names
            .filter(|node| !taken.contains(**node) && asks(node))
            .filter_map(|node| self.survey.enactment(node))
            .collect()
    }

    /// A slot reserved for a node that does not ask goes to one that does.
    fn hand_on(&self, list: &mut Vec<Slot>, waiting: usize, limit: usize) {
        let mut wanted = waiting.saturating_sub(limit.saturating_sub(list.len()));
        list.retain(|slot| {
            let asks = self.survey.said(&slot.node, self.generation()) == Said::WaitingForSlot;
            let goes = wanted > 0 && !asks && !self.is_held(slot);
            wanted -= usize::from(goes);
            !goes
        });
    }

    /// Free slots are reserved for nodes that will ask soon, so that the first wave need not wait for a second write.
    fn reserve(&self, list: &mut Vec<Slot>, limit: usize) {
        let taken: BTreeSet<String> = list.iter().map(|slot| slot.node.clone()).collect();
        for (node, view) in &self.survey.matching {
            if list.len() >= limit {
                return;
            }
            let unheard = match self.survey.enactment(node) {
                None => true,
                Some(enactment) => enactment.generation < self.generation(),
            };
            if view.ready && unheard && !taken.contains(*node) {
                list.push(self.slot(node));
            }
        }
    }

    /// Only what was recorded, as it was recorded, is granted.
    fn grants(&self, list: &[Slot]) -> Vec<Grant> {
        let generation = self.generation();
        let recorded = |slot: &&Slot| {
            let same = |other: &Slot| other.node == slot.node && other.generation == slot.generation;
            slot.generation == generation && self.recorded().iter().any(same)
        };
        let asks = |slot: &Slot| {
            let enactment = self.survey.enactment(&slot.node)?;
            let waits = enactment.generation == generation && enactment.said == Said::WaitingForSlot;
            (waits && !enactment.is_granted(generation)).then(|| Grant {
                enactment: enactment.name.clone(),
                uid: enactment.uid.clone(),
                node: slot.node.clone(),
                generation,
            })
        };
        list.iter().filter(recorded).filter_map(asks).collect()
    }

    /// A permission without a slot is stale: its node is done, or the slot went to another.
    fn revokes(&self, list: &[Slot]) -> Vec<String> {
        let holds =
            |e: &EnactmentView| e.said != Said::Pending && list.iter().any(|slot| slot.node == e.node);
        let stale = |e: &&&EnactmentView| e.slot.is_some() && !e.deleting && !holds(e);
        self.snapshot
            .enactments
            .iter()
            .filter(stale)
            .map(|e| e.name.clone())
            .collect()
    }

    /// Nobody who is left without a slot goes on when as many failed as may (spec §5.3).
    fn aborts(&self, left: &[&EnactmentView], limit: usize) -> Vec<Abort> {
        let failed = self.survey.matching.keys().filter(|node| {
            let failing = self.survey.said(node, self.generation()) == Said::Failing;
            let retries = |e: &EnactmentView| e.retry_is_due(self.snapshot.policy);
            failing && !self.survey.enactment(node).is_some_and(retries)
        });
        if failed.count() < limit {
            return Vec::new();
        }
        let abort = |enactment: &&EnactmentView| Abort {
            enactment: enactment.name.clone(),
            uid: enactment.uid.clone(),
            node: enactment.node.clone(),
        };
        left.iter().map(abort).collect()
    }

    fn held(&self, list: &[Slot]) -> Vec<(i64, usize)> {
        let mut held: Vec<(i64, usize)> = Vec::new();
        for slot in list.iter().filter(|slot| self.is_held(slot)) {
            match held
                .iter_mut()
                .find(|(generation, _)| *generation == slot.generation)
            {
                Some((_, count)) => *count += 1,
                None => held.push((slot.generation, 1)),
            }
        }
        held
    }
}
