//! The controller itself, as the chart starts it: with its flags, and with the rights of an account.

use std::{fs, path::Path, time::Duration};

use k8s_openapi::api::{coordination::v1::Lease, core::v1::Node, events::v1::Event};
use kube::{
    Client,
    api::{Api, ListParams, PostParams},
};
use serde_json::{Value, json};
use testkit::{
    Cadastre, ControlPlane, Options, ProxmoxVe, eventually,
    proxmox::{Guest, Limits, Privileges, Vm},
};

const UUID: &str = "11833f4c-341f-4bd3-aad7-f7abed000001";
const UNINITIALIZED: &str = "node.cloudprovider.kubernetes.io/uninitialized";
const PATIENCE: Duration = Duration::from_secs(60);
/// No Node younger than a minute is deleted, and two lists have to lack its machine.
const LONG_PATIENCE: Duration = Duration::from_secs(150);
const LEASE: &str = "cloud-controller-manager-proxmox";

/// Starts what `container` of the chart says in a new cluster with the objects of `text`, as the account `account`, and
/// shows that one Node gets what it should and that another, whose machine is gone, is deleted. Returns what the controller
/// wrote to its log meanwhile.
pub(crate) async fn works(text: &str, container: &Value, account: &str) -> String {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    plane.apply_yaml(text).await.unwrap();
    let pve = ProxmoxVe::builder()
        .region("fsn")
        .host("pve-1")
        .vm(Vm::new(100, "n1")
            .host("pve-1")
            .uuid(UUID)
            .guest(Guest::eth0(&["10.0.0.5/24"])))
        .token(
            "a@pve!b",
            "6f2f6b1e-1c1e-4c55-9d43-0d6a3a9f6f10",
            Privileges::all(),
        )
        .limits(Limits::quick())
        .start()
        .await
        .unwrap();
    let nodes: Api<Node> = Api::all(plane.client());
    for node in [node(), lost()] {
        nodes.create(&PostParams::default(), &node).await.unwrap();
    }

    let dir = tempfile::tempdir().unwrap();
    let controller = start(&plane, &pve, container, account, dir.path()).await;
    let synced = eventually(PATIENCE, "n1 is initialised", || async {
        let node = nodes.get("n1").await.map_err(|error| error.to_string())?;
        if is_synced(&node) {
            Ok(node)
        } else {
            Err(format!("{node:?}"))
        }
    })
    .await;
    assert_eq!(
        synced.spec.unwrap().provider_id.as_deref(),
        Some("proxmox://fsn/100")
    );
    has_event(&plane.client(), "Synced").await;
    let leases: Api<Lease> = Api::namespaced(plane.client(), "kube-system");
    let lease = leases.get(LEASE).await.unwrap();
    assert!(
        lease
            .spec
            .unwrap()
            .holder_identity
            .is_some_and(|holder| !holder.is_empty())
    );
    eventually(LONG_PATIENCE, "the lost Node is deleted", || async {
        match nodes.get_opt("lost").await {
            Ok(None) => Ok(()),
            other => Err(format!("{other:?}\n{}", controller.log_tail())),
        }
    })
    .await;
    has_event(&plane.client(), "DeletingNode").await;
    let record = leases.get(&format!("{LEASE}-deletions")).await.unwrap();
    let deletions = record.metadata.annotations.unwrap_or_default();
    assert_eq!(deletions["cloud.cadastre.dev/deletions"], "1");
    controller.log()
}

/// Waits for an event of this reason, by whichever of the two APIs it was written.
async fn has_event(client: &Client, reason: &str) {
    let events: Api<Event> = Api::namespaced(client.clone(), "default");
    eventually(PATIENCE, &format!("the event {reason}"), || async {
        let events = events
            .list(&ListParams::default())
            .await
            .map_err(|error| error.to_string())?;
        let found = events
            .items
            .iter()
            .any(|event| event.reason.as_deref() == Some(reason));
        found
            .then_some(())
            .ok_or_else(|| format!("{} other events", events.items.len()))
    })
    .await;
}

/// Whether the taint is gone, and both addresses are there.
fn is_synced(node: &Node) -> bool {
    let taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
    let addresses = node
        .status
        .iter()
        .flat_map(|status| status.addresses.iter().flatten());
    taints.filter(|taint| taint.key == UNINITIALIZED).count() == 0 && addresses.count() == 2
}

async fn start(
    plane: &ControlPlane,
    pve: &ProxmoxVe,
    container: &Value,
    account: &str,
    dir: &Path,
) -> Cadastre {
    let config = dir.join("config.yaml");
    let text = json!({
        "features": {"network": {"mode": "qemu"}},
        "clusters": [{
            "url": pve.url("fsn"), "region": "fsn", "ca_file": pve.ca_file(),
            "token_id": "a@pve!b", "token_secret": "6f2f6b1e-1c1e-4c55-9d43-0d6a3a9f6f10",
        }],
    });
    fs::write(&config, text.to_string()).unwrap();
    let kubeconfig = plane
        .kubeconfig_for_service_account("kube-system", account)
        .await
        .unwrap();
    let words = ["command", "args"]
        .map(|part| container[part].as_array().unwrap().as_slice())
        .concat();
    let words: Vec<String> = words
        .iter()
        .map(|word| word.as_str().unwrap().to_owned())
        .collect();
    // The first word is the program in the image. The others are as they are, but for what the pod has around it.
    let args = words.into_iter().skip(1).map(|word| match word.split_once('=') {
        Some(("--cloud-config", _)) => format!("--cloud-config={}", config.display()),
        Some(("--secure-port", _)) => "--secure-port=0".to_owned(),
        _ => word,
    });
    let args = args.chain([format!("--kubeconfig={}", kubeconfig.display())]);
    let binary = Path::new(env!("CARGO_BIN_EXE_xtask")).with_file_name("cadastre");
    assert!(binary.exists(), "build cadastre first: cargo build -p cadastre");
    Cadastre::start(binary, args, [("SERVICE_ACCOUNT", account)]).unwrap()
}

/// As a kubelet registers it.
fn node() -> Node {
    let taint = json!({"key": UNINITIALIZED, "value": "true", "effect": "NoSchedule"});
    of("n1", &json!({"taints": [taint]}), "True", UUID)
}

/// Initialised, and its machine is gone.
fn lost() -> Node {
    let uuid = UUID.replace("0001", "0999");
    of(
        "lost",
        &json!({"providerID": "proxmox://fsn/999"}),
        "Unknown",
        &uuid,
    )
}

fn of(name: &str, spec: &Value, ready: &str, uuid: &str) -> Node {
    let node = json!({
        "metadata": {"name": name},
        "spec": spec,
        "status": {
            "addresses": [{"type": "Hostname", "address": name}],
            "conditions": [{"type": "Ready", "status": ready}],
            "nodeInfo": {
                "systemUUID": uuid, "machineID": "", "bootID": "", "kernelVersion": "", "osImage": "",
                "containerRuntimeVersion": "", "kubeletVersion": "v1.37.1", "kubeProxyVersion": "",
                "operatingSystem": "linux", "architecture": "amd64",
            },
        },
    });
    serde_json::from_value(node).unwrap()
}
