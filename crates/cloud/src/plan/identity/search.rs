//! Steps 3 and 4 of §3.2: look for the Node's UUID, most promising names first.

use std::collections::BTreeMap;

use runtime::answer::Answer;
use runtime::clock::BootTime;

use super::rank::{Rank, first_label, rank};
use super::{Found, Missing, Question, Resolution, Step, silent, unread};
use crate::plan::facts::{Machine, MachineId, MachineList, MachineStatus, SystemUuid};

impl Question<'_> {
    /// Looks in every region. A match counts even if other regions are silent; "not found" needs all of them.
    ///
    /// Cost: O(log n) for a machine with a likely name, else O(n).
    pub(super) fn search(&self) -> Step {
        let Some(uuid) = &self.node.system_uuid else {
            return Step::done(Resolution::NotFound(Missing::NodeWithoutUuid));
        };
        let (lists, mut doubt) = self.lists();
        for (rank, machines) in self.likely(&lists) {
            if let Some(step) = self.try_rank(rank, &machines, uuid, &mut doubt) {
                return step;
            }
        }
        let (rank, machines) = self.others(&lists);
        if let Some(step) = self.try_rank(rank, &machines, uuid, &mut doubt) {
            return step;
        }
        let mut all = lists.iter().flat_map(|list| list.virtual_machines());
        let inaccessible = all.find(|machine| machine.status == MachineStatus::Unknown);
        Step::done(match (doubt, inaccessible) {
            (Some(doubt), _) => doubt,
            (None, Some(machine)) => Resolution::Inaccessible(machine.id.clone()),
            (None, None) => Resolution::NotFound(Missing::NoSuchUuid {
                uuid: uuid.clone(),
                read: self.read_at_rest(&lists),
            }),
        })
    }

    /// See [`Missing::NoSuchUuid`].
    fn read_at_rest(&self, lists: &[&MachineList]) -> BootTime {
        let all = lists.iter().flat_map(|list| list.virtual_machines());
        let at_rest = all.filter(|machine| machine.status != MachineStatus::Running);
        let read = at_rest.filter_map(|machine| (self.view.configs)(&machine.id)?.known());
        read.map(|config| config.read).min().unwrap_or(BootTime::MAX)
    }

    /// The lists there are, and why nothing may be concluded if one is missing.
    fn lists(&self) -> (Vec<&MachineList>, Option<Resolution>) {
        let (mut lists, mut doubt) = (Vec::with_capacity(self.view.regions.len()), None);
        for view in self.view.regions {
            match &view.list {
                Answer::Known(list) => lists.push(list.as_ref()),
                Answer::Absent => doubt = Some(silent(&view.region, "it gave no list of machines")),
                Answer::Unknown(why) => doubt = Some(silent(&view.region, why)),
            }
        }
        (lists, doubt)
    }

    /// Machines with a name like the Node's, by promise; within one rank by region and name, never by who answered first.
    fn likely<'l>(&self, lists: &[&'l MachineList]) -> BTreeMap<Rank, Vec<&'l Machine>> {
        let node: &str = &self.node.name;
        let host = first_label(node);
        let mut ranks: BTreeMap<Rank, Vec<&Machine>> = BTreeMap::new();
        for list in lists {
            let starting = list.named_from(node);
            let shorter = list
                .named_from(host)
                .take_while(|one| host != node && one.name.as_deref() == Some(host));
            for machine in starting
                .chain(shorter)
                .filter(|one| one.status != MachineStatus::Unknown)
            {
                ranks.entry(self.rank(machine)).or_default().push(machine);
            }
        }
        ranks
    }

    /// Machines with any other name, or none.
    fn others<'l>(&self, lists: &[&'l MachineList]) -> (Rank, Vec<&'l Machine>) {
        let all = lists.iter().flat_map(|list| list.virtual_machines());
        let heard = all.filter(|machine| machine.status != MachineStatus::Unknown);
        let others = heard.filter(|machine| self.rank(machine).is_other()).collect();
        (rank(self.match_name, &self.node.name, None), others)
    }

    fn rank(&self, machine: &Machine) -> Rank {
        rank(self.match_name, &self.node.name, machine.name.as_deref())
    }

    /// Compares the UUIDs of one rank. `None`: not here, go on.
    fn try_rank(
        &self,
        rank: Rank,
        machines: &[&Machine],
        uuid: &SystemUuid,
        doubt: &mut Option<Resolution>,
    ) -> Option<Step> {
        // Names that are not accepted are only looked at to tell people; not worth it while a region is silent.
        if rank.refused && doubt.is_some() {
            return None;
        }
        let (mut unasked, mut equal, mut hidden) = (Vec::new(), Vec::new(), None);
        for machine in machines {
            match (self.view.configs)(&machine.id) {
                None => unasked.push(machine.id.clone()),
                Some(Answer::Known(config)) if config.config.uuid.as_ref() == Some(uuid) => {
                    equal.push(Found {
                        machine: (*machine).clone(),
                        config,
                    });
                }
                Some(Answer::Known(_)) => {}
                Some(answer) => hidden = Some(Resolution::Unknown(unread(machine, &answer))),
            }
        }
        if !unasked.is_empty() {
            return Some(Step::Read(unasked));
        }
        match (choose(equal), hidden) {
            (Some(Ok(found)), _) => Some(Step::done(self.named(found))),
            (Some(Err(ids)), _) => Some(Step::done(Resolution::Ambiguous(ids))),
            // It may be the one. A worse name must not win because the better one could not be looked at: what is
            // written then is written for ever.
            (None, Some(hidden)) if !rank.refused => Some(Step::done(hidden)),
            (None, hidden) => {
                *doubt = hidden.or_else(|| doubt.take());
                None
            }
        }
    }
}

/// Of machines with one UUID and names of one rank: the only one, or the only running one (D17).
fn choose(mut equal: Vec<Found>) -> Option<Result<Found, Vec<MachineId>>> {
    if equal.len() > 1 {
        let ids: Vec<MachineId> = equal.iter().map(|found| found.machine.id.clone()).collect();
        equal.retain(|found| found.machine.status == MachineStatus::Running);
        if equal.len() != 1 {
            return Some(Err(ids));
        }
    }
    equal.pop().map(Ok)
}
