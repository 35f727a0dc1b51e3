//! Machines, their Nodes, a controller and the witness; what is done to them, and what is waited for.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use cloud::names;
use cloud::plan::facts::MachineList;
use cloud::source::Freshness;
use futures::stream::{self, StreamExt as _};
use k8s_openapi::api::core::v1::Node;
use runtime::answer::Answer;
use serde_json::json;
use testkit::proxmox::{Builder, Privileges, Template};
use testkit::{ControlPlane, Options, eventually};

use crate::ground::{Controller, New, Site, TOKEN, has_taint, is_tainted, label};
use crate::truth::{Machine, Truth, ipv4, name};
use crate::witness::{FOREIGN_TAINT, Witness};

/// How long anything may take before a test gives up. Longer than all pauses that the controller makes on its own: a host
/// is left alone for 30 s, a Node that cannot be initialised for up to 72 s.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// Time between two looks at a Node.
const PASS: Duration = Duration::from_millis(700);

/// One scenario.
pub(crate) struct Stage {
    pub(crate) plane: ControlPlane,
    pub(crate) site: Site,
    pub(crate) truth: Truth,
    pub(crate) witness: Witness,
    regions: Vec<&'static str>,
}

impl Stage {
    /// These machines, in the regions and on the hosts they name, and a control plane of its own.
    pub(crate) async fn open(machines: impl IntoIterator<Item = Machine>) -> Self {
        Self::with(Options::default(), machines).await
    }

    /// The same with other options of the control plane.
    pub(crate) async fn with(options: Options, machines: impl IntoIterator<Item = Machine>) -> Self {
        let plane = ControlPlane::start(options)
            .await
            .expect("a control plane starts");
        let truth = Truth::new(machines);
        let regions: BTreeSet<&'static str> = truth.all().values().map(|machine| machine.region).collect();
        let site = Site::on(plane.client(), |builder| {
            regions
                .iter()
                .fold(builder, |builder, name| region(builder, name, &truth))
        })
        .await;
        let witness = Witness::of(site.client.clone(), truth.clone()).await;
        Self {
            plane,
            site,
            truth,
            witness,
            regions: regions.into_iter().collect(),
        }
    }

    /// Starts a controller that asks guests, looks at every Node more than once a second, and waits for Proxmox VE for
    /// no longer than a few seconds.
    pub(crate) async fn start(&self) -> Controller {
        let mut text = String::from("features:\n  network: {mode: qemu, guest_timeout: 2s}\nclusters:\n");
        let token = format!(
            "token_id: \"{}\", token_secret: \"{}\", timeout: 3s",
            TOKEN.0, TOKEN.1
        );
        for region in &self.regions {
            text.push_str(&self.site.cluster(region, &token));
        }
        self.site
            .start_with(&text, |options, _| options.pass_period = PASS)
            .await
    }

    /// Creates Nodes as their kubelets would.
    pub(crate) async fn create(&self, ids: Range<u32>) {
        let nodes = ids.map(|id| async move {
            let node = New::tainted(&name(id), id).taint(FOREIGN_TAINT);
            self.site.node(node).await;
        });
        stream::iter(nodes).buffer_unordered(8).collect::<Vec<()>>().await;
    }

    /// Their kubelets have not been heard of lately.
    pub(crate) async fn not_ready(&self, ids: Range<u32>) {
        let condition = json!({"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown",
            "lastHeartbeatTime": "2026-01-01T00:00:00Z", "lastTransitionTime": "2026-01-01T00:00:00Z"});
        let status = json!({"conditions": [condition]});
        for id in ids {
            self.site.status(&name(id), &status).await;
        }
    }

    /// Their guests get one more address: number `place`.
    pub(crate) fn grow(&self, ids: Range<u32>, place: u8) {
        for id in ids {
            let machine = self.truth.change(id, |machine| {
                machine.has.insert(ipv4(id, place));
            });
            self.tell_guest(&machine);
        }
    }

    /// Their guests have address number `to` instead of number `from`.
    pub(crate) fn renumber(&self, ids: Range<u32>, from: u8, to: u8) {
        for id in ids {
            let machine = self.truth.change(id, |machine| {
                machine.has.remove(&ipv4(id, from));
                machine.had.insert(ipv4(id, from));
                machine.has.insert(ipv4(id, to));
            });
            self.tell_guest(&machine);
        }
    }

    fn tell_guest(&self, machine: &Machine) {
        let guest = machine.guest();
        self.site.pve.update(|model| model.vm(machine.id).guest = guest);
    }

    /// Moves a machine; the list shows it where it was for `lag`.
    pub(crate) fn migrate(&self, id: u32, host: &str, lag: Duration) {
        let machine = self
            .truth
            .change(id, |machine| machine.hosts.push(host.to_owned()));
        self.site
            .pve
            .update(|model| model.region(machine.region).migrate(id, host, lag));
    }

    /// Switches a machine off, for good.
    pub(crate) fn switch_off(&self, id: u32) {
        self.truth.change(id, |machine| machine.off = true);
        self.site.pve.stop_vm(id);
    }

    /// Removes a machine, for good.
    pub(crate) fn remove(&self, id: u32) {
        let machine = self.truth.change(id, |machine| machine.gone = true);
        self.site
            .pve
            .update(|model| model.region(machine.region).remove_vm(id));
    }

