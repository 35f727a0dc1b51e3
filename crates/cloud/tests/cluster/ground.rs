//! The ground of all tests here: an API server, a Proxmox VE, a controller, Nodes, and what is seen of them.

// Also a module of the test binary `faults`, so the paths are said.
#[path = "ground/new.rs"]
mod new;
#[path = "ground/running.rs"]
mod running;
#[path = "ground/seen.rs"]
mod seen;

use std::time::Duration;

use cloud::controller::Loops;
use cloud::world::Options;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::events::v1::Event;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use testkit::proxmox::{Builder, Limits, Privileges, Template, Vm};
use testkit::{ControlPlane, ProxmoxVe, eventually};
use tokio::sync::{Mutex, MutexGuard};

pub(crate) use new::New;
pub(crate) use running::Controller;
use seen::shown;
pub(crate) use seen::{addresses, has_taint, is_tainted, label, provider_id};

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
        let pve = describe(ProxmoxVe::builder().limits(Limits::quick()))
            .start()
            .await
            .expect("a Proxmox VE starts");
        let site = Self {
            client,
            pve,
            _turn: None,
        };
        site.clear().await;
        site
    }

    /// Nodes and events go.
    pub(crate) async fn clear(&self) {
        let (how, all) = (DeleteParams::default(), ListParams::default());
        let gone = self.nodes().delete_collection(&how, &all).await;
        gone.expect("old Nodes go");
        let gone = self.all_events().delete_collection(&how, &all).await;
        gone.expect("old events go");
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
        running::start(&self.client, text, change).await
    }

    pub(crate) fn nodes(&self) -> Api<Node> {
        Api::all(self.client.clone())
    }

    /// Creates a Node as kubelet would, and gives it its status.
    pub(crate) async fn node(&self, node: New) -> Node {
        self.nodes()
            .create(&PostParams::default(), &node.object())
            .await
            .expect("the Node is created");
        self.status(&node.name, &node.status).await
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

    /// Waits until Proxmox VE has answered so many requests of a template.
    pub(crate) async fn asked(&self, template: Template, times: u64) {
        eventually(
            PATIENCE,
            &format!("{template} was asked {times} times"),
            || async {
                let asked = self.pve.count(template);
                if asked >= times {
                    Ok(())
                } else {
                    Err(format!("{asked} times"))
                }
            },
        )
        .await;
    }

    /// When which requests about a machine came, by the clock of Proxmox VE.
    pub(crate) fn requests(&self, template: Template, vm: u32) -> Vec<Duration> {
        let log = self.pve.log().into_iter();
        log.filter(|entry| entry.template == template && entry.vm.as_deref() == Some(&*vm.to_string()))
            .map(|entry| entry.at)
            .collect()
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
        let all = self.told(name).await.into_iter();
        all.map(|event| (event.reason.unwrap_or_default(), event.note.unwrap_or_default()))
            .collect()
    }

    /// The reasons of a Node's Warning events.
    pub(crate) async fn warnings(&self, name: &str) -> Vec<String> {
        let all = self.told(name).await.into_iter();
        all.filter(|event| event.type_.as_deref() == Some("Warning"))
            .map(|event| event.reason.unwrap_or_default())
            .collect()
    }

    fn all_events(&self) -> Api<Event> {
        Api::namespaced(self.client.clone(), "default")
    }

    async fn told(&self, name: &str) -> Vec<Event> {
        let all = self.all_events().list(&ListParams::default()).await;
        let all = all.expect("events").items;
        let is_about =
            |event: &Event| event.regarding.as_ref().and_then(|object| object.name.as_deref()) == Some(name);
        all.into_iter().filter(is_about).collect()
    }
}
