use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use runtime::clock::BootTime;

use super::Region;

/// Which machine: its region and its number there. Numbers repeat across regions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MachineId {
    /// The configured cluster it belongs to.
    pub region: Region,
    /// Its number, as Proxmox VE gives it (100 and up).
    pub vmid: u64,
}

impl MachineId {
    /// The machine `vmid` of `region`.
    #[must_use]
    pub fn new(region: &Region, vmid: u64) -> Self {
        Self {
            region: region.clone(),
            vmid,
        }
    }
}

impl fmt::Display for MachineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.region, self.vmid)
    }
}

/// What kind of guest an entry is; only [`MachineKind::Qemu`] can be a Node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MachineKind {
    /// A virtual machine.
    Qemu,
    /// A virtual machine that was made a template.
    Template,
    /// A container.
    Lxc,
}

/// Running state in a region's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MachineStatus {
    /// `running`.
    Running,
    /// `stopped`.
    Stopped,
    /// `unknown`: its host does not answer; name, size and template flag are missing then.
    Unknown,
    /// Anything else, as `paused`.
    Other,
}

/// One entry of a region's list of machines (appendix A.3). The list lags up to about 10 s.
#[derive(Clone, Debug, PartialEq)]
pub struct Machine {
    /// Which one.
    pub id: MachineId,
    /// What it is.
    pub kind: MachineKind,
    /// The host it is on.
    pub host: Arc<str>,
    /// Its name; missing while the status is unknown.
    pub name: Option<Box<str>>,
    /// Whether it runs.
    pub status: MachineStatus,
    /// CPUs, a fraction rounded up.
    pub max_cpu: Option<u32>,
    /// Memory in bytes.
    pub max_mem: Option<u64>,
    /// Seconds since it was started; 0 while stopped.
    pub uptime: Option<u64>,
    /// State of the HA manager for it (`started`, `fence`, `migrate`, …); missing without HA.
    pub ha_state: Option<Box<str>>,
}

impl Machine {
    /// The HA state while the machine is between hosts, when nothing said of it can be relied on (appendix A.5).
    #[must_use]
    pub fn in_transit(&self) -> Option<&str> {
        let between = |state: &&str| matches!(*state, "fence" | "recovery" | "migrate" | "relocate");
        self.ha_state.as_deref().filter(between)
    }
}

/// A region's list of machines as it was answered at one moment.
#[derive(Clone, Debug)]
pub struct MachineList {
    /// When the request for it was sent, so what it says is not older.
    pub taken: BootTime,
    /// When it had arrived, so what it says is not newer: whatever was asked for from then on may explain it.
    pub arrived: BootTime,
    /// Machines by number.
    pub machines: BTreeMap<u64, Machine>,
    /// Numbers of the virtual machines that have a name, in the order of their names.
    by_name: Box<[u64]>,
}

impl MachineList {
    /// A list from its entries, which arrived the moment it was asked for.
    #[must_use]
    pub fn new(taken: BootTime, machines: impl IntoIterator<Item = Machine>) -> Self {
        let machines: BTreeMap<u64, Machine> = machines
            .into_iter()
            .map(|machine| (machine.id.vmid, machine))
            .collect();
        let named = machines
            .values()
            .filter(|machine| machine.kind == MachineKind::Qemu && machine.name.is_some());
        let mut by_name: Vec<u64> = named.map(|machine| machine.id.vmid).collect();
        by_name.sort_by_key(|vmid| machines.get(vmid).and_then(|machine| machine.name.as_deref()));
        Self {
            taken,
            arrived: taken,
            machines,
            by_name: by_name.into(),
        }
    }

    /// The entry with this number. Cost: O(log n).
    #[must_use]
    pub fn get(&self, vmid: u64) -> Option<&Machine> {
        self.machines.get(&vmid)
    }

    /// Virtual machines whose name starts with this text, in the order of their names. Cost: O(log n + found).
    pub fn named_from(&self, start: &str) -> impl Iterator<Item = &Machine> {
        let name = |vmid: &u64| self.get(*vmid).and_then(|machine| machine.name.as_deref());
        let first = self.by_name.partition_point(|vmid| name(vmid) < Some(start));
        let from = self.by_name.iter().skip(first).filter_map(|vmid| self.get(*vmid));
        from.take_while(move |machine| {
            machine
                .name
                .as_deref()
                .is_some_and(|name| name.starts_with(start))
        })
    }

    /// Machines that can be a Node: no templates, no containers.
    pub fn virtual_machines(&self) -> impl Iterator<Item = &Machine> {
        self.machines
            .values()
            .filter(|machine| machine.kind == MachineKind::Qemu)
    }
}

