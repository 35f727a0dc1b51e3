//! What a run happens on: an API server with Nodes that wait, and a Proxmox VE with their machines.

use std::{
    collections::BTreeMap,
    fmt,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use kube::{Client, api::PostParams, core::Request};
use serde_json::Value;
use testkit::{
    ControlPlane, Options, ProxmoxVe,
    cloud::{self, Cloud, Kubelet},
    proxmox::{Builder, Guest, Latency, Privileges, Vm},
};
use tokio::task::JoinSet;

use crate::observer::NODES;

/// The name the controller's requests are audited under.
pub(crate) const USER: &str = "cadastre-bench";
/// Names of Proxmox VE clusters; as many as a site has are used.
const REGIONS: [&str; 2] = ["fsn", "nbg"];
const TOKEN: (&str, &str) = ("kubernetes@pve!ccm", "6f2f6b1e-1c1e-4c55-9d43-0d6a3a9f6f10");
/// Hosts the machines are spread over (§17.2).
const HOSTS: usize = 10;
/// Images of a Node, about 8 KB (§17.6).
const IMAGES: usize = 40;
/// Number of the first machine.
const FIRST: usize = 100;
/// Nodes created at the same time.
const WRITERS: usize = 32;

/// Where addresses come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mode {
    /// From kubelet alone.
    Default,
    /// From the guest agents, too.
    Qemu,
}

impl Mode {
    pub(crate) const ALL: [Self; 2] = [Self::Default, Self::Qemu];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Qemu => "qemu",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a stage is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site {
    /// Number of Nodes, and of machines.
    pub(crate) nodes: usize,
    pub(crate) mode: Mode,
    /// How long Proxmox VE takes for every answer.
    pub(crate) latency: Duration,
    /// Whether kubelets know their address.
    pub(crate) node_ip: bool,
    /// Over how many Proxmox VE clusters the machines are spread: 1 or 2.
    pub(crate) regions: usize,
    /// So many of the first Nodes have another name than their machine.
    pub(crate) misnamed: usize,
}

impl Site {
    /// One region, Nodes that are named well and know their address.
    pub(crate) const fn new(nodes: usize, mode: Mode, latency: Duration) -> Self {
        Self {
            nodes,
            mode,
            latency,
            node_ip: true,
            regions: 1,
            misnamed: 0,
        }
    }

    /// The region of a machine.
    pub(crate) fn region(&self, number: usize) -> &'static str {
        REGIONS[number % self.regions]
    }

    /// The host of a machine, in its region.
    pub(crate) fn host(&self, number: usize) -> String {
        host(number / self.regions)
    }

    fn node(&self, number: usize) -> String {
        if number < self.misnamed {
            format!("worker-{number:06}")
        } else {
            name(number)
        }
    }

    fn regions(&self) -> &'static [&'static str] {
        &REGIONS[..self.regions]
    }
}

/// Both sides, ready for a controller.
pub(crate) struct Stage {
    pub(crate) plane: ControlPlane,
    pub(crate) pve: ProxmoxVe,
    pub(crate) site: Site,
    /// The moment the times of [`ProxmoxVe::log`] count from.
    pub(crate) since: Instant,
    kubeconfig: PathBuf,
    config: String,
}

impl Stage {
    /// Creates all Nodes, tainted, and their machines.
    ///
    /// # Errors
    /// When one of the servers does not start, or a Node cannot be created.
    pub(crate) async fn open(site: Site) -> Result<Self> {
        let options = Options {
            audit_log: true,
            ..Options::default()
        };
        let plane = ControlPlane::start(options).await?;
        let kubeconfig = plane.kubeconfig_for(USER, &["system:masters"])?;
        create(&plane.client(), site).await?;
        let pve = machines(&site).start().await?;
        let since = Instant::now();
        pve.latency_everywhere(Latency::Fixed(site.latency));
        let config = config(&pve, &site);
        Ok(Self {
            plane,
            pve,
            site,
            since,
            kubeconfig,
            config,
        })
    }

