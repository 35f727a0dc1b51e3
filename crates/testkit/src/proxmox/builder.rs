//! Describing clusters before they start.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, bail};
use tokio_util::sync::CancellationToken;

use super::limits::Limits;
use super::model::{HaGroup, HaRule, Model, Region, Release, Token, User, Vm};
use super::privileges::Privileges;
use super::serve::{self, Door, Opened, State};
use super::tls::{Certificates, Security};
use super::{Endpoints, ProxmoxVe};
use crate::port::Port;

/// Most end points of a region: as many addresses as fit behind `127.0.0.`.
const MOST_ENDPOINTS: u8 = 200;

/// The name of a region that was given none.
const REGION: &str = "cluster-1";

/// Describes a [`ProxmoxVe`]. Hosts, VMs and accounts belong to the region named last.
#[must_use]
pub struct Builder {
    /// Each with the number of its end points.
    regions: Vec<(Region, u8)>,
    limits: Limits,
    security: Security,
    seed: u64,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            regions: Vec::new(),
            limits: Limits::real(),
            security: Security::Authority,
            seed: 1,
        }
    }

    /// Begins a cluster: PVE 9, one end point, no host. Without a call, what is described belongs to a region
    /// `cluster-1`.
    pub fn region(mut self, name: &str) -> Self {
        self.regions.push((Region::new(name), 1));
        self
    }

    /// This release instead of PVE 9.
    pub fn release(mut self, release: Release) -> Self {
        self.current().0.release = release;
        self
    }

    /// Adds a host.
    pub fn host(mut self, name: &str) -> Self {
        self.current().0.add_host(name);
        self
    }

    /// So many end points: one on each of the first hosts. Default: 1. Range: 1..=200.
    pub fn endpoints(mut self, number: u8) -> Self {
        self.current().1 = number;
        self
    }

    /// Adds a VM; its host is added when missing.
    pub fn vm(mut self, vm: Vm) -> Self {
        self.current().0.add_vm(vm);
        self
    }

    /// Adds VMs.
    pub fn vms(mut self, vms: impl IntoIterator<Item = Vm>) -> Self {
        vms.into_iter().for_each(|vm| self.current().0.add_vm(vm));
        self
    }

    /// Adds an API token, such as `kubernetes@pve!ccm`.
    pub fn token(mut self, id: &str, secret: &str, privileges: Privileges) -> Self {
        let secret = secret.to_owned();
        let token = Token { secret, privileges };
        self.current().0.tokens.insert(id.to_owned(), token);
        self
    }

    /// Adds a user, such as `kubernetes@pve`.
    pub fn user(mut self, id: &str, password: &str, privileges: Privileges) -> Self {
        let user = User {
            password: password.to_owned(),
            privileges,
            enabled: true,
            tfa: false,
        };
        self.current().0.users.insert(id.to_owned(), user);
        self
    }

    /// Adds a group of high availability, such as `pve-1:2,pve-2`. On PVE 9 it shows as the rule `ha-group-<name>`.
    pub fn ha_group(mut self, name: &str, nodes: &str) -> Self {
        let (name, nodes) = (name.to_owned(), nodes.to_owned());
        self.current().0.ha_groups.push(HaGroup { name, nodes });
        self
    }

    /// Adds a rule of high availability, shown on PVE 9 only.
    pub fn ha_rule(mut self, rule: HaRule) -> Self {
        self.current().0.ha_rules.push(rule);
        self
    }

    /// Any other change to the region named last.
    pub fn edit(mut self, change: impl FnOnce(&mut Region)) -> Self {
        change(&mut self.current().0);
        self
    }

    /// Other times and limits, for all regions.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// End points show a certificate that nobody else has signed.
    pub fn self_signed(mut self) -> Self {
        self.security = Security::SelfSigned;
        self
    }

    /// No TLS.
    pub fn plain_http(mut self) -> Self {
        self.security = Security::None;
        self
    }

    /// Another order of keys, other latencies. The same seed gives the same ones.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Starts it. Requests are answered when this returns.
    ///
    /// # Errors
    /// Two regions of one name, or a fault of the machine: no port, no thread, no temporary folder.
    pub async fn start(mut self) -> Result<ProxmoxVe> {
        self.current();
        let (endpoints, opened) = self.open()?;
        let certificates = self.certificates()?;
        let folder = tempfile::Builder::new()
            .prefix("cadastre-pve-")
            .tempdir()
            .context("no temporary folder")?;
        let ca_file = folder.path().join("ca.pem");
        std::fs::write(&ca_file, &certificates.trust).context("cannot write the file of the authority")?;
        let regions = self.regions.into_iter().map(|(region, _)| region).collect();
        let state = Arc::new(State::new(Model { regions }, self.limits, self.seed));
        let stop = CancellationToken::new();
        let thread = spawn(serve::run(
            state.clone(),
            opened,
            certificates.acceptor,
            stop.clone(),
        ))?;
        Ok(ProxmoxVe {
            state,
            endpoints,
            plain: self.security == Security::None,
            trust: certificates.trust,
            ca_file,
            _folder: folder,
            stop,
            thread: Some(thread),
        })
    }

    /// Binds all sockets: one port per region, one address per end point.
    fn open(&self) -> Result<(Vec<Endpoints>, Vec<Opened>)> {
        let (mut endpoints, mut opened) = (Vec::<Endpoints>::new(), Vec::new());
        for (region, number) in &self.regions {
            let name = &region.name;
            if endpoints.iter().any(|known| known.region == *name) {
                bail!("there are two regions {name}; name them differently");
            }
            let port = Port::reserve()?;
            let mut doors = Vec::new();
            for place in 0..(*number).clamp(1, MOST_ENDPOINTS) {
                let address = SocketAddr::new(ip(place), port.number());
                let (door, listener) = Door::open(name, place.into(), address)?;
                doors.push(door.clone());
                opened.push((door, listener));
            }
            endpoints.push(Endpoints {
                region: name.clone(),
                doors,
                _port: port,
            });
        }
        Ok((endpoints, opened))
    }

    fn certificates(&self) -> Result<Certificates> {
        let most = self.regions.iter().map(|(_, number)| *number).max().unwrap_or(1);
        let addresses: Vec<IpAddr> = (0..most.clamp(1, MOST_ENDPOINTS)).map(ip).collect();
        let hosts = self.regions.iter().flat_map(|(region, _)| &region.hosts);
        let hosts: Vec<String> = hosts.map(|host| host.name.clone()).collect();
        Certificates::new(self.security, &addresses, &hosts)
    }

    fn current(&mut self) -> &mut (Region, u8) {
        if self.regions.is_empty() {
            self.regions.push((Region::new(REGION), 1));
        }
        self.regions.last_mut().expect("filled just now")
    }
}

/// Runs the server in a thread of its own, so that it works from every runtime, and beside the one under test.
fn spawn(server: impl Future<Output = ()> + Send + 'static) -> Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a runtime for Proxmox VE")?;
    thread::Builder::new()
        .name("proxmox-ve".to_owned())
        .spawn(move || runtime.block_on(server))
        .context("cannot start the thread of Proxmox VE")
}

/// The address of an end point: also that of the host in its place, so that `/cluster/status` names it.
fn ip(place: u8) -> IpAddr {
    Ipv4Addr::new(127, 0, 0, place + 1).into()
}
