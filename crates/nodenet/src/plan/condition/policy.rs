//! The conditions of a policy: the rules of spec §6, the first that fits.

use api::nmstate::Condition;
use api::nmstate::policy::Summary;
use jiff::Timestamp;

use super::{Truth, Wanted, set};

/// Every selected node looks as wanted.
pub const AVAILABLE: &str = "Available";
/// Some node failed.
pub const DEGRADED: &str = "Degraded";
/// Some node is not done.
pub const PROGRESSING: &str = "Progressing";
/// No node is selected.
pub const IGNORED: &str = "Ignored";

/// The reason while some node is not done.
pub const CONFIGURING: &str = "ConfigurationProgressing";
const CONFIGURED: &str = "SuccessfullyConfigured";
const FAILED: &str = "FailedToConfigure";
const NO_NODE: &str = "NoMatchingNode";

/// Nodes of a policy by what became of them. Unit: nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Selected, managed, and running our process.
    pub matching: usize,
    /// Of these, Ready.
    pub ready: usize,
    /// Look as wanted.
    pub available: usize,
    /// Gave up.
    pub failing: usize,
    /// Failed and will try again.
    pub retrying: usize,
    /// Never tried.
    pub aborted: usize,
    /// Wait.
    pub pending: usize,
    /// Are at work for the first time.
    pub progressing: usize,
    /// Selected but hands-off (spec §17.1).
    pub unmanaged: usize,
    /// Ready, not done, and their process gave no sign for long (case 60).
    pub without_handler: usize,
}

impl Counts {
    /// Nodes that will not change by themselves any more.
    #[must_use]
    pub const fn finished(&self) -> usize {
        self.available + self.failing + self.aborted
    }

    /// Selected nodes that are not Ready.
    #[must_use]
    pub const fn not_ready(&self) -> usize {
        self.matching.saturating_sub(self.ready)
    }

    /// As `status.summary` has it.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        Summary {
            matching: count(self.matching),
            available: count(self.available),
            failing: count(self.failing),
            aborted: count(self.aborted),
            pending: count(self.pending),
            progressing: count(self.progressing + self.retrying),
            not_ready: count(self.not_ready()),
            unmanaged: count(self.unmanaged),
        }
    }

    /// What follows every message about nodes.
    fn suffix(&self) -> String {
        let mut text = String::new();
        let mut say = |count: usize, what: &str| {
            if count > 0 {
                text.push_str(&format!(", {count} nodes {what}"));
            }
        };
        say(self.not_ready(), "ignored due to NotReady state");
        say(self.unmanaged, "not managed");
        say(self.without_handler, "without handler");
        text
    }
}

/// What a policy says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyState {
    /// Nobody has looked yet.
    Unknown,
    /// No node is selected; with what is to be added.
    Ignored(String),
    /// Some node failed; with the message.
    Degraded(String),
    /// Some node is not done; with the message.
    Progressing(String),
    /// All nodes are done; with the message.
    Available(String),
}

/// The state that follows from the counts.
///
/// A node that will try again has not failed yet: the policy stays Progressing, unless `degraded_while_retrying` asks
/// for the replaced operator's behaviour, which changes back and forth with every attempt.
#[must_use]
pub fn decide(counts: &Counts, degraded_while_retrying: bool) -> PolicyState {
    let Counts { matching, ready, .. } = *counts;
    if matching == 0 {
        return PolicyState::Ignored(format!("Policy does not match any node{}", counts.suffix()));
    }
    let mut seen = *counts;
    if degraded_while_retrying {
        seen.failing += seen.retrying;
        seen.retrying = 0;
    }
    let finished = seen.finished();
    if seen.failing + seen.aborted > 0 {
        let mut message = format!("{}/{matching} nodes failed to configure", seen.failing);
        if seen.aborted > 0 {
            message.push_str(&format!(", {} nodes aborted configuration", seen.aborted));
        }
        return PolicyState::Degraded(message);
    }
    if finished < ready || seen.pending > 0 || seen.retrying > 0 {
        let mut message = format!("Policy is progressing {finished}/{ready} nodes finished");
        if finished >= ready && seen.pending > 0 {
            message.push_str(&format!(", {} pending", seen.pending));
        }
        if seen.retrying > 0 {
            message.push_str(&format!(", {} retrying", seen.retrying));
        }
        message.push_str(&counts.suffix());
        return PolicyState::Progressing(message);
    }
    PolicyState::Available(format!(
        "{}/{matching} nodes successfully configured{}",
        seen.available,
        counts.suffix()
    ))
}

impl PolicyState {
    /// The four conditions, in list order.
    #[must_use]
    pub fn conditions(&self) -> [Wanted; 4] {
        use Truth::{False, True, Unknown};
        match self {
            Self::Unknown => row("", [Unknown; 4]),
            Self::Ignored(message) => said(row(NO_NODE, [False, False, False, True]), 3, message),
            Self::Degraded(message) => {
                let mut row = said(row(FAILED, [False, True, False, False]), 1, message);
                row[2].reason = CONFIGURING;
                row
            }
            Self::Progressing(message) => said(row(CONFIGURING, [Unknown, Unknown, True, False]), 2, message),
            Self::Available(message) => said(row(CONFIGURED, [True, False, False, False]), 0, message),
        }
    }

    /// Writes this state into the list; false if it said so already.
    pub fn write(&self, list: &mut Vec<Condition>, generation: i64, now: Timestamp) -> bool {
        set(list, &self.conditions(), Some(generation), now)
    }
}

fn row(reason: &'static str, [available, degraded, progressing, ignored]: [Truth; 4]) -> [Wanted; 4] {
    let one = |type_, status| Wanted {
        type_,
        status,
        reason,
        message: String::new(),
    };
    [
        one(AVAILABLE, available),
        one(DEGRADED, degraded),
        one(PROGRESSING, progressing),
        one(IGNORED, ignored),
    ]
}

fn said(mut row: [Wanted; 4], at: usize, message: &str) -> [Wanted; 4] {
    if let Some(one) = row.get_mut(at) {
        message.clone_into(&mut one.message);
    }
    row
}