    /// Waits until these Nodes are initialised and have exactly the addresses and the zone of their machines.
    pub(crate) async fn settled(&self, ids: Range<u32>) {
        self.until(ids, "are as their machines", |node, machine| {
            let addresses: BTreeSet<String> = node
                .status
                .iter()
                .flat_map(|status| status.addresses.iter().flatten())
                .filter(|entry| entry.type_.ends_with("IP"))
                .map(|entry| entry.address.clone())
                .collect();
            !is_tainted(node)
                && addresses == machine.has
                && label(node, names::PROXMOX_ZONE) == machine.host()
        })
        .await;
    }

    /// Waits until these Nodes have the shutdown taint.
    pub(crate) async fn shut_down(&self, ids: Range<u32>) {
        self.until(ids, "have the shutdown taint", |node, _| {
            has_taint(node, names::TAINT_SHUTDOWN)
        })
        .await;
    }

    async fn until(&self, ids: Range<u32>, what: &str, is: impl Fn(&Node, &Machine) -> bool) {
        eventually(PATIENCE, &format!("Nodes {ids:?} {what}"), || async {
            self.witness.approves();
            let all = self.all().await?;
            let waiting: Vec<String> = ids
                .clone()
                .filter_map(|id| {
                    let machine = self.truth.of(&name(id))?;
                    let node = all
                        .iter()
                        .find(|node| node.metadata.name.as_deref() == Some(&*name(id)));
                    let good = node.is_some_and(|node| is(node, &machine));
                    (!good).then(|| name(id))
                })
                .collect();
            if waiting.is_empty() {
                return Ok(());
            }
            let first = self.site.events(&waiting[0]).await;
            Err(format!(
                "not yet {waiting:?}; events of the first: {first:?}\n{}",
                self.site.pve.log_tail()
            ))
        })
        .await;
    }

    async fn all(&self) -> Result<Vec<Node>, String> {
        let list = self.site.nodes().list(&Default::default()).await;
        list.map(|list| list.items).map_err(|error| error.to_string())
    }

    /// These Nodes are not initialised.
    pub(crate) async fn are_tainted(&self, ids: Range<u32>) {
        for id in ids {
            let node = self.site.get(&name(id)).await;
            assert!(
                is_tainted(&node),
                "{} is initialised, and nobody could know its machine",
                name(id)
            );
        }
    }

    /// Waits until this Node is deleted.
    pub(crate) async fn gone(&self, id: u32) {
        eventually(PATIENCE, &format!("{} is gone", name(id)), || async {
            self.witness.approves();
            match self.site.nodes().get_opt(&name(id)).await {
                Ok(None) => Ok(()),
                Ok(Some(_)) => Err(format!("it is there; {:?}", self.site.events(&name(id)).await)),
                Err(error) => Err(error.to_string()),
            }
        })
        .await;
    }

    /// Waits until guests have answered so many queries more: `passes` looks at each of so many Nodes.
    pub(crate) async fn passes(&self, passes: u64, nodes: usize) {
        let answered = || {
            let counts = self.site.pve.counts();
            counts
                .get(&(Template::GuestInterfaces, 200))
                .copied()
                .unwrap_or(0)
        };
        let wanted = answered() + passes * u64::try_from(nodes).expect("a test has few Nodes");
        self.hold("guests have been asked often enough", || {
            let answered = answered();
            (answered >= wanted)
                .then_some(())
                .ok_or_else(|| format!("{answered} of {wanted}"))
        })
        .await;
    }

    /// Waits until a template was asked for so many times more.
    pub(crate) async fn requests(&self, template: Template, more: u64) {
        let wanted = self.site.pve.count(template) + more;
        self.hold("Proxmox VE has been asked often enough", || {
            let asked = self.site.pve.count(template);
            (asked >= wanted)
                .then_some(())
                .ok_or_else(|| format!("{asked} of {wanted} {template:?}"))
        })
        .await;
    }

    /// Waits until the controller says this of a region's list of machines.
    pub(crate) async fn list_is(
        &self,
        controller: &Controller,
        region: &str,
        what: &str,
        is: impl Fn(&Answer<Arc<MachineList>>) -> bool,
    ) {
        let mut sources = controller.world.sources.iter();
        let source = sources
            .find(|source| source.region().as_str() == region)
            .expect("a region of this test");
        eventually(PATIENCE, &format!("the list of {region} {what}"), || async {
            self.witness.approves();
            let list = source.machines(Freshness::Current).await;
            if is(&list) {
                Ok(())
            } else {
                Err(format!("{list:?}"))
            }
        })
        .await;
    }

    /// Waits, and fails at once when something happens that must not.
    async fn hold(&self, what: &str, is: impl Fn() -> Result<(), String>) {
        eventually(PATIENCE, what, || async {
            self.witness.approves();
            is()
        })
        .await;
    }
}

fn region(builder: Builder, name: &str, truth: &Truth) -> Builder {
    let all = truth.all();
    let machines = all.values().filter(|machine| machine.region == name);
    builder
        .region(name)
        .vms(machines.map(Machine::vm))
        .token(TOKEN.0, TOKEN.1, Privileges::all())
}
