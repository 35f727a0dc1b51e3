//! The ground of all tests here: an API server, a Proxmox VE, a controller, Nodes, and what is seen of them.

use std::sync::Arc;
use std::time::Duration;

use cloud::announce::{Announcer, LIFECYCLE_LOOP, NODE_LOOP};
use cloud::config;
use cloud::controller::{self, Loops};
use cloud::metrics::Metrics;
use cloud::source::metrics::Metrics as SourceMetrics;
use cloud::source::proxmox::Proxmox;
use cloud::source::{Source, Sources};
use cloud::world::{Options, Shared, World};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::events::v1::Event;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use runtime::events::Recorder;
use serde_json::{Value, json};
use testkit::proxmox::{Builder, Limits, Privileges, Vm};
use testkit::{ControlPlane, ProxmoxVe, eventually};
use tokio::sync::{Mutex, MutexGuard, watch};
use tokio_util::sync::CancellationToken;

/// How long anything may take before a test gives up: far more than it needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const TOKEN: (&str, &str) = ("kubernetes@pve!ccm", "6f2f6b1e-1c1e-4c55-9d43-0d6a3a9f6f10");

/// Nodes have no namespace, so only one test at a time may have some.
static TURN: Mutex<()> = Mutex::const_new(());

/// The API server of this test binary.
async fn plane() -> &'static ControlPlane {
    ControlPlane::shared().await
}

/// One API server without Nodes, and one Proxmox VE.
pub(crate) struct Site {
    pub(crate) client: Client,
    pub(crate) pve: ProxmoxVe,
    _turn: Option<MutexGuard<'static, ()>>,
}

impl Site {
    /// A region `cluster-1` with these machines.
    pub(crate) async fn open(vms: impl IntoIterator<Item = Vm>) -> Self {
        Self::build(|builder| {
            builder
                .region("cluster-1")
                .host("pve-1")
                .vms(vms)
                .token(TOKEN.0, TOKEN.1, Privileges::all())
        })
        .await
    }

    pub(crate) async fn build(describe: impl FnOnce(Builder) -> Builder) -> Self {
        let turn = TURN.lock().await;
        let site = Self::on(plane().await.client(), describe).await;
        Self {
            _turn: Some(turn),
            ..site
        }
    }

    /// The same on an API server that nobody else uses.
    pub(crate) async fn on(client: Client, describe: impl FnOnce(Builder) -> Builder) -> Self {
        let nodes: Api<Node> = Api::all(client.clone());
        nodes
            .delete_collection(&DeleteParams::default(), &ListParams::default())
            .await
            .expect("old Nodes go");
        let events: Api<Event> = Api::namespaced(client.clone(), "default");
        events
            .delete_collection(&DeleteParams::default(), &ListParams::default())
            .await
            .expect("old events go");
        let pve = describe(ProxmoxVe::builder().limits(Limits::quick()))
            .start()
            .await
            .expect("a Proxmox VE starts");
        Self {
            client,
            pve,
            _turn: None,
        }
    }

    /// A configuration with the one region, and these lines under `features`.
    pub(crate) fn config(&self, features: &str) -> String {
        let mut text = String::from("features:\n  provider: default\n");
        if features.contains("provider:") {
            text = "features:\n".to_owned();
        }
        for line in features.lines() {
            text.push_str(&format!("  {line}\n"));
        }
        text.push_str("clusters:\n");
        text.push_str(&self.cluster(
            "cluster-1",
            &format!("token_id: \"{}\", token_secret: \"{}\"", TOKEN.0, TOKEN.1),
        ));
        text
    }

    /// One entry of `clusters`.
    pub(crate) fn cluster(&self, region: &str, credentials: &str) -> String {
        let (url, ca) = (self.pve.url(region), self.pve.ca_file().display());
        format!("- {{url: \"{url}\", region: {region}, ca_file: \"{ca}\", {credentials}}}\n")
    }

