//! When a machine counts as gone (§4.1): only what two complete, quorate lists say, and not too often.

use std::time::Duration;

use jiff::Timestamp;
use runtime::answer::Answer;
use runtime::clock::BootTime;

use super::budget::{self, DeletionBudget};
use super::{Circumstances, Judgement, LifecycleMemory, LifecycleStep, PERIOD, YOUNG, deleting};
use crate::plan::facts::{NodeFacts, Quorum, RegionView};
use crate::plan::identity::Missing;
use crate::plan::notice::{Notice, Reason};
use crate::plan::settings::Deletion;
use crate::plan::verdict::Verdict;

/// How far apart two lists must be that both miss a machine.
pub const CONFIRMATION: Duration = Duration::from_secs(10);

/// A machine was missed, and in which state of knowledge.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    missing: Missing,
    /// The oldest of the lists it rests on.
    taken: BootTime,
}

/// Judges a Node whose machine was not found.
pub(super) fn judge(
    node: &NodeFacts,
    missing: &Missing,
    circumstances: &Circumstances<'_>,
    memory: &mut LifecycleMemory,
    budget: &mut DeletionBudget,
) -> Judgement {
    if circumstances.settings.deletion == Deletion::Upstream {
        return at_first_sight(node, missing);
    }
    let held = protected(node, missing, circumstances.wall);
    let taken = match held.map_or_else(|| evidence(missing, circumstances.regions), Err) {
        Ok(taken) => taken,
        Err(why) => {
            // A list that counted before may have been believed for as little reason: both have to count without a break.
            memory.first = None;
            return hold(missing, &why);
        }
    };
    match confirmed(missing, taken, memory) {
        Confirmation::Waits => Judgement::rest("gone", missing, "waits for a second list 10 s later"),
        Confirmation::NeedsReread(step) => {
            let rest = Judgement::rest("gone", missing, "reads configurations again first");
            Judgement { step, ..rest }
        }
        Confirmation::Given => delete(node, missing, circumstances, budget),
    }
}

/// Deletes without asking further, as the replaced controller does (`deletion: upstream`).
pub(super) fn at_first_sight(node: &NodeFacts, missing: &Missing) -> Judgement {
    Judgement {
        step: LifecycleStep::Delete(missing.clone()),
        notices: vec![deleting(node, missing)],
        verdicts: vec![Verdict::new(
            "gone",
            missing,
            "deleted at first sight (deletion: upstream)",
        )],
    }
}

fn delete(
    node: &NodeFacts,
    missing: &Missing,
    circumstances: &Circumstances<'_>,
    budget: &mut DeletionBudget,
) -> Judgement {
    if budget.take(circumstances.now, circumstances.own_nodes) {
        return Judgement {
            step: LifecycleStep::Delete(missing.clone()),
            notices: vec![deleting(node, missing)],
            verdicts: vec![Verdict::new("gone", missing, "confirmed twice, deleted")],
        };
    }
    let limit = budget::limit(circumstances.own_nodes);
    let minutes = PERIOD.as_secs() / 60;
    let text = format!(
        "the machine is gone ({missing}), but {limit} Nodes were deleted within {minutes} minutes, which is the most; \
         the Node is deleted later, or delete it yourself"
    );
    let rest = Judgement::rest(
        "gone",
        missing,
        "confirmed twice, but the budget of deletions is spent",
    );
    Judgement {
        notices: vec![Notice::warning(Reason::DeletionRateLimited, text)],
        ..rest
    }
}

fn hold(missing: &Missing, why: &str) -> Judgement {
    let text = format!("{missing}, but the Node is kept: {why}");
    let rest = Judgement::rest("gone", missing, format_args!("kept: {why}"));
    Judgement {
        notices: vec![Notice::warning(Reason::DeletionHeld, text)],
        ..rest
    }
}

/// Why this Node is not deleted, whatever the lists say.
fn protected(node: &NodeFacts, missing: &Missing, wall: Timestamp) -> Option<String> {
    let reason = match missing {
        Missing::Container(_) => "a container may be a mistake in spec.providerID",
        Missing::OtherName(_) => "a name is no reason",
        Missing::MachineWithoutUuid(_) => "a machine without a UUID cannot be told from another",
        Missing::NodeWithoutUuid => "without a UUID nothing can be compared",
        _ if node.is_tainted() => "it was never initialised; spec.providerID may be mistyped",
        _ if is_young(node, wall) => "it is younger than 60 s, and lists lag",
        _ => return None,
    };
    Some(reason.to_owned())
}

/// A Node without a creation time, or with one in the future, counts as young.
fn is_young(node: &NodeFacts, wall: Timestamp) -> bool {
    let age = node.created.map(|created| wall.duration_since(created));
    age.and_then(|age| Duration::try_from(age).ok())
        .is_none_or(|age| age < YOUNG)
}

/// The oldest list the finding rests on, if all of them can be trusted; else why not.
fn evidence(missing: &Missing, regions: &[RegionView]) -> Result<BootTime, String> {
    let only = match missing {
        Missing::NotListed(id)
        | Missing::Container(id)
        | Missing::Template(id)
        | Missing::OtherName(id)
        | Missing::MachineWithoutUuid(id)
        | Missing::UuidDiffers { id, .. } => Some(&id.region),
        Missing::NodeWithoutUuid | Missing::NoSuchUuid { .. } => None,
    };
    let mut oldest: Option<BootTime> = None;
    for view in regions
        .iter()
        .filter(|view| only.is_none_or(|region| view.region == *region))
    {
        let taken = trusted(view)?;
        oldest = Some(oldest.map_or(taken, |old| old.min(taken)));
    }
    oldest.ok_or_else(|| "no region was asked".to_owned())
}