/// A machine's UUID from SMBIOS, compared ignoring case and printed as it was written. Never empty.
#[derive(Clone, Debug)]
pub struct SystemUuid(Box<str>);

impl SystemUuid {
    /// The UUID in this text; `None` when it is blank, which matches nothing (§3.2).
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.into()))
    }

    /// The text as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for SystemUuid {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for SystemUuid {}

impl Hash for SystemUuid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in self.0.bytes() {
            state.write_u8(byte.to_ascii_lowercase());
        }
    }
}

impl fmt::Display for SystemUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The `sku` of SMBIOS as it stands in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sku {
    /// The text, perhaps Base64.
    pub text: Box<str>,
    /// `base64=1` stands beside it.
    pub base64: bool,
}

/// A hardware address; upper and lower case, `:` and `-` are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac([u8; 6]);

/// A text that is no hardware address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{value}\" is no hardware address; write six pairs of hexadecimal digits, as bc:24:11:2e:c4:0a")]
pub struct MacError {
    /// The refused text.
    pub value: String,
}

impl FromStr for Mac {
    type Err = MacError;

    fn from_str(text: &str) -> Result<Self, MacError> {
        let refuse = || MacError {
            value: text.to_owned(),
        };
        let mut bytes = [0; 6];
        let mut parts = text.split([':', '-']);
        for byte in &mut bytes {
            let part = parts
                .next()
                .filter(|part| part.len() == 2 && !part.starts_with('+'));
            *byte = part
                .and_then(|part| u8::from_str_radix(part, 16).ok())
                .ok_or_else(refuse)?;
        }
        if parts.next().is_some() {
            return Err(refuse());
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// What is read from a machine's configuration (appendix A.4); made by [`parse_config`](crate::plan::instance::parse_config).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MachineConfig {
    /// `uuid` of `smbios1`.
    pub uuid: Option<SystemUuid>,
    /// `sku` of `smbios1`.
    pub sku: Option<Sku>,
    /// Hardware addresses of `net0`, `net1`, … in that order.
    pub macs: Vec<Mac>,
}

/// A configuration, and when it was asked for: what must be fresh is compared with that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadConfig {
    /// What it says.
    pub config: Arc<MachineConfig>,
    /// When it was asked for, or an earlier time: it is at least this fresh. [`BootTime::ZERO`] if nobody knows.
    pub read: BootTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardware_addresses_are_equal_in_any_writing() {
        let one: Mac = "BC:24:11:2E:C4:0A".parse().unwrap();
        assert_eq!(one, "bc-24-11-2e-c4-0a".parse().unwrap());
        assert_eq!(one.to_string(), "bc:24:11:2e:c4:0a");
        for bad in [
            "",
            "bc:24:11:2e:c4",
            "bc:24:11:2e:c4:0a:00",
            "bc:24:11:2e:c4:0g",
            "b:24:11:2e:c4:0a",
            "+c:24:11:2e:c4:0a",
        ] {
            assert!(bad.parse::<Mac>().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_found_by_their_start() {
        let machine = |vmid, name: &str, kind| Machine {
            id: MachineId::new(&"a".parse().unwrap(), vmid),
            kind,
            host: "h".into(),
            name: Some(name.into()),
            status: MachineStatus::Running,
            max_cpu: None,
            max_mem: None,
            uptime: None,
            ha_state: None,
        };
        let all = [(1, "n2"), (2, "n1.x"), (3, "m"), (4, "n1"), (5, "n10"), (6, "n1")];
        let mut all: Vec<Machine> = all
            .into_iter()
            .map(|(id, name)| machine(id, name, MachineKind::Qemu))
            .collect();
        all.push(machine(7, "n1", MachineKind::Lxc));
        all.push(Machine {
            name: None,
            ..machine(8, "", MachineKind::Qemu)
        });
        let list = MachineList::new(BootTime::ZERO, all);
        let found = |start| {
            list.named_from(start)
                .map(|machine| machine.id.vmid)
                .collect::<Vec<_>>()
        };
        assert_eq!(found("n1"), [4, 6, 2, 5]);
        assert_eq!(found("n3"), Vec::<u64>::new());
        assert_eq!(found("").len(), 6);
        assert_eq!(list.virtual_machines().count(), 7);
    }

    #[test]
    fn an_empty_system_uuid_is_none_and_case_does_not_matter() {
        assert_eq!(SystemUuid::new(" "), None);
        let lower = SystemUuid::new("11833f4c-341f-4bd3-aad7-f7abed000001");
        assert_eq!(lower, SystemUuid::new("11833F4C-341F-4BD3-AAD7-F7ABED000001"));
        assert_ne!(lower, SystemUuid::new("11833f4c-341f-4bd3-aad7-f7abed000002"));
    }
}
