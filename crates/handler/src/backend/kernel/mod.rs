//! The kernel itself, for hosts without NetworkManager (specification §19).
//!
//! nmstate reads the network and tells what a document would change; [`plan`] turns that into steps, nispor and
//! netlink make them. A change is undone by the journal that was written before its first step: by
//! [`NetBackend::rollback`], by a watchdog process of its own ([`watch`]) when the time limit strikes or the handler
//! dies, or by [`NetBackend::recover`] at the next start. The kernel forgets everything at a reboot, so what was made
//! final is kept in files and applied again by [`KernelBackend::reapply`].

mod files;
mod host;
mod journal;
mod machine;
pub mod net;
mod networkd;
pub mod plan;
mod store;
mod walk;
mod watchdog;
mod wire;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

pub use self::plan::Allowance;
pub use self::store::Kept;
pub use self::watchdog::{WatchdogCommand, watch};

use self::machine::Machine;
use super::{
    BackendError, Change, Facts, NetBackend, Plan, Recovery, RolledBack, Transaction, whole_seconds,
};

/// Name for people.
const NAME: &str = "Kernel";
/// Where the records are unless told otherwise.
const FOLDER: &str = "/var/lib/nmstate";

/// Told before every step of a change.
pub type BeforeStep = Arc<dyn Fn(&plan::Step) + Send + Sync>;

/// Where things are on this host.
#[derive(Clone)]
pub struct Settings {
    /// Folder of journal and committed documents, for root only. Default `/var/lib/nmstate`.
    pub folder: PathBuf,
    /// The file of the name servers. Default `/etc/resolv.conf`.
    pub resolver: PathBuf,
    /// Where systemd-networkd tells what it looks after. Default `/run/systemd/netif/links`.
    pub networkd: PathBuf,
    /// How to start the watchdog. Default: this program, sub-command `watchdog`.
    pub watchdog: WatchdogCommand,
    /// Told before every step of a change, not of a way back.
    pub before_step: Option<BeforeStep>,
}

impl Settings {
    /// The defaults, with this folder of records.
    ///
    /// # Errors
    /// When the path of this program is not known.
    pub fn new(folder: &Path) -> std::io::Result<Self> {
        Ok(Self {
            folder: folder.to_owned(),
            resolver: PathBuf::from("/etc/resolv.conf"),
            networkd: PathBuf::from("/run/systemd/netif/links"),
            watchdog: WatchdogCommand::own()?,
            before_step: None,
        })
    }

    /// Where the records are unless told otherwise.
    #[must_use]
    pub fn default_folder() -> &'static Path {
        Path::new(FOLDER)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("folder", &self.folder)
            .field("resolver", &self.resolver)
            .field("networkd", &self.networkd)
            .field("watchdog", &self.watchdog)
            .finish_non_exhaustive()
    }
}

/// The back end for hosts without NetworkManager. Cheap to clone.
#[derive(Clone, Debug)]
pub struct KernelBackend {
    settings: Arc<Settings>,
    allowance: Allowance,
}

impl KernelBackend {
    /// One with these settings. It works in the network namespace of the thread that a runtime starts its blocking
    /// threads from.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings: Arc::new(settings),
            allowance: Allowance::default(),
        }
    }

    /// The same back end for a policy that allows more.
    #[must_use]
    pub fn allowing(&self, allowance: Allowance) -> Self {
        Self {
            settings: Arc::clone(&self.settings),
            allowance,
        }
    }

    /// The documents that were made final, in the order of their commits.
    ///
    /// # Errors
    /// [`BackendError::Record`].
    pub async fn kept(&self) -> Result<Vec<Kept>, BackendError> {
        self.run("reading the records", Machine::kept).await
    }

    /// Forgets the document of a policy, which will not be applied again: it was reverted. Does not change the
    /// network.
    ///
    /// # Errors
    /// [`BackendError::Record`].
    pub async fn forget(&self, policy: &str) -> Result<(), BackendError> {
        let policy = policy.to_owned();
        self.run("forgetting a policy", move |machine| machine.forget(&policy))
            .await
    }

    /// Applies all documents that were made final, in the order of their commits, each only if it is not true
    /// already: at the start of the handler and of the machine. One that fails is taken back by itself and does not
    /// stop the others.
    ///
    /// Returns the policies that were applied and those that failed.
    ///
    /// # Errors
    /// [`BackendError::Record`]; [`BackendError::Busy`] before [`NetBackend::recover`].
    pub async fn reapply(&self) -> Result<Reapplied, BackendError> {
        self.run("applying what was committed", |machine| {
            let mut done = Reapplied::default();
            for kept in machine.kept()? {
                match machine.apply_again(&kept) {
                    Ok(true) => done.applied.push(kept.policy),
                    Ok(false) => {}
                    Err(error @ BackendError::Busy { .. }) => return Err(error),
                    Err(error) => done.failed.push((kept.policy, error)),
                }
            }
            Ok(done)
        })
        .await
    }

    /// Does the work on a thread for blocking work.
    async fn run<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Machine) -> Result<T, BackendError> + Send + 'static,
    ) -> Result<T, BackendError> {
        let (settings, allowance) = (Arc::clone(&self.settings), self.allowance);
        let done = tokio::task::spawn_blocking(move || work(&Machine::open(settings, allowance)?));
        done.await.unwrap_or_else(|error| {
            let reason = error.to_string();
            Err(BackendError::Panicked { what, reason })
        })
    }
}

/// What [`KernelBackend::reapply`] did.
#[derive(Debug, Default)]
pub struct Reapplied {
    /// Policies whose documents were not true and are now.
    pub applied: Vec<String>,
    /// Policies whose documents could not be applied.
    pub failed: Vec<(String, BackendError)>,
}

#[async_trait]
impl NetBackend for KernelBackend {
    async fn facts(&self) -> Facts {
        let release = rustix::system::uname().release().to_string_lossy().into_owned();
        Facts {
            name: NAME,
            version: Some(release),
        }
    }

    async fn query(&self) -> Result<Value, BackendError> {
        self.run("reading the network", Machine::query).await
    }

    async fn plan(&self, desired: &Value) -> Result<Plan, BackendError> {
        let desired = desired.clone();
        self.run("planning a change", move |machine| machine.plan(&desired))
            .await
    }

    async fn begin(&self, change: &Change) -> Result<Transaction, BackendError> {
        let seconds = whole_seconds(change.timeout);
        let change = change.clone();
        self.run("applying a change", move |machine| {
            machine.begin(&change, seconds)
        })
        .await
    }

    async fn commit(&self, transaction: &Transaction) -> Result<(), BackendError> {
        let transaction = transaction.clone();
        self.run("committing a change", move |machine| machine.commit(&transaction))
            .await
    }

    async fn rollback(&self, transaction: &Transaction) -> Result<RolledBack, BackendError> {
        let transaction = transaction.clone();
        self.run("taking a change back", move |machine| {
            machine.rollback(&transaction)
        })
        .await
    }

    async fn recover(&self) -> Result<Recovery, BackendError> {
        self.run("recovering", Machine::recover).await
    }
}
