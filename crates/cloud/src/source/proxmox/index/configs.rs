use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use runtime::clock::jitter;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::Instant;

use crate::plan::facts::{Machine, MachineList, MachineStatus, ReadConfig, SystemUuid};

/// How long a configuration is kept at least when nothing hints at a change; up to a fifth more, so that not all of
/// them are read again in one minute.
const KEEP: Duration = Duration::from_secs(24 * 60 * 60);

/// Configurations that have been read, and what would make them out of date (§17.4).
#[derive(Debug, Default)]
pub(in crate::source::proxmox) struct Configs {
    known: Mutex<Known>,
    /// One read per machine at a time; everybody else waits for it.
    reads: Mutex<HashMap<u64, Arc<AsyncMutex<()>>>>,
}

#[derive(Debug, Default)]
struct Known {
    entries: HashMap<u64, Entry>,
    by_uuid: HashMap<SystemUuid, BTreeSet<u64>>,
}

#[derive(Debug)]
struct Entry {
    read: ReadConfig,
    traits: Traits,
    /// Seconds; a smaller value in a later list means a restart.
    uptime: u64,
    /// `false` after a hint at a change: a memory of what it was, until it is read again.
    valid: bool,
    expires: Instant,
}

/// What hints at a changed configuration when it changes.
#[derive(Debug, PartialEq)]
struct Traits {
    name: Option<Box<str>>,
    host: Arc<str>,
    status: MachineStatus,
    max_cpu: Option<u32>,
    max_mem: Option<u64>,
}

impl Traits {
    fn of(machine: &Machine) -> Self {
        Self {
            name: machine.name.clone(),
            host: machine.host.clone(),
            status: machine.status,
            max_cpu: machine.max_cpu,
            max_mem: machine.max_mem,
        }
    }
}

impl Entry {
    fn still_describes(&self, machine: &Machine) -> bool {
        self.valid && self.traits == Traits::of(machine) && machine.uptime.unwrap_or(0) >= self.uptime
    }
}

impl Configs {
    /// The configuration of a machine, if it is known and nothing hints at a change.
    pub(in crate::source::proxmox) fn get(&self, machine: &Machine) -> Option<ReadConfig> {
        let known = self.known();
        let entry = known.entries.get(&machine.id.vmid)?;
        let good = entry.still_describes(machine) && Instant::now() < entry.expires;
        good.then(|| entry.read.clone())
    }

    /// Machines that had this UUID when their configuration was last read.
    pub(in crate::source::proxmox) fn with_uuid(&self, uuid: &SystemUuid) -> Vec<u64> {
        self.known()
            .by_uuid
            .get(uuid)
            .into_iter()
            .flatten()
            .copied()
            .collect()
    }

    /// Keeps what was read of a machine.
    pub(in crate::source::proxmox) fn keep(&self, machine: &Machine, read: ReadConfig) {
        let mut known = self.known();
        known.remove(machine.id.vmid);
        if let Some(uuid) = &read.config.uuid {
            known
                .by_uuid
                .entry(uuid.clone())
                .or_default()
                .insert(machine.id.vmid);
        }
        let entry = Entry {
            read,
            traits: Traits::of(machine),
            uptime: machine.uptime.unwrap_or(0),
            valid: true,
            expires: Instant::now() + jitter(KEEP),
        };
        known.entries.insert(machine.id.vmid, entry);
    }

    /// The configuration has to be read again; its UUID is still remembered.
    pub(in crate::source::proxmox) fn invalidate(&self, vmid: u64) {
        if let Some(entry) = self.known().entries.get_mut(&vmid) {
            entry.valid = false;
        }
    }

    /// Forgets a machine that is certainly gone.
    pub(in crate::source::proxmox) fn forget(&self, vmid: u64) {
        self.known().remove(vmid);
    }

    /// Compares with a new list. An empty one says nothing: perhaps a privilege was lost.
    pub(super) fn learn(&self, list: &MachineList) {
        if list.machines.is_empty() {
            return;
        }
        let (now, mut known) = (Instant::now(), self.known());
        let mut gone = Vec::new();
        for (vmid, entry) in &mut known.entries {
            match list.get(*vmid) {
                Some(machine) if entry.still_describes(machine) => entry.uptime = machine.uptime.unwrap_or(0),
                // Remembered for a while: a region may list fewer machines only because a privilege was lost.
                None if now >= entry.expires => gone.push(*vmid),
                _ => entry.valid = false,
            }
        }
        gone.into_iter().for_each(|vmid| known.remove(vmid));
    }

