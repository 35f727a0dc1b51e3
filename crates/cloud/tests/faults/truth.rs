//! What is true of the machines, whatever anybody answers. Changed before the fake is, so that no event is judged by what
//! comes later.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use testkit::proxmox::{Guest, Vm};

/// One machine and what its Node may look like.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    pub(crate) id: u32,
    pub(crate) region: &'static str,
    /// Hosts it has been on, the present one last. No host twice: a Node's zone only ever moves forward.
    pub(crate) hosts: Vec<String>,
    /// Addresses of its guest now.
    pub(crate) has: BTreeSet<String>,
    /// Addresses it had before: its Node may still show them.
    pub(crate) had: BTreeSet<String>,
    /// Switched off, for the rest of the test.
    pub(crate) off: bool,
    /// Removed, for the rest of the test.
    pub(crate) gone: bool,
}

impl Machine {
    /// Running, with an IPv4 and an IPv6 address. The number is unique in all regions.
    pub(crate) fn new(id: u32, region: &'static str, host: &str) -> Self {
        Self {
            id,
            region,
            hosts: vec![host.to_owned()],
            has: BTreeSet::from([ipv4(id, 1), format!("2001:db8::{id:x}")]),
            had: BTreeSet::new(),
            off: false,
            gone: false,
        }
    }

    /// Name of the machine and of its Node.
    pub(crate) fn name(&self) -> String {
        name(self.id)
    }

    pub(crate) fn host(&self) -> &str {
        self.hosts.last().expect("it began on one")
    }

    pub(crate) fn provider_id(&self) -> String {
        format!("proxmox://{}/{}", self.region, self.id)
    }

    pub(crate) fn vm(&self) -> Vm {
        Vm::new(self.id, &self.name())
            .host(self.host())
            .guest(self.guest())
    }

    pub(crate) fn guest(&self) -> Guest {
        let addresses: Vec<&str> = self.has.iter().map(String::as_str).collect();
        Guest::interfaces(&[("lo", &["127.0.0.1/8", "::1/128"]), ("eth0", &addresses)])
    }
}

pub(crate) fn name(id: u32) -> String {
    format!("n{id}")
}

/// The address number `place` of a machine.
pub(crate) fn ipv4(id: u32, place: u8) -> String {
    format!("10.{place}.{}.{}", id / 200, id % 200 + 1)
}

/// All machines, by the names of their Nodes. Shared with the witness.
#[derive(Clone, Debug, Default)]
pub(crate) struct Truth(Arc<Mutex<BTreeMap<String, Machine>>>);

impl Truth {
    pub(crate) fn new(machines: impl IntoIterator<Item = Machine>) -> Self {
        let machines = machines.into_iter().map(|machine| (machine.name(), machine));
        Self(Arc::new(Mutex::new(machines.collect())))
    }

    pub(crate) fn of(&self, name: &str) -> Option<Machine> {
        self.all().get(name).cloned()
    }

    pub(crate) fn change(&self, id: u32, change: impl FnOnce(&mut Machine)) -> Machine {
        let mut all = self.all();
        let machine = all.get_mut(&name(id)).expect("a test changes its own machines");
        change(machine);
        machine.clone()
    }

    pub(crate) fn all(&self) -> MutexGuard<'_, BTreeMap<String, Machine>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
