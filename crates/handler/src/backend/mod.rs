//! Who changes the network of the node: a trait, and the implementations behind it.
//!
//! Every back end is a transaction machine (specification §18, §19): [`NetBackend::begin`] changes the network and
//! leaves a way back open, [`NetBackend::commit`] closes it, [`NetBackend::rollback`] goes it. Whatever happens to
//! this process in between, the way back is gone by itself: after the time limit, or by [`NetBackend::recover`] at
//! the next start. Documents are JSON in nmstate's own schema; the order of map keys means nothing.
//!
//! - [`network_manager`]: through nmstate, under a checkpoint of NetworkManager that is ours;
//! - [`kernel`]: the kernel itself, under a journal and a watchdog of ours;
//! - [`scripted`]: no network at all, for tests of what uses a back end.

mod compare;
mod error;
mod holds;
pub mod kernel;
pub(crate) mod library;
pub mod network_manager;
mod revert;
pub mod scripted;
mod secrets;

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use compare::{Touched, differences, touched_part};
pub use error::{BackendError, Retry};
pub use kernel::KernelBackend;
pub use network_manager::NetworkManager;
pub use revert::usable_revert;
pub use scripted::Scripted;
pub use secrets::{MASK, masked, masked_text};

/// The least time a transaction may stay open before it is taken back by itself (specification §9.2).
pub const SHORTEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Who changes the network of this node.
///
/// One transaction at a time: [`NetBackend::begin`] fails with [`BackendError::Busy`] while one is open. Every call
/// may take as long as the network needs; none blocks the thread it is awaited on.
#[async_trait]
pub trait NetBackend: Send + Sync + 'static {
    /// What it is and which version of its service answers.
    ///
    /// Never fails: a service that does not answer has no version.
    async fn facts(&self) -> Facts;

    /// The current state of the network, as nmstate writes it. Secrets are replaced by [`MASK`].
    ///
    /// # Errors
    /// [`BackendError::Unavailable`] when the service does not answer, and whatever it answers instead.
    async fn query(&self) -> Result<Value, BackendError>;

    /// What `desired` would change, and how that could be undone. Changes nothing.
    ///
    /// # Errors
    /// [`BackendError::Refused`] when the document is wrong, [`BackendError::NotFound`] when it names what the node
    /// does not have, and those of [`NetBackend::query`].
    async fn plan(&self, desired: &Value) -> Result<Plan, BackendError>;

    /// Applies a change and leaves it open. On an error nothing is open, and the network is as before unless the
    /// error says otherwise ([`BackendError::rolled_back`]).
    ///
    /// # Errors
    /// Those of [`NetBackend::plan`]; [`BackendError::Busy`] when a transaction of ours is open or waits for
    /// [`NetBackend::recover`]; [`BackendError::ForeignCheckpoint`] when one of somebody else is;
    /// [`BackendError::Verification`] when the network did not become what was wished.
    async fn begin(&self, change: &Change) -> Result<Transaction, BackendError>;

    /// Makes an open change final.
    ///
    /// # Errors
    /// [`BackendError::Lost`] when the time limit took it back before, otherwise what the service said: then nothing
    /// was rolled back, and the time limit will (specification case 82).
    async fn commit(&self, transaction: &Transaction) -> Result<(), BackendError>;

    /// Takes an open change back and checks that the network is as before.
    ///
    /// # Errors
    /// When the way back could not be gone; the time limit will try again.
    async fn rollback(&self, transaction: &Transaction) -> Result<RolledBack, BackendError>;

    /// Finds what an earlier process left open and takes it back. Called once at the start, and again whenever
    /// [`NetBackend::begin`] says [`BackendError::Busy`]. Never touches a transaction of somebody else.
    ///
    /// # Errors
    /// When the way back could not be gone; call it again.
    async fn recover(&self) -> Result<Recovery, BackendError>;
}

/// What a back end is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Name for people: `NetworkManager`, `Kernel`, `Scripted`.
    pub name: &'static str,
    /// Version of the service behind it, e.g. `1.42.4`.
    pub version: Option<String>,
}

/// A change to make.
#[derive(Clone)]
pub struct Change {
    /// Whose it is: the name of the policy, for records and messages.
    pub policy: String,
    /// Generation of that policy.
    pub generation: i64,
    /// What the network shall be, with clear secrets.
    pub desired: Value,
    /// After how long it is taken back unless committed, counted from the end of [`NetBackend::begin`]. Whole
    /// seconds, rounded up.
    pub timeout: Duration,
}

