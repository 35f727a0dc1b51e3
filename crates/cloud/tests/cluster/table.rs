//! Cases that are one line each: what a new Node's machine is, and which addresses the Node gets.

use testkit::proxmox::{Guest, Interface, Vm};

use crate::ground::{Controller, New, Site, addresses};
use crate::initialising::assert_std;

/// One new Node and what becomes of it.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    /// `case_<number>`.
    pub(crate) case: &'a str,
    /// What its guest says: `eth0 10.0.0.5/24 2001:db8::5/64; cni0 10.244.0.1/24`.
    pub(crate) guest: &'a str,
    /// What kubelet was told; `None`: there is no annotation.
    pub(crate) provided: Option<&'a str>,
    /// Its addresses in order. It is called `n1` here, as in the specification.
    pub(crate) addresses: &'a str,
    /// Reasons of Warning events it gets besides `Synced`.
    pub(crate) warnings: &'a [&'a str],
}

pub(crate) const ROW: Row<'_> = Row {
    case: "",
    guest: "",
    provided: None,
    addresses: "",
    warnings: &[],
};

impl Row<'_> {
    /// `case_10a` as a name of Nodes and machines.
    pub(crate) fn name(&self) -> String {
        self.case.replace('_', "-")
    }

    /// A new Node, its machine is number `vm`.
    pub(crate) fn node(&self, vm: u32) -> New {
        let node = New::tainted(&self.name(), vm);
        self.provided.iter().fold(node, |node, ips| node.provided(ips))
    }

    fn machine(&self, vm: u32) -> Vm {
        Vm::new(vm, &self.name()).guest(guest(self.guest))
    }
}

/// The guest of [`Row::guest`].
fn guest(text: &str) -> Guest {
    let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
    let interfaces = parts.map(|part| {
        let mut words = part.split(' ');
        let interface = Interface::new(words.next().unwrap_or_default());
        words.fold(interface, Interface::address)
    });
    Guest::Interfaces(interfaces.collect())
}

/// Lets a controller with these `features` meet the Nodes of all `rows` at once, and checks what they are then: "std" of
/// the specification, and the addresses of the row. Nodes are gone afterwards; the controller is stopped by then.
pub(crate) async fn initialises(site: &Site, features: &str, rows: &[Row<'_>]) {
    let numbered = || (1_000..).zip(rows);
    site.pve.update(|model| {
        let region = model.region("cluster-1");
        region.vms.clear();
        numbered().for_each(|(vm, row)| region.add_vm(row.machine(vm)));
    });
    for (vm, row) in numbered() {
        site.node(row.node(vm)).await;
    }
    let controller = site.start(features).await;
    for (vm, row) in numbered() {
        settles(site, row, vm, features).await;
    }
    stop_and_clear(site, controller, features, rows).await;
}

async fn settles(site: &Site, row: &Row<'_>, vm: u32, features: &str) {
    let (name, case) = (row.name(), format!("{} with {features}", row.case));
    let expected = row.addresses.replace("n1", &name);
    site.has_addresses(&name, &expected).await;
    let node = site.initialised(&name).await;
    assert_std(&case, &node, vm, "pve-1");
    // The last one to be recorded, so the others are there.
    assert_eq!(
        site.event(&name, "Synced").await,
        "Node synced successfully",
        "{case}"
    );
    let events: Vec<String> = site
        .events(&name)
        .await
        .into_iter()
        .map(|(reason, _)| reason)
        .collect();
    assert_eq!(events.len(), row.warnings.len() + 1, "{case}: {events:?}");
    assert_eq!(site.warnings(&name).await, row.warnings, "{case}");
}

/// Whatever the controller had begun is finished by then, and must not have been another list.
async fn stop_and_clear(site: &Site, controller: Controller, features: &str, rows: &[Row<'_>]) {
    controller.stop().await;
    for row in rows {
        let name = row.name();
        let node = site.get(&name).await;
        assert_eq!(
            addresses(&node),
            row.addresses.replace("n1", &name),
            "{} with {features}",
            row.case
        );
    }
    site.clear().await;
}
