//! A control plane with three Nodes as kubelets register them, a Proxmox VE with their machines, and the cloud
//! controller; then a table of what each Node has become.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use k8s_openapi::api::core::v1::Node;
use kube::{Api, Client, api::ListParams};
use serde_json::Value;
use testkit::{
    ControlPlane, Options, ProxmoxVe, apply,
    cloud::{self, Cloud, Kubelet, UNINITIALIZED},
    proxmox::{Guest, GuestAgent, Privileges, Vm},
};

use crate::{Watch, running, table};

/// Time for all Nodes to be initialised and to have an address.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often to look.
const LOOK: Duration = Duration::from_millis(50);
/// Where Debian keeps it, which is not on everybody's path.
const QEMU_GA: &str = "/usr/sbin/qemu-ga";
const REGION: &str = "fsn";
const TOKEN: (&str, &str) = ("kubernetes@pve!ccm", "6f2f6b1e-1c1e-4c55-9d43-0d6a3a9f6f10");
/// Addresses of the internet in this example.
const EXTERNAL: &str = "203.0.113.0/24";
/// Time between two looks at a Node. Short, for people who change a guest.
const PASS: &str = "10s";
const HEAD: [&str; 5] = ["NODE", "PROVIDER ID", "ZONE", "TYPE", "ADDRESSES"];
const ZONE: &str = "topology.kubernetes.io/zone";
const TYPE: &str = "node.kubernetes.io/instance-type";

/// Shows it.
///
/// # Errors
/// When something does not start, or a Node is not initialised in time.
pub(crate) async fn run(watch: Watch, binary: &Path, once: bool) -> Result<()> {
    let agent = guest_agent(watch).await;
    watch.step("starting Proxmox VE");
    let pve = machines(agent.as_ref()).start().await?;
    watch.step("starting etcd and kube-apiserver");
    let plane = ControlPlane::start(Options::default()).await?;
    watch.step("registering Nodes as kubelets do with --cloud-provider=external");
    apply::apply_values(plane.client(), "default", nodes()).await?;
    watch.step("starting the cloud controller");
    let config = cloud::config(
        &pve,
        REGION,
        TOKEN,
        &[("mode", "auto"), ("external_ip_cidrs", EXTERNAL)],
    );
    let frequency = format!("--node-status-update-frequency={PASS}");
    let mut cloud = Cloud::start(
        binary,
        plane.kubeconfig(),
        &config,
        &[frequency, "--v=2".to_owned()],
    )?;
    let rows = initialised(&plane.client(), &mut cloud).await?;
    println!("{}", table::render(HEAD, &rows));
    watch.step(&format!("{} Nodes are initialised", rows.len()));
    if once {
        return running::stop(&mut cloud.process).await;
    }
    look_around(binary, &plane, &pve, &cloud, agent.as_ref());
    running::stay(&mut cloud.process).await
}

/// A real guest agent, where that is possible.
async fn guest_agent(watch: Watch) -> Option<GuestAgent> {
    if !Path::new(QEMU_GA).exists() {
        watch.step("no qemu-ga on this machine: all guests are fixed lists");
        return None;
    }
    watch.step("starting a real qemu-ga in a network namespace");
    let started = GuestAgent::start(&["10.10.0.22/24", "2001:db8:10::22/64"]).await;
    started
        .inspect_err(|error| watch.step(&format!("not possible, so all guests are fixed lists: {error:#}")))
        .ok()
}

fn machines(agent: Option<&GuestAgent>) -> testkit::proxmox::Builder {
    let control = Guest::interfaces(&[
        ("lo", &["127.0.0.1/8", "::1/128"]),
        ("eth0", &["10.10.0.11/24", "10.10.0.10/32", "2001:db8:10::11/64"]),
        ("cni0", &["10.244.0.1/24"]),
    ]);
    let worker = Guest::interfaces(&[
        ("lo", &["127.0.0.1/8", "::1/128"]),
        ("eth0", &["10.10.0.21/24", "fe80::be24:11ff:fe2e:c421/64"]),
        ("eth1", &["203.0.113.21/28"]),
        ("docker0", &["172.17.0.1/16"]),
        ("kube-ipvs0", &["10.96.0.1/32", "10.96.0.10/32"]),
    ]);
    let fixed = Guest::eth0(&["10.10.0.22/24", "2001:db8:10::22/64"]);
    let real = agent.map_or(fixed, GuestAgent::guest);
    let vm = |id, name, host| Vm::new(id, name).host(host);
    ProxmoxVe::builder()
        .region(REGION)
        .host("pve-1")
        .host("pve-2")
        .host("pve-3")
        .vm(vm(100, "control-1", "pve-1").sku("c1.medium").guest(control))
        .vm(vm(101, "worker-1", "pve-2").guest(worker))
        .vm(vm(102, "worker-2", "pve-3").cpus(2).memory(4 << 30).guest(real))
        .token(TOKEN.0, TOKEN.1, Privileges::all())
}