    /// Those Nodes for whose machine `which` holds, with the address each must have in the end.
    pub(crate) fn expected(&self, which: impl Fn(usize) -> bool) -> BTreeMap<String, String> {
        let numbers = (0..self.site.nodes).filter(|number| which(*number));
        numbers
            .map(|number| (self.site.node(number), ip(number)))
            .collect()
    }

    /// Starts a controller as it is shipped, with these further arguments.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(&self, binary: &Path, args: &[String]) -> Result<Cloud> {
        Cloud::start(binary, &self.kubeconfig, &self.config, args)
    }
}

/// The configuration file for all regions of a site.
fn config(pve: &ProxmoxVe, site: &Site) -> String {
    const CLUSTERS: &str = "clusters:\n";
    let of = |region: &&str| cloud::config(pve, region, TOKEN, &[("mode", site.mode.name())]);
    let mut all = site.regions().iter().map(of);
    let first = all.next().unwrap_or_default();
    all.fold(first, |text, further| {
        text + further.split_once(CLUSTERS).map_or("", |(_, clusters)| clusters)
    })
}

fn machines(site: &Site) -> Builder {
    let add = |builder: Builder, (place, region): (usize, &&str)| {
        let builder = builder.region(region).token(TOKEN.0, TOKEN.1, Privileges::all());
        let builder = (0..HOSTS).fold(builder, |builder, number| builder.host(&host(number)));
        let numbers = (0..site.nodes).filter(|number| number % site.regions == place);
        builder.vms(numbers.map(|number| {
            Vm::new(vmid(number), &name(number))
                .host(&site.host(number))
                .guest(guest(number))
        }))
    };
    site.regions().iter().enumerate().fold(ProxmoxVe::builder(), add)
}

/// A guest as those of a cluster are: one address that counts, and what a container runtime makes.
fn guest(number: usize) -> Guest {
    let address = format!("{}/9", ip(number));
    Guest::interfaces(&[
        ("lo", &["127.0.0.1/8", "::1/128"]),
        ("eth0", &[&address, "fe80::be24:11ff:fe2e:c40a/64"]),
        ("cilium_host", &["10.244.0.7/32"]),
        ("cni0", &["10.244.0.1/24", "fe80::bc00:43ff:fe27:a41c/64"]),
        ("lxc_health", &["fe80::70c6:d1ff:fe0e:7b4a/64"]),
    ])
}

async fn create(client: &Client, site: Site) -> Result<()> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS.min(site.nodes) {
        let (client, next) = (client.clone(), next.clone());
        writers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= site.nodes {
                    return anyhow::Ok(());
                }
                let kubelet = Kubelet::new(&site.node(number), vmid(number)).images(IMAGES);
                let kubelet = if site.node_ip {
                    kubelet.node_ip(&ip(number))
                } else {
                    kubelet
                };
                let body = serde_json::to_vec(&kubelet.node())?;
                let request = Request::new(NODES).create(&PostParams::default(), body)?;
                let _: Value = client.request(request).await.context("cannot create a Node")?;
            }
        });
    }
    while let Some(result) = writers.join_next().await {
        result??;
    }
    Ok(())
}

/// A host by its place; places go round.
pub(crate) fn host(place: usize) -> String {
    format!("pve-{}", place % HOSTS + 1)
}

/// Of one length, so that no name begins with another.
fn name(number: usize) -> String {
    format!("node-{number:06}")
}

/// The number of a machine.
pub(crate) fn vmid(number: usize) -> u32 {
    u32::try_from(FIRST + number).unwrap_or(u32::MAX)
}

fn ip(number: usize) -> String {
    let first = u32::from(Ipv4Addr::new(10, 0, 0, 10));
    Ipv4Addr::from(first + u32::try_from(number).unwrap_or(0)).to_string()
}
