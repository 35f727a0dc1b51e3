//! What can go wrong when the network is read or changed.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use nmstate::{ErrorKind, NmstateError};

use super::RolledBack;

/// A back end could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// The desired state is wrong, whatever the node looks like.
    #[error("{reason}")]
    Refused {
        /// The words of the decoder or of the back end.
        reason: String,
    },
    /// The back end, or what it stands on, cannot do this.
    #[error("{reason}")]
    NotSupported {
        /// What is not supported.
        reason: String,
    },
    /// The desired state names something the node does not have now.
    #[error("{reason}")]
    NotFound {
        /// What is missing.
        reason: String,
    },
    /// Another program has a checkpoint open, and only one can be.
    #[error("another program has the checkpoint {path} open; waiting until it is gone")]
    ForeignCheckpoint {
        /// Its D-Bus path; `unknown` if it went before it could be named.
        path: String,
    },
    /// A transaction of ours is open, or was left open by an earlier process.
    #[error("a change of policy {policy} is still open; commit it, roll it back or recover first")]
    Busy {
        /// Whose it is.
        policy: String,
    },
    /// The service does not answer.
    #[error("{service} does not answer: {reason}; check that it runs")]
    Unavailable {
        /// Name of the service.
        service: &'static str,
        /// What happened instead.
        reason: String,
    },
    /// The service does not let us.
    #[error("not permitted: {reason}; the handler needs root or a polkit rule")]
    Permission {
        /// The words of the service.
        reason: String,
    },
    /// Applied, but the network did not become what was wished; taken back.
    #[error("{reason}")]
    Verification {
        /// Which value differs.
        reason: String,
        /// How it was taken back.
        rolled_back: RolledBack,
    },
    /// Something failed while applying; taken back.
    #[error("{reason}")]
    Failed {
        /// The words of the service or of nmstate.
        reason: String,
        /// How it was taken back, if anything had been changed.
        rolled_back: Option<RolledBack>,
    },
    /// The transaction is not open any more: its time limit took it back.
    #[error("the change was taken back by its time limit of {timeout:?} before it was committed")]
    Lost {
        /// The time limit.
        timeout: Duration,
        /// Whether the network is as before.
        rolled_back: RolledBack,
    },
    /// It took longer than it may.
    #[error("{what} did not end within {limit:?}")]
    TooSlow {
        /// What did not end.
        what: &'static str,
        /// How long it may take.
        limit: Duration,
    },
    /// A defect in nmstate or here; caught, nothing else was harmed.
    #[error("{what} broke off: {reason}; please report this")]
    Panicked {
        /// What broke off.
        what: &'static str,
        /// The words of the panic.
        reason: String,
    },
    /// The record of the open transaction cannot be read or written.
    #[error("cannot keep the record {}; make its folder writable for root", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// When trying the same again may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Only with another desired state, or another node.
    Never,
    /// After some time.
    Later,
    /// When links or routes change; after some time as well.
    WhenLinksChange,
    /// When the other transaction is gone; nothing was tried, so this does not count as an attempt.
    WhenFree,
}