    /// The right to read one machine's configuration.
    pub(in crate::source::proxmox) fn read(&self, vmid: u64) -> Arc<AsyncMutex<()>> {
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody but us holds those whose read is over.
        reads.retain(|_, read| Arc::strong_count(read) > 1);
        reads.entry(vmid).or_default().clone()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn remove(&mut self, vmid: u64) {
        let Some(uuid) = self
            .entries
            .remove(&vmid)
            .and_then(|entry| entry.read.config.uuid.clone())
        else {
            return;
        };
        if let Some(machines) = self.by_uuid.get_mut(&uuid) {
            machines.remove(&vmid);
            if machines.is_empty() {
                self.by_uuid.remove(&uuid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use runtime::clock::BootTime;

    use super::*;
    use crate::plan::facts::{MachineConfig, MachineId, MachineKind};

    /// A running machine.
    fn machine(vmid: u64, host: &str, uptime: u64) -> Machine {
        Machine {
            id: MachineId::new(&"fsn".parse().unwrap(), vmid),
            kind: MachineKind::Qemu,
            host: host.into(),
            name: Some(format!("n{vmid}").into()),
            status: MachineStatus::Running,
            max_cpu: Some(4),
            max_mem: Some(8 << 30),
            uptime: Some(uptime),
            ha_state: None,
            lock: None,
            tags: [].into(),
        }
    }

    fn config(uuid: &str) -> ReadConfig {
        let config = MachineConfig {
            uuid: SystemUuid::new(uuid),
            ..MachineConfig::default()
        };
        ReadConfig {
            config: Arc::new(config),
            read: BootTime::ZERO,
        }
    }

    fn learn(configs: &Configs, machines: &[Machine]) {
        configs.learn(&MachineList::new(BootTime::ZERO, machines.iter().cloned()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_configuration_is_kept_until_something_hints_at_a_change() {
        let old = machine(100, "pve-1", 100);
        type Change = fn(&mut Machine);
        let changes: [(&str, Change); 7] = [
            ("name", |m| m.name = Some("other".into())),
            ("host", |m| m.host = "pve-2".into()),
            ("status", |m| m.status = MachineStatus::Stopped),
            ("maxcpu", |m| m.max_cpu = Some(8)),
            ("maxmem", |m| m.max_mem = Some(4 << 30)),
            ("restart", |m| m.uptime = Some(99)),
            ("unknown", |m| m.status = MachineStatus::Unknown),
        ];
        for (what, change) in changes {
            let configs = Configs::default();
            configs.keep(&old, config("u1"));
            let later = machine(100, "pve-1", 200);
            learn(&configs, std::slice::from_ref(&later));
            assert!(configs.get(&later).is_some(), "{what}: time goes by");
            let mut changed = later.clone();
            change(&mut changed);
            learn(&configs, std::slice::from_ref(&changed));
            assert!(configs.get(&changed).is_none(), "{what}");
            assert!(configs.get(&later).is_none(), "{what}: also when it changes back");
            assert_eq!(
                configs.with_uuid(&SystemUuid::new("U1").unwrap()),
                [100],
                "{what}: still a hint"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_configuration_is_read_again_after_a_day() {
        let (configs, machine) = (Configs::default(), machine(100, "pve-1", 100));
        configs.keep(&machine, config("u1"));
        tokio::time::advance(KEEP - Duration::from_secs(1)).await;
        assert!(configs.get(&machine).is_some());
        tokio::time::advance(KEEP / 5 + Duration::from_secs(2)).await;
        assert!(configs.get(&machine).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_list_says_nothing_and_a_list_of_others_does() {
        let (configs, one) = (Configs::default(), machine(100, "pve-1", 100));
        configs.keep(&one, config("u1"));
        learn(&configs, &[]);
        assert!(configs.get(&one).is_some());
        learn(&configs, &[machine(101, "pve-1", 100)]);
        assert!(configs.get(&one).is_none());
        assert_eq!(configs.known().entries.len(), 1, "remembered");
        tokio::time::advance(KEEP * 2).await;
        learn(&configs, &[machine(101, "pve-1", 100)]);
        assert!(
            configs.known().entries.is_empty() && configs.known().by_uuid.is_empty(),
            "not for ever"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn two_machines_with_one_uuid_are_both_found() {
        let (configs, uuid) = (Configs::default(), SystemUuid::new("u1").unwrap());
        configs.keep(&machine(100, "pve-1", 1), config("u1"));
        configs.keep(&machine(90, "pve-1", 1), config("U1"));
        assert_eq!(configs.with_uuid(&uuid), [90, 100]);
        configs.keep(&machine(90, "pve-1", 1), config("u2"));
        assert_eq!(configs.with_uuid(&uuid), [100]);
        configs.forget(100);
        assert!(configs.with_uuid(&uuid).is_empty());
    }
}
