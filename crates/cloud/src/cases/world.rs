//! The base fixture: region `cluster-1`, host `pve-1`, VM 100 `n1` with UUID u1, and the tainted Node `n1`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use runtime::answer::Answer;
use runtime::clock::BootTime;

use crate::config::{self, Config};
use crate::names;
use crate::plan::facts::{
    AddressKind, Affinity, GuestAnswer, GuestInterface, GuestReason, Machine, MachineId, MachineKind,
    MachineList, MachineStatus, NodeAddress, NodeFacts, Permissions, Quorum, ReadConfig, Ready, Region,
    RegionView, SystemUuid, Taint,
};
use crate::plan::identity::{self, Found, Resolution, Step, View};
use crate::plan::instance::parse_config;
use crate::plan::lifecycle::{
    self, Circumstances, DeletionBudget, Glance, Judgement, LifecycleMemory, LifecycleStep,
};
use crate::plan::node::{self, Change, Decision, GuestQuestion, NodeMemory, Situation, Write};
use crate::plan::notice::{Notice, Reason};
use crate::plan::upstream::{self, Comparison};
use crate::plan::verdict::Verdict;

/// UUIDs of the fixture: u1, u2, …
pub(super) fn u(number: u8) -> String {
    format!("11833f4c-341f-4bd3-aad7-f7abed00000{number}")
}

pub(super) fn reasons(notices: &[Notice]) -> Vec<Reason> {
    notices.iter().map(|notice| notice.reason).collect()
}

