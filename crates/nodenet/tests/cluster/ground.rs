//! The ground of all tests here: an API server without nodes and policies, and a coordinator.

use std::sync::Arc;
use std::time::Duration;

use api::nmstate::{Enactment, NmstateKind, Policy, State};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, Pod, ServiceAccount};
use kube::Client;
use kube::api::{Api, DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use nodenet::coordinator::{self, Config};
use runtime::lease::LeaseConfig;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use testkit::{ControlPlane, eventually};
use tokio::sync::{Mutex, MutexGuard, OnceCell, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::scripted::{Script, Scripted};
use crate::witness::Witness;

/// How long anything may take before a test gives up: far more than it needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Nodes and policies have no namespace, so only one test at a time may have some.
static TURN: Mutex<()> = Mutex::const_new(());

/// Set when the definitions are served.
static INSTALLED: OnceCell<()> = OnceCell::const_new();

pub(crate) struct Site {
    pub(crate) client: Client,
    pub(crate) namespace: String,
    nodes: Vec<Scripted>,
    _turn: MutexGuard<'static, ()>,
}

impl Site {
    /// An API server with our kinds, and nothing of ours in it.
    pub(crate) async fn open() -> Self {
        let turn = TURN.lock().await;
        let plane = ControlPlane::shared().await;
        let install = || async {
            for kind in NmstateKind::ALL {
                let yaml = api::nmstate::yaml(kind).expect("YAML");
                plane.apply_yaml(&yaml).await.expect("the definition is accepted");
            }
        };
        INSTALLED.get_or_init(install).await;
        let client = plane.client();
        clear::<Policy>(&client).await;
        clear::<Enactment>(&client).await;
        clear::<State>(&client).await;
        clear::<Node>(&client).await;
        let namespace = plane.namespace("nodenet").await;
        // Without a controller manager nobody else makes it, and no pod is admitted without.
        let account = ServiceAccount {
            metadata: ObjectMeta {
                name: Some("default".to_owned()),
                ..ObjectMeta::default()
            },
            ..ServiceAccount::default()
        };
        let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), &namespace);
        accounts
            .create(&PostParams::default(), &account)
            .await
            .expect("the account is created");
        Self {
            namespace,
            client,
            nodes: Vec::new(),
            _turn: turn,
        }
    }

    /// The same with `count` nodes n1, n2, … that run a scripted process.
    pub(crate) async fn with_nodes(count: usize) -> Self {
        let mut site = Self::open().await;
        for n in 1..=count {
            site.join(&format!("n{n}"), Script::default()).await;
        }
        site
    }

    /// A Ready node with a pod of our process, and the process.
    pub(crate) async fn join(&mut self, name: &str, script: Script) {
        self.node(name).await;
        self.pod(name).await;
        self.nodes.push(Scripted::start(&self.client, name, script).await);
    }

    /// What the process of a node does from now on.
    pub(crate) fn script(&self, node: &str, script: Script) {
        let found = self.nodes.iter().find(|scripted| scripted.name == node);
        found.expect("such a node").set(script);
    }

    /// Ends the process of a node, as a crash does: its pod object stays.
    pub(crate) async fn kill(&mut self, node: &str) {
        let place = self.nodes.iter().position(|scripted| scripted.name == node);
        self.nodes.remove(place.expect("such a node")).end().await;
    }

    /// Most applies at the same time on one node, ever.
    pub(crate) fn most_applies_on_a_node(&self) -> usize {
        self.nodes.iter().map(Scripted::most).max().unwrap_or_default()
    }

    pub(crate) async fn node(&self, name: &str) {
        let node = serde_json::from_value(json!({"metadata": {"name": name, "labels": {"zone": "a"}}}));
        let nodes: Api<Node> = self.all();
        nodes
            .create(&PostParams::default(), &node.expect("a Node"))
            .await
            .expect("the Node is created");
        self.ready(name, true).await;
    }

    pub(crate) async fn ready(&self, name: &str, ready: bool) {
        let status = if ready { "True" } else { "Unknown" };
        let patch = json!({"status": {"conditions": [{"type": "Ready", "status": status}]}});
        let nodes: Api<Node> = self.all();
        let patched = nodes
            .patch_status(name, &PatchParams::default(), &Patch::Merge(patch))
            .await;
        patched.expect("the Node says whether it is Ready");
    }

    pub(crate) async fn pod(&self, node: &str) {
        let pod = json!({
            "metadata": {"name": format!("handler-{node}"), "labels": {"component": "kubernetes-nmstate-handler"}},
            "spec": {"nodeName": node, "containers": [{"name": "handler", "image": "example.org/handler"}]},
        });
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.namespace);
        pods.create(
            &PostParams::default(),
            &serde_json::from_value(pod).expect("a Pod"),
        )
        .await
        .expect("the Pod is created");
    }

    pub(crate) async fn delete_pod(&self, node: &str) {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.namespace);
        let how = DeleteParams::default().grace_period(0);
        pods.delete(&format!("handler-{node}"), &how)
            .await
            .expect("the Pod goes");
    }

    pub(crate) fn all<K>(&self) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = kube::core::ClusterResourceScope>,
    {
        Api::all(self.client.clone())
    }

    pub(crate) async fn policy(&self, name: &str, spec: Value) -> Policy {
        let spec = serde_json::from_value(spec).expect("a spec");
        let policies: Api<Policy> = self.all();
        let made = policies
            .create(&PostParams::default(), &Policy::new(name, spec))
            .await;
        made.expect("the policy is created")
    }

    pub(crate) async fn edit(&self, name: &str, spec: Value) {
        let policies: Api<Policy> = self.all();
        let patch = Patch::Merge(json!({"spec": spec}));
        policies
            .patch(name, &PatchParams::default(), &patch)
            .await
            .expect("the policy is changed");
    }

    /// A coordinator that always leads.
    pub(crate) async fn coordinate(&self) -> Coordinator {
        let config = Config::new(self.client.clone(), &self.namespace);
        let (ready, mut readiness) = watch::channel(Err("starting".to_owned()));
        let tell: coordinator::Readiness = Arc::new(move |state| drop(ready.send_replace(state)));
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(coordinator::run(config, Arc::new(|| true), tell, stop.clone()));
        let synced = tokio::time::timeout(PATIENCE, readiness.wait_for(Result::is_ok)).await;
        synced.expect("everything is seen in time").expect("it runs");
        Coordinator { stop, tasks }
    }

    /// One that leads while it holds the lease, with times a test can wait for.
    pub(crate) fn elect(&self) -> Coordinator {
        let config = Config::new(self.client.clone(), &self.namespace);
        let lease = LeaseConfig {
            lease_duration: Duration::from_secs(6),
            renew_deadline: Duration::from_secs(4),
            retry_period: Duration::from_millis(500),
            ..LeaseConfig::new(&self.namespace, coordinator::LEASE)
        };
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let ends = stop.clone();
        tasks.spawn(async move {
            let led = coordinator::lead(config, lease, Arc::new(|_| {}), ends).await;
            led.expect("the times of the lease fit");
        });
        Coordinator { stop, tasks }
    }

    pub(crate) async fn lease(&self) -> Option<Lease> {
        let leases: Api<Lease> = Api::namespaced(self.client.clone(), &self.namespace);
        leases
            .get_opt(coordinator::LEASE)
            .await
            .expect("leases can be read")
    }

    pub(crate) async fn witness(&self) -> Witness {
        Witness::start(&self.client).await
    }

    /// Ends all scripted processes.
    pub(crate) async fn close(self) {
        for node in self.nodes {
            node.end().await;
        }
    }
}

pub(crate) struct Coordinator {
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Coordinator {
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("the coordinator ends in order");
        }
    }

    /// As a power cut: no lease is given back.
    pub(crate) async fn kill(mut self) {
        self.tasks.shutdown().await;
    }
}

async fn clear<K>(client: &Client)
where
    K: kube::Resource<DynamicType = (), Scope = kube::core::ClusterResourceScope>,
    K: Clone + DeserializeOwned + std::fmt::Debug,
{
    let api: Api<K> = Api::all(client.clone());
    for object in api.list(&ListParams::default()).await.expect("a list").items {
        let name = object.meta().name.clone().expect("a name");
        let release = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        // Gone between list and patch is as good.
        let _ = api.patch(&name, &PatchParams::default(), &release).await;
        let _ = api.delete(&name, &DeleteParams::default()).await;
    }
    eventually(PATIENCE, "nothing is left of the test before", || async {
        let left = api
            .list(&ListParams::default())
            .await
            .map_err(|error| error.to_string())?
            .items
            .len();
        if left == 0 {
            Ok(())
        } else {
            Err(format!("{left} left"))
        }
    })
    .await;
}