    /// Starts a controller and waits until it has seen all Nodes.
    pub(crate) async fn start(&self, features: &str) -> Controller {
        self.start_with(&self.config(features), |_, _| {}).await
    }

    pub(crate) async fn start_with(
        &self,
        text: &str,
        change: impl FnOnce(&mut Options, &mut Loops),
    ) -> Controller {
        let config = config::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let source_metrics = SourceMetrics::default();
        let sources = Sources::new(config.regions.iter().map(|settings| {
            let source = Proxmox::new(settings, &source_metrics).expect("a source");
            Arc::new(source) as Arc<dyn Source>
        }));
        let stop = CancellationToken::new();
        let recorder = |who| Recorder::new(self.client.clone(), who, "test", stop.clone());
        let ((node, of_node), (lifecycle, of_lifecycle)) = (recorder(NODE_LOOP), recorder(LIFECYCLE_LOOP));
        let mut options = Options {
            monitor_period: Duration::from_millis(500),
            ..Options::default()
        };
        let mut loops = Loops {
            node: true,
            lifecycle: true,
        };
        change(&mut options, &mut loops);
        let world = World::new(Shared {
            client: self.client.clone(),
            sources,
            settings: config.settings,
            options,
            metrics: Metrics::default(),
            source_metrics,
            announcer: Announcer {
                node: Some(node),
                lifecycle: Some(lifecycle),
            },
            holds: Arc::new(|| true),
            // Nodes of a test are as old as the test; the rule for young ones has pure tests.
            wall: || Timestamp::now() + SignedDuration::from_mins(5),
        });
        let (ready, mut readiness) = watch::channel(Err("starting".to_owned()));
        let (_, leading) = watch::channel(true);
        let config = controller::Config {
            world: world.clone(),
            loops,
            leading,
            readiness: Arc::new(move |state| drop(ready.send_replace(state))),
        };
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(of_node);
        tasks.spawn(of_lifecycle);
        tasks.spawn(controller::run(config, stop.clone()));
        tokio::time::timeout(PATIENCE, readiness.wait_for(Result::is_ok))
            .await
            .expect("ready in time")
            .expect("runs");
        Controller { world, stop, tasks }
    }

    pub(crate) fn nodes(&self) -> Api<Node> {
        Api::all(self.client.clone())
    }

    /// Creates a Node as kubelet would, and gives it its status.
    pub(crate) async fn node(&self, node: New) -> Node {
        let New {
            name,
            meta,
            spec,
            status,
        } = node;
        let mut metadata = json!({"name": name, "labels": {"kubernetes.io/hostname": name}});
        merge(&mut metadata, meta);
        let object = json!({"metadata": metadata, "spec": spec});
        let object: Node = serde_json::from_value(object).expect("a Node");
        self.nodes()
            .create(&PostParams::default(), &object)
            .await
            .expect("the Node is created");
        self.status(&name, &status).await
    }