/// The file with these features and one cluster per region.
pub(super) fn configured(features: &str, regions: &[&str]) -> Config {
    let mut text = format!("features: {features}\nclusters:\n");
    for region in regions {
        text.push_str(&format!(
            "- {{url: https://192.0.2.1:8006/api2/json, region: {region}, token_id: a@pve!b, token_secret: s}}\n"
        ));
    }
    config::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Everything a case needs; public so that a case changes what it is about.
pub(super) struct World {
    pub(super) config: Config,
    pub(super) node: NodeFacts,
    pub(super) machines: Vec<Machine>,
    /// Texts of `smbios1`, by machine; missing means that the configuration cannot be read.
    pub(super) smbios: BTreeMap<MachineId, String>,
    /// Regions that do not answer, and why.
    pub(super) silent: BTreeMap<Region, &'static str>,
    pub(super) permissions: Answer<Permissions>,
    pub(super) quorum: Answer<Quorum>,
    pub(super) affinity: Answer<Vec<Affinity>>,
    pub(super) guest: GuestAnswer,
    pub(super) memory: NodeMemory,
    pub(super) lifecycle: LifecycleMemory,
    pub(super) budget: DeletionBudget,
    pub(super) own_nodes: usize,
    /// Seconds on the machine's own clock.
    pub(super) now: u64,
    /// When the lists were taken.
    pub(super) listed: u64,
    /// Whose configurations were read, and when; kept as an index would.
    pub(super) read: RefCell<BTreeMap<MachineId, u64>>,
}

impl World {
    /// The base fixture with these features, as YAML.
    pub(super) fn new(features: &str) -> Self {
        Self::with_regions(features, &["cluster-1"])
    }

    pub(super) fn with_regions(features: &str, regions: &[&str]) -> Self {
        let mut world = Self {
            config: configured(features, regions),
            node: node(),
            machines: Vec::new(),
            smbios: BTreeMap::new(),
            silent: BTreeMap::new(),
            permissions: Answer::Known(Permissions::default()),
            quorum: Answer::Known(Quorum::Quorate),
            affinity: Answer::Known(Vec::new()),
            guest: GuestAnswer::Known(Vec::new()),
            memory: NodeMemory::default(),
            lifecycle: LifecycleMemory::default(),
            budget: DeletionBudget::default(),
            own_nodes: 3,
            now: 1000,
            listed: 1000,
            read: RefCell::default(),
        };
        world.add("cluster-1", 100, "n1", 1);
        world
    }

    /// An initialised Node with this provider ID and these addresses.
    pub(super) fn initialised(features: &str, provider_id: &str, addresses: &str) -> Self {
        let mut world = Self::new(features);
        world.node.taints.clear();
        world.node.provider_id = provider_id.into();
        world.node.addresses = entries(addresses);
        for (key, value) in std_labels() {
            world.node.labels.insert(key.into(), value.into());
        }
        world
    }

    /// A running machine with UUID u<`number`>.
    pub(super) fn add(&mut self, region: &str, vmid: u64, name: &str, number: u8) -> &mut Machine {
        let machine = machine(region, vmid, name);
        self.smbios
            .insert(machine.id.clone(), format!("uuid={}", u(number)));
        self.machines.push(machine);
        self.machines.last_mut().expect("one was pushed")
    }

    pub(super) fn remove_all(&mut self) {
        self.machines.clear();
        self.smbios.clear();
    }

    pub(super) fn at(&self) -> BootTime {
        seconds(self.now)
    }

    pub(super) fn regions(&self) -> Vec<RegionView> {
        let regions = self.config.regions.iter().map(|settings| settings.region.clone());
        regions
            .map(|region| {
                if let Some(why) = self.silent.get(&region) {
                    return RegionView::silent(region, why);
                }
                let mine = self
                    .machines
                    .iter()
                    .filter(|machine| machine.id.region == region)
                    .cloned();
                RegionView {
                    list: Answer::Known(MachineList::new(seconds(self.listed), mine).into()),
                    region,
                    permissions: self.permissions.clone(),
                    quorum: self.quorum.clone(),
                }
            })
            .collect()
    }

    fn config_of(&self, id: &MachineId) -> Option<Answer<ReadConfig>> {
        let read = *self.read.borrow().get(id)?;
        let Some(smbios) = self.smbios.get(id) else {
            return Some(Answer::Unknown("500 no such file".to_owned()));
        };
        let options = BTreeMap::from([("smbios1".to_owned(), smbios.clone())]);
        Some(Answer::Known(ReadConfig {
            config: parse_config(&options).into(),
            read: seconds(read),
        }))
    }

    /// Resolves the Node, reading what the plan asks for. Returns how many configurations were read.
    pub(super) fn resolve(&self) -> (Resolution, usize) {
        let (resolution, reads, _) = self.resolve_with_trail();
        (resolution, reads)
    }

    fn resolve_with_trail(&self) -> (Resolution, usize, Vec<Verdict>) {
        let regions = self.regions();
        let known = |id: &MachineId| self.config_of(id);
        let view = View {
            regions: &regions,
            configs: &known,
        };
        let mut reads = 0;
        for _ in 0..10 {
            let mut trail: Vec<Verdict> = Vec::new();
            match identity::resolve(&self.node, self.config.settings.match_name, view, &mut trail) {
                Step::Done(resolution) => {
                    assert!(
                        !trail.is_empty() || *resolution == Resolution::Foreign,
                        "no verdict for {resolution}"
                    );
                    return (*resolution, reads, trail);
                }
                Step::Read(ids) => {
                    assert!(!ids.is_empty(), "asked to read nothing");
                    reads += ids.len();
                    self.read
                        .borrow_mut()
                        .extend(ids.into_iter().map(|id| (id, self.now)));
                }
            }
        }
        panic!("the resolution never ends");
    }

    /// One look at the Node, as the shell does it; also the comparison with the replaced controller.
    pub(super) fn look(&mut self) -> Look {
        let (resolution, reads, trail) = self.resolve_with_trail();
        let now = self.at();
        let (asked, answer) = match &resolution {
            Resolution::Found(found) => self.question(found, now),
            _ => (false, None),
        };
        let situation = Situation {
            node: &self.node,
            resolution: &resolution,
            affinity: &self.affinity,
            guest: answer.as_ref(),
            now,
        };
        let decision = node::next(&self.config.settings, &situation, &mut self.memory);
        let network = self.config.upstream_network.clone().unwrap_or_default();
        let facts = upstream::Facts {
            node: &self.node,
            resolution: &resolution,
            guest: answer.as_ref(),
            settings: &self.config.settings,
            upstream_network: &network,
        };
        let comparison = upstream::compare(&facts, &decision);
        Look {
            decision,
            comparison,
            resolution,
            trail,
            reads,
            asked,
        }
    }

    fn question(&mut self, found: &Found, now: BootTime) -> (bool, Option<GuestAnswer>) {
        match node::guest_question(&self.config.settings, found, &mut self.memory, now) {
            GuestQuestion::NotWanted => (false, None),
            GuestQuestion::Ask => (true, Some(self.guest.clone())),
            GuestQuestion::Answered(answer) => (false, Some(answer)),
        }
    }

    /// Carries a decision out on the Node, as the API server would.
    pub(super) fn carry_out(&mut self, write: &Write) {
        match write {
            Write::Nothing => {}
            Write::Untaint => self.node.taints.clear(),
            Write::Initialise(change) | Write::Update(change) => {
                self.apply(change);
                if matches!(write, Write::Initialise(_)) {
                    self.node.taints.clear();
                }
            }
        }
    }

    fn apply(&mut self, change: &Change) {
        if let Some(id) = &change.provider_id {
            self.node.provider_id = id.as_str().into();
        }
        if let Some(id) = &change.instance_id {
            self.node.instance_id = Some(id.as_str().into());
        }
        for (key, value) in &change.labels {
            match value {
                Some(value) => self
                    .node
                    .labels
                    .insert(key.as_str().into(), value.as_str().into()),
                None => self.node.labels.remove(key.as_str()),
            };
        }
        if let Some(addresses) = &change.addresses {
            self.node.addresses.clone_from(addresses);
        }
    }

    /// One round of the lifecycle loop for the Node, with lists taken now.
    pub(super) fn lifecycle(&mut self) -> Judgement {
        self.listed = self.now;
        match lifecycle::glance(&self.node, &mut self.lifecycle) {
            Glance::Resolve => {}
            Glance::Rest => return judged(LifecycleStep::Rest),
            Glance::RemoveShutdownTaint => panic!("ready again, which the case has to ask for by itself"),
        }
        let (resolution, _) = self.resolve();
        let judgement = self.judge(&resolution);
        if let LifecycleStep::Reread(id) = &judgement.step {
            self.read.borrow_mut().insert(id.clone(), self.now);
        }
        judgement
    }

    /// Judges the Node with the lists as they are.
    pub(super) fn judge(&mut self, resolution: &Resolution) -> Judgement {
        let regions = self.regions();
        let circumstances = Circumstances {
            settings: &self.config.settings,
            resolution,
            regions: &regions,
            own_nodes: self.own_nodes,
            now: self.at(),
            wall: Timestamp::from_second(1_700_000_000).unwrap(),
        };
        lifecycle::judge(&self.node, &circumstances, &mut self.lifecycle, &mut self.budget)
    }
}

fn judged(step: LifecycleStep) -> Judgement {
    Judgement {
        step,
        notices: Vec::new(),
        verdicts: Vec::new(),
    }
}

/// What came of one look.
pub(super) struct Look {
    pub(super) decision: Decision,
    pub(super) comparison: Comparison,
    pub(super) resolution: Resolution,
    pub(super) trail: Vec<Verdict>,
    pub(super) reads: usize,
    pub(super) asked: bool,
}

impl Look {
    /// The change of an initialisation; anything else fails the test.
    pub(super) fn initialises(&self) -> &Change {
        let Write::Initialise(change) = &self.decision.write else {
            panic!("not initialised: {:?}", self.decision)
        };
        let synced: Vec<Reason> = self
            .decision
            .on_success
            .iter()
            .map(|notice| notice.reason)
            .collect();
        assert_eq!(synced, [Reason::Synced]);
        change
    }

    /// Checks that the Node stays as it is, with this reason told.
    pub(super) fn waits(&self, reason: Reason) {
        assert_eq!(self.decision.write, Write::Nothing);
        let reasons: Vec<Reason> = self.decision.notices.iter().map(|notice| notice.reason).collect();
        assert_eq!(reasons, [reason], "{:?}", self.decision.notices);
        assert_ne!(
            self.decision.retry,
            node::Retry::Pass,
            "a Node that waits is looked at again"
        );
    }

    /// The planned list in the short form of the cases.
    pub(super) fn addresses(&self) -> String {
        let planned = self
            .decision
            .addresses
            .as_ref()
            .unwrap_or_else(|| panic!("no plan: {:?}", self.decision));
        short(&planned.addresses)
    }
}

/// The labels of "std".
pub(super) fn std_labels() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([
        (names::REGION, "cluster-1"),
        (names::BETA_REGION, "cluster-1"),
        (names::ZONE, "pve-1"),
        (names::BETA_ZONE, "pve-1"),
        (names::INSTANCE_TYPE, "4VCPU-8GB"),
        (names::BETA_INSTANCE_TYPE, "4VCPU-8GB"),
        (names::PROXMOX_REGION, "cluster-1"),
        (names::PROXMOX_ZONE, "pve-1"),
    ])
}

