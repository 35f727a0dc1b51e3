//! Proxmox VE: its HTTP API as far as we call it.
//!
//! ```text
//!  Proxmox (Source) ──► index     the list, configurations
//!                  ├──► topology  version, quorum, privileges, HA
//!                  └──► client ──► limits ──► auth ──► end points in turn ──► http
//!                          └─────► wire (JSON to facts), failure (status and text to a kind)
//! ```
//!
//! # Why a client of our own
//!
//! We call nine of about 600 methods, and what matters is not the calls but what happens when they fail: the message of
//! Proxmox VE is its reason phrase, 59x are its own codes, tickets and token files are renewed under way, end points fail
//! over, hosts are left alone. Weighed in November 2026:
//!
//! * `proxmox-client` 0.9.2: calls itself experimental, 26,000 lines for the whole API; reqwest with its default features
//!   (aws-lc, which this workspace forbids, and about 36 crates more than we have), one end point, no own CA, no reload of
//!   tokens, no limit on the size of an answer, and the reason phrase is lost, so a guest that is off and a machine that
//!   has moved look the same.
//! * `proxmox-api` 0.2.0: 92,000 generated lines; the answer of the guest query is an untyped map, and numbers sent as
//!   texts fail to decode.
//! * `pve-api`, `pve`: given up.
//!
//! So: `hyper-util`'s pooled client with `hyper-rustls`, both in the tree already because of kube.

mod auth;
mod breaker;
mod cached;
mod call;
mod client;
mod failure;
mod http;
mod index;
mod limits;
mod settings;
mod topology;
mod wire;

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use runtime::answer::Answer;
use runtime::clock::BootTime;
use tokio_util::sync::CancellationToken;

use crate::plan::facts::{
    Affinity, GuestAnswer, Machine, MachineList, MachineStatus, Permissions, Quorum, ReadConfig, Region,
};

use super::metrics::{Metrics, Question};
use super::{Freshness, Health, Source};
use call::Call;
use client::Client;
use failure::Failure;
use index::Index;
use topology::Topology;

pub use auth::{CredentialError, Credentials};
pub use http::{ProxyError, TrustError};
pub use settings::{Settings, StartError};

/// One cluster of Proxmox VE.
#[derive(Debug)]
pub struct Proxmox {
    region: Region,
    client: Arc<Client>,
    index: Index,
    topology: Topology,
    metrics: Metrics,
}

/// Where a machine is now, after its host did not know it.
enum Whereabouts {
    /// On another host.
    Elsewhere(Machine),
    /// In no list any more.
    Nowhere,
    /// Nobody knows.
    Unclear,
}

impl Proxmox {
    /// Prepares the region's client: reads CA and token files, sends nothing yet.
    ///
    /// # Errors
    ///
    /// See [`StartError`]: an unusable URL, CA, token file or proxy.
    pub fn new(settings: &Settings, metrics: &Metrics) -> Result<Self, StartError> {
        let client = Arc::new(Client::new(settings, metrics.clone())?);
        Ok(Self {
            region: settings.region.clone(),
            index: Index::new(&settings.region, client.clone(), metrics.clone()),
            topology: Topology::new(&settings.region, client.clone()),
            client,
            metrics: metrics.clone(),
        })
    }

    async fn read_config(&self, machine: &Machine) -> Answer<ReadConfig> {
        match self.ask_config(machine).await {
            Ok(config) => Answer::Known(config),
            Err(failure) if failure.may_have_moved() => match self.find(machine).await {
                Whereabouts::Elsewhere(machine) => self
                    .ask_config(&machine)
                    .await
                    .map_or_else(|failure| failure.unknown(), Answer::Known),
                Whereabouts::Nowhere => {
                    self.index.configs().forget(machine.id.vmid);
                    Answer::Absent
                }
                Whereabouts::Unclear => failure.unknown(),
            },
            Err(failure) => failure.unknown(),
        }
    }

    async fn ask_config(&self, machine: &Machine) -> Result<ReadConfig, Failure> {
        let call = Call::Config {
            host: &machine.host,
            vmid: machine.id.vmid,
        };
        let read = BootTime::now();
        let config = Arc::new(self.client.get(call, wire::config).await?);
        let read = ReadConfig { config, read };
        self.index.configs().keep(machine, read.clone());
        Ok(read)
    }

