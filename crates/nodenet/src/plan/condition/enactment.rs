//! The conditions of an enactment: the table of spec §4.3, both ways.

use api::nmstate::Condition;
use jiff::Timestamp;

use super::{Truth, Wanted, set};

/// The node looks as wanted.
pub const AVAILABLE: &str = "Available";
/// The last attempt failed.
pub const FAILING: &str = "Failing";
/// The node is at work, or will try again.
pub const PROGRESSING: &str = "Progressing";
/// The node waits.
pub const PENDING: &str = "Pending";
/// The node never tried, because too many others failed.
pub const ABORTED: &str = "Aborted";

/// Attempts before a node gives up, unless its process is told otherwise (spec §15.1).
pub const MAX_RETRIES: u32 = 5;

const CONFIGURING: &str = "ConfigurationProgressing";
const CONFIGURED: &str = "SuccessfullyConfigured";

/// Why a node waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PendingReason {
    /// For a slot; the only wait the coordinator ends.
    MaxUnavailableLimitReached,
    /// The node is hands-off (spec §17.1).
    NodeUnmanaged,
    /// Somebody else's checkpoint is in the way (spec §9.2).
    ForeignCheckpoint,
    /// For a policy named in `after` (spec §17.3).
    WaitingForPolicy,
    /// For a Secret (spec §22.6).
    WaitingForSecret,
    /// For an address (spec §22.2).
    WaitingForAddress,
}

impl PendingReason {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::MaxUnavailableLimitReached,
        Self::NodeUnmanaged,
        Self::ForeignCheckpoint,
        Self::WaitingForPolicy,
        Self::WaitingForSecret,
        Self::WaitingForAddress,
    ];

    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MaxUnavailableLimitReached => "MaxUnavailableLimitReached",
            Self::NodeUnmanaged => "NodeUnmanaged",
            Self::ForeignCheckpoint => "ForeignCheckpoint",
            Self::WaitingForPolicy => "WaitingForPolicy",
            Self::WaitingForSecret => "WaitingForSecret",
            Self::WaitingForAddress => "WaitingForAddress",
        }
    }
}

/// Why a node is content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AvailableReason {
    /// It looks as wanted.
    SuccessfullyConfigured,
    /// No interface matched (spec §17.2).
    NoMatchingInterface,
    /// Stronger policies set everything (spec §17.3).
    Overridden,
    /// No group is large enough for a bond (spec §17.4).
    NothingToBond,
}

impl AvailableReason {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SuccessfullyConfigured => CONFIGURED,
            Self::NoMatchingInterface => "NoMatchingInterface",
            Self::Overridden => "Overridden",
            Self::NothingToBond => "NothingToBond",
        }
    }
}

/// Why a node gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailingReason {
    /// The change failed.
    FailedToConfigure,
    /// The name of a bond to make is taken (spec §17.4).
    NameConflict,
}

impl FailingReason {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FailedToConfigure => "FailedToConfigure",
            Self::NameConflict => "NameConflict",
        }
    }
}

/// What an enactment is to say: one row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnactmentState<'a> {
    /// The node is at work.
    Progressing,
    /// The node waits.
    Pending {
        /// For what.
        reason: PendingReason,
        /// The same in a sentence; empty: the reason's own.
        message: &'a str,
    },
    /// The node will try again.
    Retrying {
        /// Its name.
        node: &'a str,
        /// Failed attempts so far, from 1.
        failures: u32,
        /// Attempts before it gives up.
        limit: u32,
    },
    /// The node gave up.
    Failing {
        /// Why.
        reason: FailingReason,
        /// The error.
        message: &'a str,
    },
    /// The node is content.
    Available {
        /// Why.
        reason: AvailableReason,
        /// The same in a sentence; empty: the reason's own.
        message: &'a str,
    },
    /// The node never tried.
    Aborted {
        /// Name of the enactment.
        enactment: &'a str,
    },
}