/// One kubelet knows its `--node-ip`, the others leave addresses to the cloud controller.
fn nodes() -> Vec<Value> {
    [
        Kubelet::new("control-1", 100).node_ip("10.10.0.11"),
        Kubelet::new("worker-1", 101),
        Kubelet::new("worker-2", 102),
    ]
    .map(|kubelet| kubelet.images(10).node())
    .into()
}

/// Waits until every Node is without taint and has an address besides its name.
async fn initialised(client: &Client, cloud: &mut Cloud) -> Result<Vec<[String; 5]>> {
    let nodes: Api<Node> = Api::all(client.clone());
    let end = Instant::now() + PATIENCE;
    loop {
        cloud.still_runs()?;
        let all = nodes
            .list(&ListParams::default())
            .await
            .context("cannot list Nodes")?
            .items;
        if all.iter().all(is_ready) {
            return Ok(all.iter().map(row).collect());
        }
        if Instant::now() > end {
            let rows: Vec<_> = all.iter().map(row).collect();
            bail!(
                "not all Nodes are initialised after {PATIENCE:?}:\n{}\n{}",
                table::render(HEAD, &rows),
                cloud.process.log_tail()
            );
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn is_ready(node: &Node) -> bool {
    let taints = node
        .spec
        .as_ref()
        .and_then(|spec| spec.taints.as_deref())
        .unwrap_or_default();
    !taints.iter().any(|taint| taint.key == UNINITIALIZED)
        && addresses(node).any(|(kind, _)| kind == "InternalIP")
}

fn addresses(node: &Node) -> impl Iterator<Item = (&str, &str)> {
    let status = node.status.iter();
    let entries = status.flat_map(|status| status.addresses.iter().flatten());
    entries.map(|entry| (entry.type_.as_str(), entry.address.as_str()))
}

fn row(node: &Node) -> [String; 5] {
    let label = |key: &str| {
        node.metadata
            .labels
            .as_ref()
            .and_then(|labels| labels.get(key).cloned())
    };
    let provider_id = node.spec.as_ref().and_then(|spec| spec.provider_id.clone());
    let addresses: Vec<String> = addresses(node)
        .map(|(kind, text)| format!("{kind} {text}"))
        .collect();
    [
        node.metadata.name.clone().unwrap_or_default(),
        provider_id.unwrap_or_else(|| "-".to_owned()),
        label(ZONE).unwrap_or_else(|| "-".to_owned()),
        label(TYPE).unwrap_or_else(|| "-".to_owned()),
        addresses.join(", "),
    ]
}

fn look_around(
    binary: &Path,
    plane: &ControlPlane,
    pve: &ProxmoxVe,
    cloud: &Cloud,
    agent: Option<&GuestAgent>,
) {
    let kubeconfig = plane.kubeconfig().display();
    let (url, token) = (pve.url(REGION), format!("{}={}", TOKEN.0, TOKEN.1));
    println!("\nLook around:\n  export KUBECONFIG={kubeconfig}");
    println!("  kubectl get nodes -o wide -L {ZONE},{TYPE}");
    println!(
        "  {} cloud --cloud-config {} --explain worker-1",
        binary.display(),
        cloud.config_file().display()
    );
    println!("\nAsk Proxmox VE, URL {url}, token {token}:");
    println!(
        "  curl --cacert {} -H 'Authorization: PVEAPIToken={token}' '{url}/cluster/resources?type=vm'",
        pve.ca_file().display()
    );
    if let Some(agent) = agent {
        println!("\nThe guest of worker-2 is real; its Node follows at the next look, one every {PASS}:");
        println!(
            "  ip netns exec {} ip address add 10.10.0.99/24 dev eth0",
            agent.namespace().name()
        );
    }
    println!(
        "\nThe controller's log: {}\nCtrl-C ends everything.",
        cloud.process.log_path().display()
    );
}
