//! The pools of a test, and what may be claimed from them.

use addr::AddrSet;
use api::pool::{AddressPoolSpec, PoolKind};
use kube::{Api, Client, api::DynamicObject};
use pools::plan::domain::Domain;
use serde_json::json;

use crate::rig;

/// Two pools with room, one of them for two namespaces, and one that is too small for all who want something.
pub(crate) fn plots() -> [Plot; 3] {
    let wide = "10.0.0.0-10.0.1.255";
    [
        Plot::new(PoolKind::InClusterIPPool, "roomy", wide, &["a"], 300),
        Plot::new(PoolKind::GlobalInClusterIPPool, "shared", wide, &["a", "b"], 150),
        Plot::new(
            PoolKind::InClusterIPPool,
            "tight",
            "10.0.0.1-10.0.0.7",
            &["b"],
            12,
        ),
    ]
}

/// One pool, and the claims there can be on it.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    pub(crate) kind: PoolKind,
    pub(crate) name: String,
    pub(crate) spec: AddressPoolSpec,
    /// Where claims live. A namespaced pool lives there, too, and has only one.
    pub(crate) namespaces: Vec<String>,
    /// Number of different claim names per namespace.
    pub(crate) names: u64,
}

impl Plot {
    /// A pool of these addresses in 10.0.0.0/8, with a gateway inside, for the claims `names` times the namespaces.
    pub(crate) fn new(kind: PoolKind, name: &str, addresses: &str, namespaces: &[&str], names: u64) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            spec: AddressPoolSpec {
                addresses: vec![addresses.to_owned()],
                prefix: 8,
                gateway: Some("10.0.0.3".to_owned()),
                ..AddressPoolSpec::default()
            },
            namespaces: namespaces.iter().map(|&n| n.to_owned()).collect(),
            names,
        }
    }

    /// Everything the pool may hand out (spec §6).
    pub(crate) fn allocatable(&self) -> AddrSet {
        Domain::of_addresses(&self.spec)
            .expect("a valid pool")
            .addresses()
    }

    /// Creates the pool.
    pub(crate) async fn create(&self, client: &Client) {
        let api = rig::pools(client, &self.namespaces[0], self.kind);
        rig::create(&api, &rig::pool(self.kind, &self.name, &json!(self.spec))).await;
    }

    /// The claim with this number, and where it belongs.
    pub(crate) fn claim(
        &self,
        client: &Client,
        namespace: &str,
        number: u64,
    ) -> (Api<DynamicObject>, DynamicObject) {
        let object = rig::claim(&format!("{}-{number}", self.name), self.kind, &self.name);
        (rig::claims(client, namespace), object)
    }
}