impl EnactmentState<'_> {
    /// The plain success.
    #[must_use]
    pub const fn available() -> Self {
        Self::Available {
            reason: AvailableReason::SuccessfullyConfigured,
            message: "",
        }
    }

    /// Waiting for a slot.
    #[must_use]
    pub const fn waiting() -> Self {
        Self::Pending {
            reason: PendingReason::MaxUnavailableLimitReached,
            message: "",
        }
    }

    /// The five conditions of this row, in the order in which they are appended to an empty list.
    #[must_use]
    pub fn conditions(&self) -> [Wanted; 5] {
        match self {
            Self::Progressing => {
                let mut row = working(CONFIGURING, [Truth::True, Truth::Unknown, Truth::Unknown]);
                row[0].message = "Applying desired state".to_owned();
                row
            }
            Self::Pending { reason, message } => {
                let own = match reason {
                    PendingReason::NodeUnmanaged => "node is not managed",
                    _ => "Waiting for progressing nodes to finish",
                };
                let message = if message.is_empty() { own } else { message };
                let mut row = waiting(reason.as_str(), Truth::True, Truth::False);
                row[0].message = message.to_owned();
                row[2].message = message.to_owned();
                row
            }
            Self::Retrying {
                node,
                failures,
                limit,
            } => {
                let next = failures.saturating_add(1);
                let message = format!(
                    "failed to reconcile NodeNetworkConfigurationPolicy on node {node}. Retrying {next}/{limit}"
                );
                let mut row = working("Retrying", [Truth::True, Truth::True, Truth::False]);
                row[0].message.clone_from(&message);
                row[1].message = message;
                row[4].reason = CONFIGURED;
                row
            }
            Self::Failing { reason, message } => {
                let mut row = working(reason.as_str(), [Truth::False, Truth::True, Truth::False]);
                row[1].message = (*message).to_owned();
                row[4].reason = CONFIGURED;
                row
            }
            Self::Available { reason, message } => {
                let own = match reason {
                    AvailableReason::SuccessfullyConfigured => "successfully reconciled",
                    AvailableReason::NoMatchingInterface => "no interface matched",
                    AvailableReason::Overridden => "every setting is overridden by stronger policies",
                    AvailableReason::NothingToBond => "no group of interfaces is large enough for a bond",
                };
                let mut row = working(reason.as_str(), [Truth::False, Truth::False, Truth::True]);
                row[2].message = if message.is_empty() { own } else { message }.to_owned();
                row
            }
            Self::Aborted { enactment } => {
                let mut row = waiting("ConfigurationAborted", Truth::False, Truth::True);
                row[1].message = format!("reconciliation of enactment \"{enactment}\" has aborted");
                row
            }
        }
    }

    /// Writes this state into the list; false if it said so already. `generation` is that of the policy.
    pub fn write(&self, list: &mut Vec<Condition>, generation: i64, now: Timestamp) -> bool {
        set(list, &self.conditions(), Some(generation), now)
    }
}

const fn one(type_: &'static str, status: Truth, reason: &'static str) -> Wanted {
    Wanted {
        type_,
        status,
        reason,
        message: String::new(),
    }
}

/// A row whose list begins with Progressing, Failing, Available.
const fn working(reason: &'static str, [progressing, failing, available]: [Truth; 3]) -> [Wanted; 5] {
    [
        one(PROGRESSING, progressing, reason),
        one(FAILING, failing, reason),
        one(AVAILABLE, available, reason),
        one(PENDING, Truth::False, reason),
        one(ABORTED, Truth::False, reason),
    ]
}

/// A row whose list begins with Pending and Aborted.
const fn waiting(reason: &'static str, pending: Truth, aborted: Truth) -> [Wanted; 5] {
    [
        one(PENDING, pending, reason),
        one(ABORTED, aborted, reason),
        one(PROGRESSING, Truth::False, reason),
        one(FAILING, Truth::False, reason),
        one(AVAILABLE, Truth::False, reason),
    ]
}

/// What an enactment says, read back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Said {
    /// Nothing yet.
    #[default]
    Nothing,
    /// The node waits for a slot.
    WaitingForSlot,
    /// The node waits for something else.
    Pending,
    /// The node is at work.
    Progressing,
    /// The node will try again.
    Retrying,
    /// The node gave up.
    Failing,
    /// The node is content.
    Available,
    /// The node never tried.
    Aborted,
}

/// Reads the state from the conditions. Lists of the replaced operator are read the same.
#[must_use]
pub fn said(conditions: &[Condition]) -> Said {
    let is = |type_| Condition::find(conditions, type_).is_some_and(Condition::is_true);
    if is(AVAILABLE) {
        Said::Available
    } else if is(FAILING) && is(PROGRESSING) {
        Said::Retrying
    } else if is(FAILING) {
        Said::Failing
    } else if is(ABORTED) {
        Said::Aborted
    } else if is(PROGRESSING) {
        Said::Progressing
    } else if is(PENDING) {
        let reason = Condition::find(conditions, PENDING).and_then(|c| c.reason.as_deref());
        if reason == Some(PendingReason::MaxUnavailableLimitReached.as_str()) {
            Said::WaitingForSlot
        } else {
            Said::Pending
        }
    } else {
        Said::Nothing
    }
}