impl std::fmt::Debug for Change {
    /// Without the document: it holds secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Change")
            .field("policy", &self.policy)
            .field("generation", &self.generation)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// What a change would do.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Only what differs from the current state; secrets masked.
    pub diff: Value,
    /// A document that undoes it; secrets masked. See [`usable_revert`].
    pub revert: Value,
}

impl Plan {
    /// Nothing would change: the desired state is the current one.
    #[must_use]
    pub fn is_no_op(&self) -> bool {
        let empty = |value: &Value| match value {
            Value::Null => true,
            Value::Array(list) => list.is_empty(),
            Value::Object(map) => map.is_empty(),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        };
        self.diff
            .as_object()
            .is_none_or(|sections| sections.values().all(empty))
    }
}

/// An open change. May be written to a file: it stays valid for another process until the time limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transaction {
    /// The name of the way back: a checkpoint's path, or a journal's name.
    pub id: String,
    /// Of [`Change::policy`].
    pub policy: String,
    /// Of [`Change::generation`].
    pub generation: i64,
    /// Of [`Change::timeout`]. Unit: seconds.
    pub timeout_seconds: u32,
}

/// A change was taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RolledBack {
    /// Paths whose value is not what it was before, e.g. `interfaces.eth1.mtu`. Empty: all is as before.
    pub differs: Vec<String>,
    /// The name servers had to be put back by us, because the service did not.
    pub restored_dns: bool,
}

impl RolledBack {
    /// What to tell people when the network is not as before.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        match self.differs.as_slice() {
            [] => None,
            [one] => Some(format!("rolled back, but {one} differs")),
            [first, rest @ ..] => Some(format!("rolled back, but {first} and {} more differ", rest.len())),
        }
    }
}

/// What [`NetBackend::recover`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// Nothing was open.
    Nothing,
    /// The change had been made final, only its record was left.
    Committed {
        /// Whose it was.
        policy: String,
        /// Generation of that policy.
        generation: i64,
    },
    /// It was taken back: now, or by its time limit before.
    RolledBack {
        /// Whose it was.
        policy: String,
        /// Generation of that policy.
        generation: i64,
        /// How it went.
        outcome: RolledBack,
        /// Who did it.
        by: TakenBack,
    },
}

/// Who took an abandoned change back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenBack {
    /// We did, just now.
    Now,
    /// Its time limit, before we looked.
    TimeLimit,
    /// The node or the service was restarted in between, so the way back was lost; we applied the former state.
    FormerState,
}

/// Rounded up; never 0, which a checkpoint takes for "never".
fn whole_seconds(timeout: Duration) -> u32 {
    let up = timeout
        .as_secs()
        .saturating_add(u64::from(timeout.subsec_nanos() > 0));
    u32::try_from(up).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_time_limit_is_never_none_and_never_shorter() {
        assert_eq!(whole_seconds(Duration::ZERO), 1);
        assert_eq!(whole_seconds(Duration::from_millis(1500)), 2);
        assert_eq!(whole_seconds(Duration::from_secs(240)), 240);
        assert_eq!(whole_seconds(Duration::MAX), u32::MAX);
    }

    #[test]
    fn empty_sections_are_no_change() {
        let plan = |diff| Plan {
            diff,
            revert: json!({}),
        };
        assert!(plan(json!({"interfaces": []})).is_no_op());
        assert!(plan(json!({"interfaces": [], "routes": {}})).is_no_op());
        assert!(!plan(json!({"interfaces": [{"name": "eth1"}]})).is_no_op());
        assert!(!plan(json!({"interfaces": [], "hostname": {"running": "a"}})).is_no_op());
    }

    #[test]
    fn a_warning_names_the_first_path() {
        let after = |differs: &[&str]| RolledBack {
            differs: differs.iter().map(|&path| path.to_owned()).collect(),
            restored_dns: false,
        };
        assert_eq!(after(&[]).warning(), None);
        assert_eq!(
            after(&["interfaces.e1.mtu"]).warning().unwrap(),
            "rolled back, but interfaces.e1.mtu differs"
        );
        assert_eq!(
            after(&["a", "b", "c"]).warning().unwrap(),
            "rolled back, but a and 2 more differ"
        );
    }

    #[test]
    fn a_change_is_printed_without_its_document() {
        let change = Change {
            policy: "p".to_owned(),
            generation: 3,
            desired: json!({"password": "opensesame"}),
            timeout: SHORTEST_TIMEOUT,
        };
        assert!(!format!("{change:?}").contains("opensesame"));
    }
}