impl BackendError {
    /// When trying the same again may help.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::Refused { .. } | Self::NotSupported { .. } => Retry::Never,
            Self::NotFound { .. } => Retry::WhenLinksChange,
            Self::ForeignCheckpoint { .. } | Self::Busy { .. } => Retry::WhenFree,
            Self::Unavailable { .. }
            | Self::Permission { .. }
            | Self::Verification { .. }
            | Self::Failed { .. }
            | Self::Lost { .. }
            | Self::TooSlow { .. }
            | Self::Panicked { .. }
            | Self::Record { .. } => Retry::Later,
        }
    }

    /// How the change was taken back, when it had been begun.
    #[must_use]
    pub fn rolled_back(&self) -> Option<&RolledBack> {
        match self {
            Self::Verification { rolled_back, .. } | Self::Lost { rolled_back, .. } => Some(rolled_back),
            Self::Failed { rolled_back, .. } => rolled_back.as_ref(),
            Self::Refused { .. }
            | Self::NotSupported { .. }
            | Self::NotFound { .. }
            | Self::ForeignCheckpoint { .. }
            | Self::Busy { .. }
            | Self::Unavailable { .. }
            | Self::Permission { .. }
            | Self::TooSlow { .. }
            | Self::Panicked { .. }
            | Self::Record { .. } => None,
        }
    }

    /// The same error, telling how the change was taken back.
    pub(crate) fn after(self, outcome: RolledBack) -> Self {
        match self {
            Self::Verification { reason, .. } => Self::Verification {
                reason,
                rolled_back: outcome,
            },
            Self::Failed { reason, .. } => Self::Failed {
                reason,
                rolled_back: Some(outcome),
            },
            other => other,
        }
    }

    /// Anything without a better name.
    pub(crate) fn failed(reason: impl Into<String>) -> Self {
        Self::Failed {
            reason: reason.into(),
            rolled_back: None,
        }
    }

    /// NetworkManager, or the bus it is on, does not answer.
    pub(crate) fn no_network_manager(reason: impl Into<String>) -> Self {
        Self::Unavailable {
            service: "NetworkManager",
            reason: reason.into(),
        }
    }
}

/// Words that say that something is not there. nmstate has no kind of its own for that.
const MISSING: [&str; 3] = ["does not exist", "not found", "NotFound"];

/// Words that say that nobody answers. They come as kind `Bug`.
const SILENT: [&str; 5] = [
    "DbusConnectionError",
    "ServiceUnknown",
    "NameHasNoOwner",
    "NoReply",
    "Disconnected",
];

impl From<NmstateError> for BackendError {
    /// Secrets must be masked by the caller, who knows them.
    fn from(error: NmstateError) -> Self {
        let reason = error.to_string();
        let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
        match error.kind() {
            ErrorKind::InvalidArgument if says(&MISSING) => Self::NotFound { reason },
            ErrorKind::InvalidArgument | ErrorKind::PolicyError | ErrorKind::KernelIntegerRoundedError => {
                Self::Refused { reason }
            }
            ErrorKind::NotImplementedError | ErrorKind::NotSupportedError | ErrorKind::DependencyError => {
                Self::NotSupported { reason }
            }
            ErrorKind::PermissionError => Self::Permission { reason },
            ErrorKind::VerificationError => Self::Verification {
                reason: reason.replacen("VerificationError: ", "", 1),
                rolled_back: RolledBack::default(),
            },
            _ if reason.contains("CheckpointConflict") => Self::ForeignCheckpoint {
                path: "unknown".to_owned(),
            },
            _ if says(&SILENT) => Self::no_network_manager(reason),
            _ => Self::failed(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(kind: ErrorKind, text: &str) -> BackendError {
        NmstateError::new(kind, text.to_owned()).into()
    }

    #[test]
    fn what_the_crate_says_gets_a_name_and_a_time_to_retry() {
        let rows = [
            (
                ErrorKind::InvalidArgument,
                "Ethernet interface eth66 does not exists",
                Retry::WhenLinksChange,
            ),
            (
                ErrorKind::InvalidArgument,
                "unknown field `interfacez`",
                Retry::Never,
            ),
            (ErrorKind::NotSupportedError, "no such thing", Retry::Never),
            (
                ErrorKind::Bug,
                "CheckpointConflict: Another checkpoint exists, please wait its timeout or destroy it",
                Retry::WhenFree,
            ),
            (
                ErrorKind::Bug,
                "DbusConnectionError: I/O error: No such file or directory",
                Retry::Later,
            ),
            (
                ErrorKind::VerificationError,
                "Verification failure: e1.mtu",
                Retry::Later,
            ),
        ];
        for (given, text, expected) in rows {
            assert_eq!(kind(given, text).retry(), expected, "{text}");
        }
    }

    #[test]
    fn a_failed_verification_says_so_once() {
        let text = kind(
            ErrorKind::VerificationError,
            "Verification failure: e1.mtu desire '1'",
        )
        .to_string();
        assert_eq!(text, "Verification failure: e1.mtu desire '1'");
    }
}
