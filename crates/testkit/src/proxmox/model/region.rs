//! One cluster: hosts, guests, accounts.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use super::ha::{HaGroup, HaRule};
use super::vm::Vm;
use crate::proxmox::api::list::CachedList;
use crate::proxmox::privileges::Privileges;

/// Major release of Proxmox VE, which decides texts, privilege names and the manner of high availability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Release {
    /// 8.4.
    V8,
    /// 9.0.
    V9,
}

/// Whether a host answers requests that are about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostState {
    /// It does.
    Online,
    /// It is dead since a moment ago: `595 No route to host`; lists still show the old values.
    Dead,
    /// It is dead for some minutes: as [`HostState::Dead`], and its guests are listed as `unknown`.
    Forgotten,
    /// It accepts and never answers: `596 Connection timed out` after the time for forwarded requests.
    Hung,
}

/// A hypervisor.
#[derive(Clone, Debug)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Whether it answers. An end point of the same host is not affected.
    pub state: HostState,
    /// Its address in `/cluster/status`. Where it has an end point, that one's address.
    pub ip: IpAddr,
}

/// An API token.
#[derive(Clone)]
pub struct Token {
    /// The secret half.
    pub secret: String,
    /// What it may do.
    pub privileges: Privileges,
}

/// A user with a password.
#[derive(Clone)]
pub struct User {
    /// The password.
    pub password: String,
    /// What it may do.
    pub privileges: Privileges,
    /// Whether it may log in.
    pub enabled: bool,
    /// Whether a second factor is asked for.
    pub tfa: bool,
}

/// A ticket that was given out.
#[derive(Clone)]
pub(crate) struct Ticket {
    pub(crate) user: String,
    pub(crate) csrf: String,
    pub(crate) since: Instant,
}

/// One cluster.
pub struct Region {
    /// Its name, also that of the cluster in `/cluster/status`.
    pub name: String,
    /// Which release.
    pub release: Release,
    /// Hosts in the order they were added.
    pub hosts: Vec<Host>,
    /// Guests by number.
    pub vms: BTreeMap<u32, Vm>,
    /// Groups of high availability; on PVE 9 after the migration they show as rules.
    pub ha_groups: Vec<HaGroup>,
    /// More rules, only on PVE 9.
    pub ha_rules: Vec<HaRule>,
    /// Whether the groups have been migrated to rules. On PVE 8 without meaning.
    pub ha_migrated: bool,
    /// Whether the cluster has a quorum.
    pub quorate: bool,
    /// One host without cluster.
    pub standalone: bool,
    /// API tokens by id, such as `kubernetes@pve!ccm`.
    pub tokens: BTreeMap<String, Token>,
    /// Users by id, such as `kubernetes@pve`.
    pub users: BTreeMap<String, User>,
    pub(crate) tickets: HashMap<String, Ticket>,
    pub(crate) lists: HashMap<String, CachedList>,
}

impl Region {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            release: Release::V9,
            hosts: Vec::new(),
            vms: BTreeMap::new(),
            ha_groups: Vec::new(),
            ha_rules: Vec::new(),
            ha_migrated: true,
            quorate: true,
            standalone: false,
            tokens: BTreeMap::new(),
            users: BTreeMap::new(),
            tickets: HashMap::new(),
            lists: HashMap::new(),
        }
    }

    /// Adds a host unless it is there.
    pub fn add_host(&mut self, name: &str) {
        if self.hosts.iter().all(|host| host.name != name) {
            // Loopback, so that a client that tries the address is refused at once instead of leaving the machine.
            let place = u8::try_from(self.hosts.len() + 1).unwrap_or(u8::MAX);
            self.hosts.push(Host {
                name: name.to_owned(),
                state: HostState::Online,
                ip: Ipv4Addr::new(127, 0, 0, place).into(),
            });
        }
    }

    /// Adds a VM, or replaces the one with the same number. Its host is added when missing.
    pub fn add_vm(&mut self, mut vm: Vm) {
        if vm.host.is_empty() {
            vm.host = self
                .hosts
                .first()
                .map_or_else(|| "pve-1".to_owned(), |host| host.name.clone());
        }
        self.add_host(&vm.host);
        self.vms.insert(vm.id, vm);
    }

    /// Removes a VM, if it is there.
    pub fn remove_vm(&mut self, id: u32) -> Option<Vm> {
        self.vms.remove(&id)
    }

    /// The VM with this number.
    ///
    /// # Panics
    /// When there is none.
    pub fn vm(&mut self, id: u32) -> &mut Vm {
        let region = &self.name;
        let vm = self.vms.get_mut(&id);
        vm.unwrap_or_else(|| panic!("region {region} has no VM {id}"))
    }

    /// The host with this name.
    ///
    /// # Panics
    /// When there is none.
    pub fn host(&mut self, name: &str) -> &mut Host {
        let region = &self.name;
        let host = self.hosts.iter_mut().find(|host| host.name == name);
        host.unwrap_or_else(|| panic!("region {region} has no host {name}"))
    }

    /// The privileges of a token or user.
    ///
    /// # Panics
    /// When there is none of this id.
    pub fn privileges(&mut self, id: &str) -> &mut Privileges {
        if let Some(token) = self.tokens.get_mut(id) {
            return &mut token.privileges;
        }
        let region = &self.name;
        let user = self.users.get_mut(id).map(|user| &mut user.privileges);
        user.unwrap_or_else(|| panic!("region {region} has no token or user {id}"))
    }

    /// Moves a VM to another host. Configuration and guest are there at once; the list of resources shows the old
    /// host until `lag` has passed.
    ///
    /// # Panics
    /// When there is no such VM or host.
    pub fn migrate(&mut self, id: u32, host: &str, lag: Duration) {
        let host = self.host(host).name.clone();
        let vm = self.vm(id);
        vm.keep_listed(lag);
        vm.host = host;
    }

    /// Makes all tickets invalid, as if their time had passed.
    pub fn expire_tickets(&mut self) {
        self.tickets.clear();
    }

    /// Whether the old groups are rules by now.
    pub(crate) fn has_rules(&self) -> bool {
        self.release >= Release::V9
    }
}
