//! The next step of a Node (§6): initialise it, keep it up to date, or wait and say why.

mod backoff;
mod change;
mod waiting;
mod work;

use std::time::Duration;

use runtime::answer::Answer;
use runtime::clock::BootTime;

use super::address::{AddressPlan, GuestMemory, Judgement, ProvidedError};
use super::facts::{Affinity, GuestAnswer, NodeFacts};
use super::identity::{Found, Resolution};
use super::notice::{Notice, Reason};
use super::settings::{ForeignNodes, Settings};
use super::verdict::Verdict;

pub use backoff::{Backoff, INVALID_ANNOTATION_PAUSE};
pub use change::Change;
pub(in crate::plan) use waiting::notice as waiting_notice;

/// Everything a Node's next step depends on, besides the settings.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The Node as it is now.
    pub node: &'a NodeFacts,
    /// Which machine it is.
    pub resolution: &'a Resolution,
    /// HA groups or rules of the machine's region. Not looked at unless [`Settings::needs_affinity`].
    pub affinity: &'a Answer<Vec<Affinity>>,
    /// What the guest said; `None` where [`guest_question`] wants nothing.
    pub guest: Option<&'a GuestAnswer>,
    /// The time on the machine's own clock.
    pub now: BootTime,
}

/// What is remembered of one Node between its steps.
#[derive(Clone, Debug, Default)]
pub struct NodeMemory {
    /// What its guest said.
    pub guest: GuestMemory,
    backoff: Backoff,
    /// The annotation value that was complained about.
    complained: Option<Box<str>>,
    /// Log lines that were written already; rules are few, so this stays small.
    warned: Vec<String>,
}

/// What to do with a Node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Nothing.
    Nothing,
    /// Only remove the taint of a Node of another cloud.
    Untaint,
    /// Write all of it, remove the taint, then write the addresses.
    Initialise(Change),
    /// Write what differs.
    Update(Change),
}

/// When to look again without being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The next event or pass is soon enough.
    Pass,
    /// After this time; the caller adds jitter.
    After(Duration),
}

/// A Node's next step, with everything people may want to know about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Decision {
    /// What to write.
    pub write: Write,
    /// When to look again.
    pub retry: Retry,
    /// Events to record at once.
    pub notices: Vec<Notice>,
    /// Events to record when the write has succeeded.
    pub on_success: Vec<Notice>,
    /// Lines for the log; each comes once per Node.
    pub warnings: Vec<String>,
    /// The list that should be in `status.addresses`; `None` when nothing can be said.
    pub addresses: Option<AddressPlan>,
    /// Which evidence the addresses rest on.
    pub judgement: Option<Judgement>,
    /// Which rule did what.
    pub verdicts: Vec<Verdict>,
}

impl Decision {
    fn new(write: Write) -> Self {
        Self {
            write,
            retry: Retry::Pass,
            notices: Vec::new(),
            on_success: Vec::new(),
            warnings: Vec::new(),
            addresses: None,
            judgement: None,
            verdicts: Vec::new(),
        }
    }
}

/// Whether a guest has to be asked, and what to take for its answer if not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GuestQuestion {
    /// The mode does not want to know.
    NotWanted,
    /// Ask the guest of this machine.
    Ask,
    /// Do not ask; this is the answer.
    Answered(GuestAnswer),
}

/// Whether to ask the guest of a found machine (§5.8).
#[must_use]
pub fn guest_question(
    settings: &Settings,
    found: &Found,
    memory: &mut NodeMemory,
    now: BootTime,
) -> GuestQuestion {
    if !settings.network.mode.asks_guest() {
        return GuestQuestion::NotWanted;
    }
    if let Some(uuid) = found.uuid() {
        memory.guest.belongs_to(&found.machine.id, uuid);
    }
    if let Some(answer) = GuestAnswer::without_asking(&found.machine) {
        return GuestQuestion::Answered(answer);
    }
    match memory.guest.hold(now) {
        Some(why) => GuestQuestion::Answered(GuestAnswer::Unavailable(why.clone())),
        None => GuestQuestion::Ask,
    }
}

/// Decides a Node's next step.
///
/// To be called for a tainted Node on every event, for an initialised one in every pass; an event of an initialised Node
/// only needs [`reconcile`](super::labels::reconcile).
pub fn next(settings: &Settings, situation: &Situation<'_>, memory: &mut NodeMemory) -> Decision {
    let node = situation.node;
    if node.deleting {
        return Decision::new(Write::Nothing);
    }
    match situation.resolution {
        Resolution::Foreign => foreign(settings, node),
        Resolution::Found(found) => work::decide(settings, situation, found, memory),
        other => waiting::decide(node, other, memory),
    }
}

/// Nodes of other clouds are left alone (D7).
fn foreign(settings: &Settings, node: &NodeFacts) -> Decision {
    let provided = node.provided_node_ip.as_deref().unwrap_or_default();
    let wanted = settings.foreign_nodes == ForeignNodes::Untaint && node.is_tainted() && provided.is_empty();
    if !wanted {
        return Decision::new(Write::Nothing);
    }
    Decision {
        on_success: vec![synced()],
        ..Decision::new(Write::Untaint)
    }
}

fn synced() -> Notice {
    Notice::normal(Reason::Synced, "Node synced successfully")
}

impl NodeMemory {
    /// The complaint about an annotation, once per value.
    fn complaint(&mut self, node: &NodeFacts, error: &ProvidedError) -> Option<Notice> {
        let value = node.provided_node_ip.as_deref().unwrap_or_default();
        if self.complained.as_deref() == Some(value) {
            return None;
        }
        self.complained = Some(value.into());
        Some(Notice::warning(Reason::InvalidProvidedNodeIp, error.to_string()))
    }

    /// Those log lines that were not written yet.
    fn first_time(&mut self, lines: &[String]) -> Vec<String> {
        let new: Vec<String> = lines
            .iter()
            .filter(|line| !self.warned.contains(line))
            .cloned()
            .collect();
        self.warned = lines.to_vec();
        new
    }
}