    async fn ask_guest(&self, machine: &Machine) -> GuestAnswer {
        match self.ask_interfaces(machine).await {
            Ok(answer) => answer,
            Err(failure) if failure.may_have_moved() => match self.find(machine).await {
                Whereabouts::Elsewhere(machine) => self
                    .ask_interfaces(&machine)
                    .await
                    .unwrap_or_else(|failure| failure.guest()),
                Whereabouts::Nowhere | Whereabouts::Unclear => failure.guest(),
            },
            Err(failure) => failure.guest(),
        }
    }

    async fn ask_interfaces(&self, machine: &Machine) -> Result<GuestAnswer, Failure> {
        let call = Call::Interfaces {
            host: &machine.host,
            vmid: machine.id.vmid,
        };
        self.client
            .get(call, wire::interfaces)
            .await
            .map(GuestAnswer::Known)
    }

    /// Looks for a machine that its host does not know: in the list at hand if that already has it elsewhere, else in
    /// one newer list (§5.8).
    async fn find(&self, machine: &Machine) -> Whereabouts {
        let vmid = machine.id.vmid;
        let at_hand = self.index.at_hand();
        let elsewhere = |list: &MachineList| {
            list.get(vmid)
                .filter(|found| found.host != machine.host)
                .cloned()
                .map(Whereabouts::Elsewhere)
        };
        if let Some(found) = at_hand.as_deref().and_then(elsewhere) {
            return found;
        }
        let freshness = at_hand.map_or(Freshness::Current, |list| Freshness::NewerThan(list.taken));
        match self.index.machines(freshness).await {
            Answer::Known(list) if list.get(vmid).is_none() => Whereabouts::Nowhere,
            Answer::Known(list) => elsewhere(&list).unwrap_or(Whereabouts::Unclear),
            Answer::Absent | Answer::Unknown(_) => Whereabouts::Unclear,
        }
    }
}

#[async_trait]
impl Source for Proxmox {
    fn region(&self) -> &Region {
        &self.region
    }

    async fn run(&self, stop: CancellationToken) {
        // A region that does not tell its version may still have a list, so neither waits for the other.
        tokio::join!(
            self.index.run(&stop),
            stop.run_until_cancelled(self.topology.learn_version())
        );
    }

    async fn machines(&self, freshness: Freshness) -> Answer<Arc<MachineList>> {
        self.index.machines(freshness).await
    }

    async fn config(&self, machine: &Machine) -> Answer<ReadConfig> {
        let configs = self.index.configs();
        if let Some(config) = configs.get(machine) {
            return Answer::Known(config);
        }
        let read = configs.read(machine.id.vmid);
        let _read = read.lock().await;
        // Somebody else may have read it while we waited.
        if let Some(config) = configs.get(machine) {
            return Answer::Known(config);
        }
        if machine.status == MachineStatus::Unknown {
            return Answer::Unknown(format!(
                "host {} of machine {} does not answer",
                machine.host, machine.id
            ));
        }
        let start = Instant::now();
        let answer = self.read_config(machine).await;
        self.metrics
            .question(Question::Config, start.elapsed(), answer.is_unknown());
        answer
    }

    fn known_config(&self, machine: &Machine) -> Option<ReadConfig> {
        self.index.configs().get(machine)
    }

    fn forget_config(&self, vmid: u64) {
        self.index.configs().forget(vmid);
    }

    async fn guest(&self, machine: &Machine) -> GuestAnswer {
        if let Some(known) = GuestAnswer::without_asking(machine) {
            return known;
        }
        let start = Instant::now();
        let answer = self.ask_guest(machine).await;
        let failed = matches!(answer, GuestAnswer::Unavailable(_));
        self.metrics.question(Question::VmInfo, start.elapsed(), failed);
        answer
    }

    async fn affinities(&self) -> Answer<Arc<[Affinity]>> {
        self.topology.affinities().await
    }

    async fn quorum(&self, since: BootTime) -> Answer<Quorum> {
        self.topology.quorum(since).await
    }

    async fn permissions(&self, since: BootTime) -> Answer<Permissions> {
        self.topology.permissions(since).await
    }

    fn health(&self) -> Health {
        let (up, problem) = self.index.state();
        let machines = self.index.at_hand().map_or(0, |list| list.machines.len());
        Health {
            up,
            problem,
            version: self.topology.version(),
            machines,
        }
    }
}
