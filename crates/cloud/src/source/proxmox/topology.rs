//! What is true of a whole region: version, quorum, privileges, HA groups or rules (§9).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use runtime::answer::Answer;
use runtime::clock::BootTime;
use tokio::time::sleep;

use super::cached::Cached;
use super::call::Call;
use super::client::Client;
use super::failure::{Failure, Kind};
use super::wire;
use crate::plan::facts::{Affinity, Permissions, Quorum, Region};

/// HA groups change by hand; one request per minute is what the specification allows (§17.4).
const HA_PERIOD: Duration = Duration::from_secs(60);
/// Quorum is looked at before something is deleted, and never older than the list that suggests it.
const QUORUM_PERIOD: Duration = Duration::from_secs(5);
/// Privileges, too.
const PERMISSIONS_PERIOD: Duration = Duration::from_secs(10);
/// Pause between two questions for a version that was not told.
const VERSION_PERIOD: Duration = Duration::from_secs(60);
/// From this major version on HA groups are rules.
const FIRST_WITH_RULES: u32 = 9;

/// The facts of one region.
#[derive(Debug)]
pub(super) struct Topology {
    region: Region,
    client: Arc<Client>,
    version: Mutex<Option<Arc<str>>>,
    has_rules: Arc<AtomicBool>,
    affinities: Cached<Arc<[Affinity]>>,
    quorum: Cached<Quorum>,
    permissions: Cached<Permissions>,
    /// We have had `VM.Audit` on all machines. For as long as this process lives: nobody can tell a privilege that was
    /// lost from one that was taken away on purpose, and a restart says which it was.
    had_audit: AtomicBool,
}

impl Topology {
    pub(super) fn new(region: &Region, client: Arc<Client>) -> Self {
        Self {
            region: region.clone(),
            client,
            version: Mutex::default(),
            has_rules: Arc::default(),
            affinities: Cached::new(HA_PERIOD),
            quorum: Cached::new(QUORUM_PERIOD),
            permissions: Cached::new(PERMISSIONS_PERIOD),
            had_audit: AtomicBool::new(false),
        }
    }

    /// Asks for the version (§1.3), again every minute until it is known.
    pub(super) async fn learn_version(&self) {
        self.ask_version().await;
        while self.version().is_none() {
            sleep(VERSION_PERIOD).await;
            self.ask_version().await;
        }
    }

    async fn ask_version(&self) {
        match self.client.get(Call::Version, wire::version).await {
            Ok(version) => {
                tracing::info!(region = %self.region, %version, "Proxmox VE");
                let major = version
                    .split('.')
                    .next()
                    .and_then(|major| major.parse::<u32>().ok());
                self.has_rules.store(
                    major.is_some_and(|major| major >= FIRST_WITH_RULES),
                    Ordering::Relaxed,
                );
                *self.version.lock().unwrap_or_else(PoisonError::into_inner) = Some(version);
            }
            Err(failure) => {
                tracing::debug!(region = %self.region, error = %failure, "cannot ask for the version");
            }
        }
    }

    pub(super) fn version(&self) -> Option<Arc<str>> {
        self.version
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) async fn quorum(&self, since: BootTime) -> Answer<Quorum> {
        self.quorum
            .get(since, || {
                let client = self.client.clone();
                async move { answer(client.get(Call::ClusterStatus, wire::quorum).await) }
            })
            .await
    }

    pub(super) async fn permissions(&self, since: BootTime) -> Answer<Permissions> {
        let held = self.permissions.get(since, || {
            let client = self.client.clone();
            async move { answer(client.get(Call::Permissions, wire::permissions).await) }
        });
        held.await.map(|held| {
            let had = self.had_audit.fetch_or(held.vm_audit, Ordering::Relaxed);
            Permissions {
                vm_audit_lost: had && !held.vm_audit,
                ..held
            }
        })
    }

    pub(super) async fn affinities(&self) -> Answer<Arc<[Affinity]>> {
        self.affinities
            .get(BootTime::ZERO, || {
                let reader = AffinityReader {
                    region: self.region.clone(),
                    client: self.client.clone(),
                    has_rules: self.has_rules.clone(),
                };
                async move { answer(reader.read().await) }
            })
            .await
    }
}

/// Reads HA groups or rules, whichever the region has.
struct AffinityReader {
    region: Region,
    client: Arc<Client>,
    has_rules: Arc<AtomicBool>,
}

impl AffinityReader {
    /// Groups or rules, whichever the region had last; the other ones once the region says that it has changed.
    async fn read(&self) -> Result<Arc<[Affinity]>, Failure> {
        if self.has_rules.load(Ordering::Relaxed) {
            match self.client.get(Call::HaRules, wire::rules).await {
                // An older version answers now: one host after the other is upgraded, or the end point was changed.
                Err(failure) if failure.kind == Kind::NoSuchMethod => {
                    self.has_rules.store(false, Ordering::Relaxed);
                }
                outcome => return outcome,
            }
            return self.client.get(Call::HaGroups, wire::groups).await;
        }
        match self.client.get(Call::HaGroups, wire::groups).await {
            Err(failure) if failure.kind == Kind::GroupsAreRules => {
                tracing::info!(region = %self.region, "HA groups are rules now, reading those");
                self.has_rules.store(true, Ordering::Relaxed);
                self.client.get(Call::HaRules, wire::rules).await
            }
            outcome => outcome,
        }
    }
}

fn answer<T>(outcome: Result<T, Failure>) -> Answer<T> {
    match outcome {
        Ok(value) => Answer::Known(value),
        Err(failure) => failure.unknown(),
    }
}
