//! Writes that fail, and that they are forgotten once all is well.

use cloud::world::NodeName;
use testkit::fault::{Action, Count, Fault, Filter};
use testkit::proxmox::{Guest, Vm};
use testkit::{ControlPlane, FaultProxy, client, eventually};

use crate::ground::{Controller, New, PATIENCE, Site};

/// Failures of a Node, counted by the pool for new Nodes and by that for all others.
fn failures(controller: &Controller, name: &str) -> (u32, u32) {
    let (world, name) = (&controller.world, NodeName::from(name));
    (
        world.newcomers.queue.failures(&name),
        world.residents.queue.failures(&name),
    )
}

async fn until(controller: &Controller, name: &str, what: &str, is: impl Fn((u32, u32)) -> bool) {
    eventually(PATIENCE, &format!("{name} {what}"), || async {
        let counted = failures(controller, name);
        is(counted).then_some(()).ok_or_else(|| format!("{counted:?}"))
    })
    .await;
}

/// A Node fails as a new one, is initialised, and from then on belongs to the other pool. Another one fails and is removed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_are_forgotten_when_a_node_is_initialised_or_gone() {
    let vm = |id, name: &str| Vm::new(id, name).guest(Guest::eth0(&["10.0.0.5/24"]));
    let mut site = Site::open([vm(101, "failing"), vm(102, "half"), vm(103, "removed")]).await;
    let proxy = FaultProxy::start(ControlPlane::shared().await)
        .await
        .expect("a proxy starts");
    let direct = site.client.clone();
    let config = proxy.config().await.expect("a configuration");
    site.client = client(&config).expect("a client");
    let controller = site.start("network: {mode: qemu}").await;
    site.client = direct;

    let fail = |path| {
        proxy.inject(Fault {
            filter: Filter::writes().path(path),
            action: Action::status(500),
            count: Count::Always,
        })
    };
    // One loses everything, the other one only the write of its addresses: its taint is gone by then.
    for path in ["/nodes/failing", "/nodes/half/status", "/nodes/removed"] {
        fail(path);
    }
    for (name, id) in [("failing", 101), ("half", 102), ("removed", 103)] {
        site.node(New::tainted(name, id)).await;
    }
    until(
        &controller,
        "failing",
        "has failed twice as a new Node",
        |(new, _)| new > 1,
    )
    .await;
    until(&controller, "half", "has failed twice", |(new, old)| {
        new + old > 1
    })
    .await;
    until(
        &controller,
        "removed",
        "has failed twice as a new Node",
        |(new, _)| new > 1,
    )
    .await;

    site.nodes()
        .delete("removed", &Default::default())
        .await
        .expect("it is removed");
    proxy.clear();
    for (name, addresses) in [
        ("failing", "H failing, I 10.0.0.5"),
        ("half", "H half, I 10.0.0.5"),
    ] {
        site.has_addresses(name, addresses).await;
    }
    for name in ["failing", "half", "removed"] {
        until(&controller, name, "has a clean sheet", |counted| {
            counted == (0, 0)
        })
        .await;
    }
    controller.stop().await;
}