/// Checks "std": provider ID unless the Node had one, six well-known labels, two of ours.
pub(super) fn assert_std(change: &Change, provider_id: Option<&str>) {
    assert_eq!(change.provider_id.as_deref(), provider_id);
    let labels: BTreeMap<&str, &str> = change
        .labels
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_deref().expect("nothing is removed")))
        .collect();
    assert_eq!(labels, std_labels());
}

pub(super) fn seconds(seconds: u64) -> BootTime {
    BootTime::ZERO + Duration::from_secs(seconds)
}

fn node() -> NodeFacts {
    NodeFacts {
        name: "n1".into(),
        uid: "6f1c".into(),
        resource_version: "7".into(),
        provider_id: "".into(),
        system_uuid: SystemUuid::new(&u(1)),
        provided_node_ip: None,
        instance_id: None,
        labels: BTreeMap::new(),
        taints: vec![Taint {
            key: names::TAINT_UNINITIALIZED.into(),
            value: "true".into(),
            effect: "NoSchedule".into(),
        }],
        ready: Ready::True,
        addresses: entries("H n1"),
        created: Timestamp::from_second(1_600_000_000).ok(),
        deleting: false,
    }
}

pub(super) fn machine(region: &str, vmid: u64, name: &str) -> Machine {
    Machine {
        id: MachineId::new(&region.parse().unwrap(), vmid),
        kind: MachineKind::Qemu,
        host: "pve-1".into(),
        name: Some(name.into()),
        status: MachineStatus::Running,
        max_cpu: Some(4),
        max_mem: Some(8_589_934_592),
        uptime: Some(86412),
        ha_state: None,
    }
}

