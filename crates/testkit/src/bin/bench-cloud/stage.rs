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
    proxmox::{Guest, Latency, Privileges, Vm},
};
use tokio::task::JoinSet;

use crate::observer::NODES;

/// The name the controller's requests are audited under.
pub(crate) const USER: &str = "cadastre-bench";
const REGION: &str = "fsn";
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

/// Both sides, ready for a controller.
pub(crate) struct Stage {
    pub(crate) plane: ControlPlane,
    pub(crate) pve: ProxmoxVe,
    /// The moment the times of [`ProxmoxVe::log`] count from.
    pub(crate) since: Instant,
    /// Every Node with the address it must have in the end.
    pub(crate) expected: BTreeMap<String, String>,
    kubeconfig: PathBuf,
    config: String,
}

impl Stage {
    /// `node_ip`: kubelets know their address.
    ///
    /// # Errors
    /// When one of the servers does not start, or a Node cannot be created.
    pub(crate) async fn open(nodes: usize, mode: Mode, latency: Duration, node_ip: bool) -> Result<Self> {
        let options = Options {
            audit_log: true,
            ..Options::default()
        };
        let plane = ControlPlane::start(options).await?;
        let kubeconfig = plane.kubeconfig_for(USER, &["system:masters"])?;
        create(&plane.client(), nodes, node_ip).await?;
        let pve = machines(nodes).start().await?;
        let since = Instant::now();
        pve.latency_everywhere(Latency::Fixed(latency));
        let config = cloud::config(&pve, REGION, TOKEN, &[("mode", mode.name())]);
        let expected = (0..nodes).map(|number| (name(number), ip(number))).collect();
        Ok(Self {
            plane,
            pve,
            since,
            expected,
            kubeconfig,
            config,
        })
    }

    /// Starts a controller as it is shipped, with these further arguments.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(&self, binary: &Path, args: &[String]) -> Result<Cloud> {
        Cloud::start(binary, &self.kubeconfig, &self.config, args)
    }
}

fn machines(nodes: usize) -> testkit::proxmox::Builder {
    let builder = ProxmoxVe::builder()
        .region(REGION)
        .token(TOKEN.0, TOKEN.1, Privileges::all());
    let hosts = (1..=HOSTS).fold(builder, |builder, host| builder.host(&format!("pve-{host}")));
    hosts.vms((0..nodes).map(|number| {
        let host = format!("pve-{}", number % HOSTS + 1);
        Vm::new(vmid(number), &name(number))
            .host(&host)
            .guest(guest(number))
    }))
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

async fn create(client: &Client, nodes: usize, node_ip: bool) -> Result<()> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS.min(nodes) {
        let (client, next) = (client.clone(), next.clone());
        writers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= nodes {
                    return anyhow::Ok(());
                }
                let kubelet = Kubelet::new(&name(number), vmid(number)).images(IMAGES);
                let kubelet = if node_ip {
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

/// Of one length, so that no name begins with another.
fn name(number: usize) -> String {
    format!("node-{number:06}")
}

fn vmid(number: usize) -> u32 {
    u32::try_from(FIRST + number).unwrap_or(u32::MAX)
}

fn ip(number: usize) -> String {
    let first = u32::from(Ipv4Addr::new(10, 0, 0, 10));
    Ipv4Addr::from(first + u32::try_from(number).unwrap_or(0)).to_string()
}
