use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use runtime::clock::{BootTime, jitter};
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::Instant;

use crate::plan::facts::{Machine, MachineList, MachineStatus, ReadConfig};

/// How long a configuration is kept at least when nothing hints at a change; up to a fifth more, so that not all of
/// them are read again in one minute.
const KEEP: Duration = Duration::from_secs(24 * 60 * 60);
/// How far the uptime in a list may lie behind: it comes by a broadcast every 10 s, and a busy host misses some.
const LAG: Duration = Duration::from_secs(60);

/// Configurations that have been read, and what would make them out of date (§17.4).
#[derive(Debug, Default)]
pub(in crate::source::proxmox) struct Configs {
    known: Mutex<HashMap<u64, Entry>>,
    /// One read per machine at a time; everybody else waits for it.
    reads: Mutex<HashMap<u64, Arc<AsyncMutex<()>>>>,
}

#[derive(Debug)]
struct Entry {
    read: ReadConfig,
    traits: Traits,
    /// Seconds; a smaller value in a later list means a restart.
    uptime: u64,
    /// When the uptime was that, at the latest.
    seen: BootTime,
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
        self.traits == Traits::of(machine) && machine.uptime.unwrap_or(0) >= self.uptime
    }

    /// Whether a machine that was listed at `taken` has been running since we saw it last. If not, it was restarted or
    /// even made anew under its old number while we did not look, however long it has been up by now.
    fn kept_running(&self, machine: &Machine, taken: BootTime) -> bool {
        let missed = taken.since(self.seen).saturating_sub(LAG).as_secs();
        let needed = self.uptime.saturating_add(missed);
        machine.status != MachineStatus::Running || machine.uptime.is_none_or(|uptime| uptime >= needed)
    }
}

impl Configs {
    /// The configuration of a machine, if it is known and nothing hints at a change.
    pub(in crate::source::proxmox) fn get(&self, machine: &Machine) -> Option<ReadConfig> {
        let known = self.known();
        let entry = known.get(&machine.id.vmid)?;
        let good = entry.still_describes(machine) && Instant::now() < entry.expires;
        good.then(|| entry.read.clone())
    }

    /// Keeps what was read of a machine.
    pub(in crate::source::proxmox) fn keep(&self, machine: &Machine, read: ReadConfig) {
        let entry = Entry {
            seen: read.read,
            read,
            traits: Traits::of(machine),
            uptime: machine.uptime.unwrap_or(0),
            expires: Instant::now() + jitter(KEEP),
        };
        self.known().insert(machine.id.vmid, entry);
    }

    /// The configuration has to be read again.
    pub(in crate::source::proxmox) fn forget(&self, vmid: u64) {
        self.known().remove(&vmid);
    }

    /// Compares with a new list. An empty one says nothing: perhaps a privilege was lost.
    pub(super) fn learn(&self, list: &MachineList) {
        if list.machines.is_empty() {
            return;
        }
        self.known().retain(|vmid, entry| match list.get(*vmid) {
            Some(machine) if entry.still_describes(machine) && entry.kept_running(machine, list.taken) => {
                (entry.uptime, entry.seen) = (machine.uptime.unwrap_or(0), list.taken);
                true
            }
            // It may be listed again, and then it has to be read again.
            Some(_) | None => false,
        });
    }

    /// The right to read one machine's configuration.
    pub(in crate::source::proxmox) fn read(&self, vmid: u64) -> Arc<AsyncMutex<()>> {
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody but us holds those whose read is over.
        reads.retain(|_, read| Arc::strong_count(read) > 1);
        reads.entry(vmid).or_default().clone()
    }

    fn known(&self) -> MutexGuard<'_, HashMap<u64, Entry>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::facts::{MachineConfig, MachineId, MachineKind, SystemUuid};

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
        assert!(configs.known().is_empty(), "nor are the gone remembered for ever");
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_made_anew_during_a_long_outage_is_read_again() {
        let outage = 3600;
        let later = |uptime| {
            let configs = Configs::default();
            configs.keep(&machine(100, "pve-1", 500), config("u1"));
            let now = machine(100, "pve-1", uptime);
            let list = MachineList::new(BootTime::ZERO + Duration::from_secs(outage), [now.clone()]);
            configs.learn(&list);
            configs.get(&now).is_some()
        };
        assert!(later(500 + outage), "it was up all the time");
        assert!(later(500 + outage - 60), "the list lies a little behind");
        assert!(!later(500 + outage - 61));
        assert!(
            !later(3000),
            "up for longer than it had been, and yet another one"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_is_off_has_no_uptime_to_compare() {
        let configs = Configs::default();
        let mut off = machine(100, "pve-1", 0);
        off.status = MachineStatus::Stopped;
        configs.keep(&off, config("u1"));
        let list = MachineList::new(BootTime::ZERO + Duration::from_secs(3600), [off.clone()]);
        configs.learn(&list);
        assert!(configs.get(&off).is_some());
    }
}