/// An entry as the region lists it while its host does not answer.
pub(super) fn without_host(machine: &mut Machine) {
    machine.status = MachineStatus::Unknown;
    machine.name = None;
    machine.max_cpu = None;
    machine.max_mem = None;
    machine.uptime = None;
}

/// `H n1, I 10.0.0.5, E 203.0.113.7` as entries.
pub(super) fn entries(text: &str) -> Vec<NodeAddress> {
    let parts = text.split(", ").filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (kind, address) = part.split_once(' ').unwrap_or_else(|| panic!("{part}"));
            let kind = match kind {
                "H" => AddressKind::Hostname,
                "I" => AddressKind::InternalIp,
                "E" => AddressKind::ExternalIp,
                other => AddressKind::from(other),
            };
            NodeAddress::new(kind, address)
        })
        .collect()
}

/// Entries in the short form of the cases.
pub(super) fn short(entries: &[NodeAddress]) -> String {
    let letter = |kind: &AddressKind| match kind {
        AddressKind::Hostname => "H".to_owned(),
        AddressKind::InternalIp => "I".to_owned(),
        AddressKind::ExternalIp => "E".to_owned(),
        AddressKind::Other(text) => text.to_string(),
    };
    let all: Vec<String> = entries
        .iter()
        .map(|entry| format!("{} {}", letter(&entry.kind), entry.address))
        .collect();
    all.join(", ")
}

/// `eth0 10.0.0.5 10.0.0.6; lo 127.0.0.1` as interfaces.
pub(super) fn interfaces(text: &str) -> Vec<GuestInterface> {
    let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let mut words = part.split(' ');
            GuestInterface {
                name: words.next().unwrap_or_default().into(),
                mac: None,
                addresses: words.map(str::to_owned).collect(),
            }
        })
        .collect()
}

/// The guest fixture G.
pub(super) const G: &str = "lo 127.0.0.1 ::1; eth0 10.0.0.5 10.0.0.6 203.0.113.7 2001:db8::5 fd00:1::5 fe80::5; \
     cni0 10.244.0.1; docker0 172.17.0.1; cilium_host 10.1.1.1; dummy0 169.254.20.10; nodelocaldns 169.254.20.10; \
     kube-ipvs0 10.96.0.1 10.96.0.10";

pub(super) fn unavailable(reason: GuestReason, text: &str) -> GuestAnswer {
    GuestAnswer::unavailable(reason, text)
}
