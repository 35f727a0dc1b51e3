//! Clusters for tests, made of wire objects.
#![expect(
    clippy::needless_pass_by_value,
    reason = "`json!` makes values, and `&json!` in every call is noise"
)]

use api::{
    capi::{Address, Claim, Cluster},
    names,
    pool::{AddressPool, PoolKind, PrefixPool},
};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Snapshot;
use crate::plan::{facts::ConditionHome, index::PoolSpec};

/// The time of every snapshot here.
pub(crate) const NOW: &str = "2026-01-10T12:00:00Z";
/// When everything was created: long enough ago for a controller to have acted.
const CREATED: &str = "2026-01-10T11:00:00Z";

pub(crate) fn now() -> Timestamp {
    NOW.parse().expect("a time")
}

fn read<T: DeserializeOwned>(object: Value) -> T {
    serde_json::from_value(object).expect("an object of its kind")
}

/// A cluster under construction. Call in the order pools, clusters, claims, addresses; all live in namespace `a`
/// unless they say otherwise.
pub(crate) struct World(pub(crate) Snapshot);

impl World {
    pub(crate) fn new() -> Self {
        let mut snapshot = Snapshot::new(ConditionHome::Status, now());
        snapshot.add_clusters(&[]);
        Self(snapshot)
    }

    /// An address pool with a cluster label, so that nothing is said about that.
    pub(crate) fn pool(self, name: &str, spec: Value) -> Self {
        self.pool_with(PoolKind::InClusterIPPool, name, spec, json!({}))
    }

    pub(crate) fn pool_with(mut self, kind: PoolKind, name: &str, spec: Value, more: Value) -> Self {
        let meta = meta("a", name, json!({"labels": {names::CLUSTER_NAME: "c1"}}), more);
        let object = json!({"metadata": meta, "spec": spec});
        if kind.is_prefix() {
            let pool: PrefixPool = read(object);
            self.0
                .add_pool(kind, &pool, PoolSpec::Prefixes(pool.spec.clone()));
        } else {
            let pool: AddressPool = read(object);
            self.0
                .add_pool(kind, &pool, PoolSpec::Addresses(pool.spec.clone()));
        }
        self
    }

    pub(crate) fn cluster(mut self, name: &str, is_paused: bool) -> Self {
        let meta = meta("a", name, json!({}), json!({}));
        let cluster: Cluster = read(json!({"metadata": meta, "spec": {"paused": is_paused}}));
        self.0.add_clusters(&[cluster]);
        self
    }

    pub(crate) fn claim(self, name: &str, pool: &str) -> Self {
        self.claim_with(name, pool, json!({}), json!({}))
    }

    /// `more` goes over the metadata, `status` is the status.
    pub(crate) fn claim_with(mut self, name: &str, pool: &str, more: Value, status: Value) -> Self {
        self.0.add_claim(&claim(name, pool, more, status));
        self
    }

    pub(crate) fn bound(self, name: &str, pool: &str) -> Self {
        self.claim_with(name, pool, json!({}), json!({"addressRef": {"name": name}}))
    }

    /// The address of a claim, with everything an address needs.
    pub(crate) fn address(self, name: &str, pool: &str, address: &str) -> Self {
        self.address_with(name, pool, address, json!({}), json!({}))
    }

    /// `more` goes over the metadata, `spec` over the spec.
    pub(crate) fn address_with(
        mut self,
        name: &str,
        pool: &str,
        address: &str,
        more: Value,
        spec: Value,
    ) -> Self {
        let kind = kind_of(pool);
        let complete = json!({
            "finalizers": [names::PROTECT_ADDRESS],
            "ownerReferences": [
                owner("v1beta2", "IPAddressClaim", name, true),
                owner("v1alpha2", kind.kind(), pool, false),
            ],
        });
        let mut fields = json!({
            "claimRef": {"name": name},
            "poolRef": {"apiGroup": names::GROUP, "kind": kind.kind(), "name": pool},
            "address": address,
            "prefix": 24,
        });
        merge(&mut fields, spec);
        let namespace = more
            .get("namespace")
            .and_then(Value::as_str)
            .unwrap_or("a")
            .to_owned();
        let object: Address =
            read(json!({"metadata": meta(&namespace, name, complete, more), "spec": fields}));
        self.0.add_address(&object);
        self
    }

    /// A bound claim with its complete address.
    pub(crate) fn served(self, name: &str, pool: &str, address: &str) -> Self {
        self.bound(name, pool).address(name, pool, address)
    }
}

/// A claim as the API server shows it.
pub(crate) fn claim(name: &str, pool: &str, more: Value, status: Value) -> Claim {
    let namespace = more
        .get("namespace")
        .and_then(Value::as_str)
        .unwrap_or("a")
        .to_owned();
    let meta = meta(
        &namespace,
        name,
        json!({"finalizers": [names::RELEASE_ADDRESS]}),
        more,
    );
    let pool = json!({"apiGroup": names::GROUP, "kind": kind_of(pool).kind(), "name": pool});
    read(json!({"metadata": meta, "spec": {"poolRef": pool}, "status": status}))
}

/// The kind of a pool by its name: `g…` is global, `…pre…` hands out prefixes.
fn kind_of(pool: &str) -> PoolKind {
    match (pool.starts_with('g'), pool.contains("pre")) {
        (false, false) => PoolKind::InClusterIPPool,
        (true, false) => PoolKind::GlobalInClusterIPPool,
        (false, true) => PoolKind::InClusterPrefixPool,
        (true, true) => PoolKind::GlobalInClusterPrefixPool,
    }
}

fn owner(version: &str, kind: &str, name: &str, controller: bool) -> Value {
    let api_version = format!("{}/{version}", names::GROUP);
    json!({"apiVersion": api_version, "kind": kind, "name": name, "uid": uid(name), "controller": controller})
}

/// Claims, addresses and pools of the same name share a UID, which does no harm here.
fn uid(name: &str) -> String {
    format!("uid-{name}")
}

fn meta(namespace: &str, name: &str, defaults: Value, more: Value) -> Value {
    let mut meta = json!({
        "namespace": namespace,
        "name": name,
        "uid": uid(name),
        "resourceVersion": "1",
        "creationTimestamp": CREATED,
    });
    merge(&mut meta, defaults);
    merge(&mut meta, more);
    meta
}

fn merge(into: &mut Value, from: Value) {
    if let (Some(into), Value::Object(from)) = (into.as_object_mut(), from) {
        into.extend(from);
    }
}
