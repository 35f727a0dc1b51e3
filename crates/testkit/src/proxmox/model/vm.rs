//! A virtual machine, as its cluster knows it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::guest::Guest;

/// Whether it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It does.
    Running,
    /// It does not.
    Stopped,
    /// Suspended: listed as running, its guest does not answer.
    Paused,
    /// The cluster holds no statistics of it: listed as `unknown`, without name and all the rest.
    Unknown,
}

/// Virtual machine or container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A virtual machine.
    Qemu,
    /// A container: only in the list of resources.
    Lxc,
}

/// The part of high availability that looks after a VM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ha {
    /// `started`, `stopped`, `migrate`, `relocate`, `fence`, `recovery`, `error`, …
    pub state: String,
    /// Name of its group, if any.
    pub group: Option<String>,
}

/// A guest of a cluster. Fields may be changed at any time, see [`ProxmoxVe::update`](crate::ProxmoxVe::update).
#[derive(Clone, Debug)]
pub struct Vm {
    /// Its number, unique in a cluster.
    pub id: u32,
    /// Its name; `None`: not set, shown as `VM <id>` where there must be one.
    pub name: Option<String>,
    /// Virtual machine or container.
    pub kind: Kind,
    /// Where it is. The first host of the region when empty.
    pub host: String,
    /// Whether it runs.
    pub status: Status,
    /// Whether it is a template.
    pub template: bool,
    /// Cores; a limit may make it a fraction.
    pub cpus: f64,
    /// Unit: bytes.
    pub memory: u64,
    /// Text of `smbios1`; `None`: the key is absent.
    pub smbios1: Option<String>,
    /// Texts of `net0`, `net1`, …
    pub nets: Vec<String>,
    /// Such as `k8s;prod`.
    pub tags: Option<String>,
    /// Resource pool.
    pub pool: Option<String>,
    /// `migrate`, `backup`, … while something holds it.
    pub lock: Option<String>,
    /// High availability, if it is managed.
    pub ha: Option<Ha>,
    /// What its guest agent answers.
    pub guest: Guest,
    /// More keys of its configuration; they win over the ones made from the fields above.
    pub config: BTreeMap<String, Value>,
    /// Keys that somebody changed while it was running: what they will be after its next start. The configuration shows
    /// them unless it is asked for with `current=1`; null: the key will be gone.
    pub pending: BTreeMap<String, Value>,
    /// Its uptime at the moment it was `since`.
    uptime: Duration,
    since: Instant,
    /// What the list still says.
    pub(crate) stale: Option<Stale>,
}

/// An old state that the list of resources goes on to show.
#[derive(Clone, Debug)]
pub(crate) struct Stale {
    pub(crate) host: String,
    pub(crate) status: Status,
    pub(crate) uptime: Duration,
    pub(crate) until: Instant,
}

impl Vm {
    /// A running VM with 4 cores, 8 GiB and the UUID of [`Vm::uuid_of`], without guest agent.
    #[must_use]
    pub fn new(id: u32, name: &str) -> Self {
        Self {
            id,
            name: Some(name.to_owned()),
            kind: Kind::Qemu,
            host: String::new(),
            status: Status::Running,
            template: false,
            cpus: 4.0,
            memory: 8 << 30,
            smbios1: Some(format!("uuid={}", Self::uuid_of(id))),
            nets: vec![format!(
                "virtio=BC:24:11:{:02X}:{:02X}:0A,bridge=vmbr0,firewall=1",
                id >> 8 & 0xff,
                id & 0xff
            )],
            tags: None,
            pool: None,
            lock: None,
            ha: None,
            guest: Guest::default(),
            config: BTreeMap::new(),
            pending: BTreeMap::new(),
            uptime: Duration::from_secs(86_412),
            since: Instant::now(),
            stale: None,
        }
    }

    /// A container.
    #[must_use]
    pub fn lxc(id: u32, name: &str) -> Self {
        Self {
            kind: Kind::Lxc,
            smbios1: None,
            ..Self::new(id, name)
        }
    }

    /// The UUID of a VM that was given none: its last twelve digits are the number.
    #[must_use]
    pub fn uuid_of(id: u32) -> String {
        format!("11833f4c-341f-4bd3-aad7-{id:012}")
    }

    /// Up for so long by now.
    #[must_use]
    pub fn uptime(mut self, uptime: Duration) -> Self {
        (self.uptime, self.since) = (uptime, Instant::now());
        self
    }

    /// Stops it; every answer says so at once.
    pub fn stop(&mut self) {
        self.status = Status::Stopped;
    }

    /// Starts it, or starts it again: the uptime begins at zero. Every answer says so at once.
    pub fn boot(&mut self) {
        self.status = Status::Running;
        (self.uptime, self.since) = (Duration::ZERO, Instant::now());
    }

    /// Its cores as JSON: an integer unless it is none.
    pub(crate) fn cores(&self) -> Value {
        serde_json::from_str(&self.cpus.to_string()).unwrap_or(Value::Null)
    }

    /// Its name, or the one Proxmox VE makes up.
    pub(crate) fn shown_name(&self) -> String {
        self.name.clone().unwrap_or_else(|| format!("VM {}", self.id))
    }

    /// How long it has been up; zero when it does not run.
    pub(crate) fn up(&self, now: Instant) -> Duration {
        if self.runs() {
            self.uptime + now.saturating_duration_since(self.since)
        } else {
            Duration::ZERO
        }
    }

    /// Whether the process of the VM is there. Without statistics that is still so.
    pub(crate) fn runs(&self) -> bool {
        self.status != Status::Stopped
    }

    /// From now on the list shows the state of this moment, until `lag` has passed.
    pub(crate) fn keep_listed(&mut self, lag: Duration) {
        let now = Instant::now();
        let before = self.stale.take().filter(|stale| stale.until > now);
        // What is shown already stays: the next broadcast brings both changes at once.
        self.stale = before.or_else(|| {
            Some(Stale {
                host: self.host.clone(),
                status: self.status,
                uptime: self.up(now),
                until: now + lag,
            })
        });
    }
}
