//! Does a Node's machine still exist, and is it switched off? (§4.1, §4.2, §7)

mod budget;
mod gone;

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use runtime::clock::BootTime;

use super::facts::{MachineId, MachineStatus, NodeFacts, Ready, RegionView};
use super::identity::{Found, Missing, Resolution};
use super::node::waiting_notice;
use super::notice::{Notice, Reason};
use super::provider_id::ProviderId;
use super::settings::{Deletion, Settings};
use super::verdict::Verdict;

pub use budget::{DeletionBudget, PERIOD};
pub use gone::CONFIRMATION;

/// A Node this young is not deleted: its machine may not be listed yet.
pub const YOUNG: Duration = Duration::from_secs(60);

/// What is remembered of one Node that seems to have lost its machine.
#[derive(Clone, Debug, Default)]
pub struct LifecycleMemory {
    first: Option<gone::Finding>,
}

/// What a Node's first look asks for, before anything about its machine is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glance {
    /// Nothing to do, and nothing to find out.
    Rest,
    /// It is ready again: remove the shutdown taint.
    RemoveShutdownTaint,
    /// Find its machine, then [`judge`].
    Resolve,
}

/// Whether a Node needs a look at its machine at all. A ready Node never does (§7).
///
/// A Node that is ready contradicts whatever its machine's absence suggested, so that is forgotten.
#[must_use]
pub fn glance(node: &NodeFacts, memory: &mut LifecycleMemory) -> Glance {
    if node.ready == Ready::True {
        memory.first = None;
        return if node.is_shut_down() {
            Glance::RemoveShutdownTaint
        } else {
            Glance::Rest
        };
    }
    let may_be_gone = !node.deleting && ProviderId::parse(&node.provider_id).is_named();
    if may_be_gone {
        Glance::Resolve
    } else {
        Glance::Rest
    }
}

/// What to do with a Node that is not ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LifecycleStep {
    /// Nothing.
    Rest,
    /// Its machine is switched off: add the taint.
    AddShutdownTaint,
    /// Read the configuration of this machine afresh, then judge again: the one known is too old to delete for.
    Reread(MachineId),
    /// Read the configurations of machines that do not run afresh where they were read before this moment, then judge again.
    RereadAtRest(BootTime),
    /// Its machine is gone for certain. The budget is already charged; [`DeletionBudget::refund`] if it fails.
    Delete(Missing),
}

impl fmt::Display for LifecycleStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rest => f.write_str("nothing"),
            Self::AddShutdownTaint => f.write_str("add the shutdown taint"),
            Self::Reread(id) => write!(f, "read the configuration of {id} again"),
            Self::RereadAtRest(_) => f.write_str("read the configurations of machines that do not run again"),
            Self::Delete(_) => f.write_str("delete the Node"),
        }
    }
}

/// A step, with what people may want to know about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Judgement {
    /// What to do.
    pub step: LifecycleStep,
    /// Events to record first.
    pub notices: Vec<Notice>,
    /// Which rule did what.
    pub verdicts: Vec<Verdict>,
}

/// What a judgement reads besides the Node.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// How careful to be.
    pub settings: &'a Settings,
    /// Which machine the Node is.
    pub resolution: &'a Resolution,
    /// Every configured region.
    pub regions: &'a [RegionView],
    /// How many Nodes are ours: the budget depends on it.
    pub own_nodes: usize,
    /// The machine's own clock.
    pub now: BootTime,
    /// The wall clock, for the Node's age.
    pub wall: Timestamp,
}

/// Judges a Node that [`glance`] wants resolved.
pub fn judge(
    node: &NodeFacts,
    circumstances: &Circumstances<'_>,
    memory: &mut LifecycleMemory,
    budget: &mut DeletionBudget,
) -> Judgement {
    match circumstances.resolution {
        Resolution::Found(found) => {
            memory.first = None;
            present(node, found, Vec::new())
        }
        Resolution::NameMismatch(found) if circumstances.settings.deletion == Deletion::Confirmed => {
            memory.first = None;
            present(
                node,
                found,
                waiting_notice(node, circumstances.resolution)
                    .into_iter()
                    .collect(),
            )
        }
        Resolution::NameMismatch(found) => {
            // The replaced controller took another name for another machine (D9).
            gone::at_first_sight(node, &Missing::OtherName(found.machine.id.clone()))
        }
        Resolution::NotFound(missing) => gone::judge(node, missing, circumstances, memory, budget),
        Resolution::Inaccessible(_) | Resolution::Ambiguous(_) => {
            // A machine that cannot be reached, or two of them, are not none: an earlier finding is contradicted.
            memory.first = None;
            unknown(circumstances.resolution)
        }
        Resolution::Foreign | Resolution::RegionUnknown(_) | Resolution::Unknown(_) => {
            unknown(circumstances.resolution)
        }
    }
}

impl Judgement {
    fn rest(rule: &'static str, input: impl fmt::Display, result: impl fmt::Display) -> Self {
        Self {
            step: LifecycleStep::Rest,
            notices: Vec::new(),
            verdicts: vec![Verdict::new(rule, input, result)],
        }
    }
}

/// Nothing is concluded from silence; an earlier finding stays as long as nobody contradicts it.
fn unknown(resolution: &Resolution) -> Judgement {
    Judgement::rest("exists", resolution, "unknown, so nothing is done")
}

/// The machine exists; a machine between hosts has no state that could be relied on (appendix A.5).
fn present(node: &NodeFacts, found: &Found, notices: Vec<Notice>) -> Judgement {
    let machine = &found.machine;
    if let Some(state) = machine.in_transit() {
        let rest = Judgement::rest(
            "exists",
            format_args!("HA state {state}"),
            "unknown, so nothing is done",
        );
        return Judgement { notices, ..rest };
    }
    let stopped = machine.status == MachineStatus::Stopped;
    let verdicts = vec![
        Verdict::new("exists", &machine.id, "yes"),
        Verdict::new(
            "shut down",
            format_args!("status {:?}", machine.status),
            if stopped { "yes" } else { "no" },
        ),
    ];
    let step = if stopped && !node.is_shut_down() {
        LifecycleStep::AddShutdownTaint
    } else {
        LifecycleStep::Rest
    };
    Judgement {
        step,
        notices,
        verdicts,
    }
}

/// The event that goes with a deletion, recorded before it is tried.
#[must_use]
pub fn deleting(node: &NodeFacts, missing: &Missing) -> Notice {
    Notice::normal(
        Reason::DeletingNode,
        format!("Deleting node {} because it does not exist: {missing}", node.name),
    )
}
