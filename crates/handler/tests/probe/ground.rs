//! A node in a namespace with one cable to a router, as §20 describes it.

use std::time::Duration;

use handler::probe::{
    Gateway as NextHop, GatewayMode, NameServer as Server, Outcome, Preflight, Probe, Targets, preflight, run,
};
use nodenet::plan::probe::{Choice, Settings};
use serde_json::Value;
use testkit::cable::Gateway;
use testkit::netns::Netns;
use tokio::sync::watch;

/// What preflight may take, spec §10.
pub(crate) const PREFLIGHT: Duration = Duration::from_secs(5);

pub(crate) const AUTO: Probe = Probe::Gateway(GatewayMode::Auto { pinged: None });

/// A node with 192.0.2.7/24 and 2001:db8::7/64 on `eth0`, and the router at its other end, which has no address yet.
pub(crate) struct Ground {
    pub(crate) node: Netns,
    pub(crate) router: Gateway,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let node = Netns::new("node").expect("a namespace; tests of nodes need root");
        let router = Gateway::new(&node, "eth0").expect("a veth pair");
        for address in ["192.0.2.7/24", "2001:db8::7/64"] {
            node.ip(&["address", "add", address, "dev", "eth0", "nodad"])
                .expect("an address");
        }
        Self { node, router }
    }

    /// The router answers at 192.0.2.1, 2001:db8::1 and fe80::1.
    pub(crate) fn with_router() -> Self {
        let ground = Self::new();
        for address in ["192.0.2.1/24", "2001:db8::1/64", "fe80::1/64"] {
            ground.router.address(address).expect("an address");
        }
        ground
    }

    /// Runs probes on the node.
    pub(crate) fn run(&self, probes: &[Probe], targets: Targets, budget: Duration) -> Vec<Outcome> {
        self.inside(async || {
            let (_keep, targets) = watch::channel(targets);
            run(probes, &targets, None, budget).await
        })
    }

    /// Tries the chosen probes on the node, whose state this is.
    pub(crate) fn preflight(&self, choice: &Choice, settings: &Settings, state: &Value) -> Preflight {
        self.inside(async || {
            let (_keep, targets) = watch::channel(Targets::read(state));
            preflight(choice, settings, "worker-1", &targets, None).await
        })
    }

    /// Runs any work on the node.
    pub(crate) fn inside<T: Send>(&self, work: impl AsyncFnOnce() -> T + Send) -> T {
        let run = || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime starts");
            runtime.block_on(work())
        };
        self.node.run(run).expect("the namespace can be entered")
    }
}

/// The default route leads there over `eth0`.
pub(crate) fn over(next_hop: &str) -> Targets {
    Targets {
        gateway: Some(NextHop {
            address: next_hop.parse().expect("an address"),
            interface: "eth0".to_owned(),
        }),
        name_servers: Vec::new(),
    }
}

/// These name servers, no default route.
pub(crate) fn asking(servers: &[&str]) -> Targets {
    Targets {
        gateway: None,
        name_servers: servers
            .iter()
            .map(|server| Server::read(server).expect("an address"))
            .collect(),
    }
}