    /// Merges into the status.
    pub(crate) async fn status(&self, name: &str, status: &Value) -> Node {
        let patch = json!({"status": status});
        self.nodes()
            .patch_status(name, &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .expect("the status is taken")
    }

    /// Merges into the Node.
    pub(crate) async fn patch(&self, name: &str, patch: &Value) {
        self.nodes()
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .expect("the patch applies");
    }

    pub(crate) async fn get(&self, name: &str) -> Node {
        self.nodes().get(name).await.expect("the Node exists")
    }

    /// Waits until a Node is as `is` wants it.
    pub(crate) async fn until(&self, name: &str, what: &str, is: impl Fn(&Node) -> bool) -> Node {
        eventually(PATIENCE, &format!("{name}: {what}"), || async {
            let node = self.nodes().get(name).await.map_err(|e| e.to_string())?;
            if is(&node) {
                Ok(node)
            } else {
                Err(format!("{}\n{}", shown(&node), self.pve.log_tail()))
            }
        })
        .await
    }

    pub(crate) async fn initialised(&self, name: &str) -> Node {
        self.until(name, "is initialised", |node| !is_tainted(node)).await
    }

    pub(crate) async fn has_addresses(&self, name: &str, expected: &str) -> Node {
        self.until(name, &format!("has [{expected}]"), |node| {
            addresses(node) == expected
        })
        .await
    }

    /// Waits until the node loop has looked at a Node and found its machine, or not.
    pub(crate) async fn looked(&self, controller: &Controller, name: &str, found: bool) {
        eventually(PATIENCE, &format!("{name} was looked at"), || async {
            match controller.world.with(name, |entry| entry.found) {
                Some(Some(is)) if is == found => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    }

    pub(crate) async fn gone(&self, name: &str) {
        eventually(PATIENCE, &format!("{name} is gone"), || async {
            match self.nodes().get_opt(name).await {
                Ok(None) => Ok(()),
                Ok(Some(_)) => Err(format!("it is there; events: {:?}", self.events(name).await)),
                Err(error) => Err(error.to_string()),
            }
        })
        .await;
    }

    /// Waits for an event on a Node; returns its text.
    pub(crate) async fn event(&self, name: &str, reason: &str) -> String {
        eventually(PATIENCE, &format!("{name} has an event {reason}"), || async {
            let all = self.events(name).await;
            let found = all
                .iter()
                .find(|(known, _)| known == reason)
                .map(|(_, note)| note.clone());
            found.ok_or_else(|| format!("{all:?}"))
        })
        .await
    }

    /// Reasons and texts of a Node's events.
    pub(crate) async fn events(&self, name: &str) -> Vec<(String, String)> {
        let events: Api<Event> = Api::namespaced(self.client.clone(), "default");
        let all = events.list(&ListParams::default()).await.expect("events").items;
        all.into_iter()
            .filter(|event| event.regarding.as_ref().and_then(|object| object.name.as_deref()) == Some(name))
            .map(|event| (event.reason.unwrap_or_default(), event.note.unwrap_or_default()))
            .collect()
    }
}

/// A running controller.
pub(crate) struct Controller {
    pub(crate) world: Arc<World>,
    stop: CancellationToken,
    tasks: tokio::task::JoinSet<()>,
}

impl Controller {
    /// Stops it in good order.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        let ended = async {
            while let Some(ended) = self.tasks.join_next().await {
                ended.expect("no task panics");
            }
        };
        let limit = Duration::from_secs(15);
        tokio::time::timeout(limit, ended)
            .await
            .expect("it stops, whatever it waits for");
    }
}

/// A Node to create.
pub(crate) struct New {
    name: String,
    meta: Value,
    spec: Value,
    status: Value,
}

impl New {
    /// Tainted, ready, with its name as only address, and the UUID of machine `vm`.
    pub(crate) fn tainted(name: &str, vm: u32) -> Self {
        let taint =
            json!({"key": cloud::names::TAINT_UNINITIALIZED, "value": "true", "effect": "NoSchedule"});
        let mut new = Self::initialised(name, vm);
        new.spec = json!({"taints": [taint]});
        new
    }

    /// The same without taint and with the provider ID of machine `vm`.
    pub(crate) fn initialised(name: &str, vm: u32) -> Self {
        Self {
            name: name.to_owned(),
            meta: json!({}),
            spec: json!({"providerID": format!("proxmox://cluster-1/{vm}")}),
            status: json!({
                "addresses": [{"type": "Hostname", "address": name}],
                "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady",
                    "lastHeartbeatTime": "2026-01-01T00:00:00Z", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
                "nodeInfo": info(&Vm::uuid_of(vm)),
            }),
        }
    }

    pub(crate) fn provided(mut self, ips: &str) -> Self {
        self.meta["annotations"][cloud::names::PROVIDED_NODE_IP] = json!(ips);
        self
    }

    pub(crate) fn annotation(mut self, key: &str, value: &str) -> Self {
        self.meta["annotations"][key] = json!(value);
        self
    }

    pub(crate) fn label(mut self, key: &str, value: &str) -> Self {
        self.meta["labels"][key] = json!(value);
        self
    }

    pub(crate) fn provider_id(mut self, id: &str) -> Self {
        self.spec["providerID"] = json!(id);
        self
    }

    pub(crate) fn uuid(mut self, uuid: &str) -> Self {
        self.status["nodeInfo"] = info(uuid);
        self
    }

    pub(crate) fn not_ready(mut self) -> Self {
        self.status["conditions"][0]["status"] = json!("Unknown");
        self
    }

    pub(crate) fn taint(mut self, key: &str) -> Self {
        let mut taints = self.spec["taints"].as_array().cloned().unwrap_or_default();
        taints.push(json!({"key": key, "effect": "NoSchedule"}));
        self.spec["taints"] = json!(taints);
        self
    }

    /// `I 10.0.0.5, H n1` and the like.
    pub(crate) fn addresses(mut self, text: &str) -> Self {
        let list: Vec<Value> = text
            .split(", ")
            .map(|entry| {
                let (kind, address) = entry.split_once(' ').expect("type and address");
                let kind = match kind {
                    "I" => "InternalIP",
                    "E" => "ExternalIP",
                    "H" => "Hostname",
                    other => other,
                };
                json!({"type": kind, "address": address})
            })
            .collect();
        self.status["addresses"] = json!(list);
        self
    }
}

fn info(uuid: &str) -> Value {
    json!({
        "systemUUID": uuid, "machineID": "", "bootID": "", "kernelVersion": "", "osImage": "",
        "containerRuntimeVersion": "", "kubeletVersion": "v1.35.0", "kubeProxyVersion": "",
        "operatingSystem": "linux", "architecture": "amd64",
    })
}

fn merge(into: &mut Value, from: Value) {
    let (Some(into), Value::Object(from)) = (into.as_object_mut(), from) else {
        return;
    };
    for (key, value) in from {
        match into.get_mut(&key) {
            Some(inner) if inner.is_object() => merge(inner, value),
            _ => {
                into.insert(key, value);
            }
        }
    }
}

/// `I 10.0.0.5, H n1`: the addresses of a Node in the words of the specification.
pub(crate) fn addresses(node: &Node) -> String {
    let all = node
        .status
        .iter()
        .flat_map(|status| status.addresses.iter().flatten());
    let entry = |kind: &str, address: &str| {
        let kind = match kind {
            "InternalIP" => "I",
            "ExternalIP" => "E",
            "Hostname" => "H",
            other => other,
        };
        format!("{kind} {address}")
    };
    all.map(|one| entry(&one.type_, &one.address))
        .collect::<Vec<_>>()
        .join(", ")
}

pub(crate) fn provider_id(node: &Node) -> &str {
    node.spec
        .as_ref()
        .and_then(|spec| spec.provider_id.as_deref())
        .unwrap_or_default()
}

pub(crate) fn label<'a>(node: &'a Node, key: &str) -> &'a str {
    node.metadata
        .labels
        .as_ref()
        .and_then(|labels| labels.get(key))
        .map_or("(none)", String::as_str)
}

pub(crate) fn has_taint(node: &Node, key: &str) -> bool {
    let mut taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
    taints.any(|taint| taint.key == key)
}

pub(crate) fn is_tainted(node: &Node) -> bool {
    has_taint(node, cloud::names::TAINT_UNINITIALIZED)
}

/// A Node for a message.
fn shown(node: &Node) -> String {
    let taints: Vec<&str> = node
        .spec
        .iter()
        .flat_map(|spec| spec.taints.iter().flatten())
        .map(|taint| taint.key.as_str())
        .collect();
    format!(
        "[{}] {} {taints:?} {:?}",
        addresses(node),
        provider_id(node),
        node.metadata.labels
    )
}