/// When the region's list was taken, if it is complete and the region may decide about itself.
fn trusted(view: &RegionView) -> Result<BootTime, String> {
    let region = &view.region;
    let Answer::Known(list) = &view.list else {
        return Err(format!("region {region} gave no list"));
    };
    match &view.quorum {
        Answer::Known(Quorum::Quorate) => {}
        Answer::Known(Quorum::Lost) => return Err(format!("region {region} is not quorate")),
        Answer::Absent => return Err(format!("quorum of region {region} is not known")),
        Answer::Unknown(why) => return Err(format!("quorum of region {region} is not known: {why}")),
    }
    let sees_all = match &view.permissions {
        Answer::Known(held) if held.vm_audit_lost => {
            return Err(format!(
                "VM.Audit on / and /vms of region {region} was lost, so its list may lack machines that exist; grant it \
                 again, or restart the controller if it was taken away on purpose"
            ));
        }
        Answer::Known(held) => held.vm_audit,
        // A source without privileges hides nothing by them.
        Answer::Absent => false,
        // They may have been lost, and then any list may lack machines that exist.
        Answer::Unknown(why) => {
            return Err(format!("privileges in region {region} are not known: {why}"));
        }
    };
    // Containers and templates are no sign that virtual machines are listed.
    if list.virtual_machines().next().is_none() && !sees_all {
        return Err(format!(
            "region {region} lists no virtual machine at all, and VM.Audit on / or /vms is not confirmed; grant it if it was lost"
        ));
    }
    Ok(list.taken)
}

enum Confirmation {
    Waits,
    NeedsReread(LifecycleStep),
    Given,
}

/// Whether an earlier list, long enough ago, said the same.
fn confirmed(missing: &Missing, taken: BootTime, memory: &mut LifecycleMemory) -> Confirmation {
    let first = match &memory.first {
        Some(first) if is_same(&first.missing, missing) => first,
        _ => {
            memory.first = Some(Finding {
                missing: missing.clone(),
                taken,
            });
            return Confirmation::Waits;
        }
    };
    if taken.since(first.taken) < CONFIRMATION {
        return Confirmation::Waits;
    }
    // The lists say nothing of UUIDs, so the second look must be at the configurations themselves.
    let too_early = |read: &BootTime| read.since(first.taken) < CONFIRMATION;
    match missing {
        Missing::UuidDiffers { id, read, .. } if too_early(read) => {
            Confirmation::NeedsReread(LifecycleStep::Reread(id.clone()))
        }
        Missing::NoSuchUuid { read, .. } if too_early(read) => {
            Confirmation::NeedsReread(LifecycleStep::RereadAtRest(first.taken + CONFIRMATION))
        }
        _ => Confirmation::Given,
    }
}

/// The same finding, whenever the configurations were read.
fn is_same(a: &Missing, b: &Missing) -> bool {
    match (a, b) {
        (Missing::UuidDiffers { id: a, theirs: x, .. }, Missing::UuidDiffers { id: b, theirs: y, .. }) => {
            a == b && x == y
        }
        (Missing::NoSuchUuid { uuid: a, .. }, Missing::NoSuchUuid { uuid: b, .. }) => a == b,
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::facts::{MachineList, SystemUuid};

    fn at(seconds: u64) -> BootTime {
        BootTime::ZERO + Duration::from_secs(seconds)
    }

    /// One round of nobody having the UUID, by lists of second `list` and configurations read in second `read`.
    fn round(list: u64, read: BootTime, memory: &mut LifecycleMemory) -> Confirmation {
        let uuid = SystemUuid::new("11833f4c-341f-4bd3-aad7-f7abed000001").expect("it is not blank");
        let missing = Missing::NoSuchUuid { uuid, read };
        let list = MachineList::new(at(list), []);
        confirmed(&missing, list.taken, memory)
    }

    #[test]
    fn case_102_a_machine_that_is_off_is_looked_at_again_before_its_absence_is_believed() {
        let mut memory = LifecycleMemory::default();
        // Read long before the first list, or even with it: the UUID may have been given away since.
        assert!(matches!(round(1000, at(10), &mut memory), Confirmation::Waits));
        assert!(matches!(round(1005, at(10), &mut memory), Confirmation::Waits));
        for read in [at(10), at(1000), at(1009)] {
            let Confirmation::NeedsReread(step) = round(1010, read, &mut memory) else {
                panic!("believed what was read at {read:?}")
            };
            assert_eq!(step, LifecycleStep::RereadAtRest(at(1010)));
        }
        assert!(matches!(round(1010, at(1010), &mut memory), Confirmation::Given));
    }

    #[test]
    fn case_102_machines_that_run_keep_their_uuid_until_they_are_restarted() {
        let mut memory = LifecycleMemory::default();
        assert!(matches!(
            round(1000, BootTime::MAX, &mut memory),
            Confirmation::Waits
        ));
        assert!(matches!(
            round(1010, BootTime::MAX, &mut memory),
            Confirmation::Given
        ));
    }
}
