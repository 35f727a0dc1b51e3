//! A pool in a namespace of its own: the cases that name no kind are told with one of each.

use api::pool::PoolKind;
use futures::future::{join, join_all};
use kube::api::{DeleteParams, DynamicObject};
use serde_json::{Value, json};

use crate::ground::{Ns, cluster, gone, text};

/// Both kinds of pools that hand out single addresses.
pub(crate) const ADDRESS_KINDS: [PoolKind; 2] = [PoolKind::InClusterIPPool, PoolKind::GlobalInClusterIPPool];

/// Both kinds of pools that hand out prefixes.
pub(crate) const PREFIX_KINDS: [PoolKind; 2] =
    [PoolKind::InClusterPrefixPool, PoolKind::GlobalInClusterPrefixPool];

/// Tells a case with one pool of each kind that hands out single addresses, side by side.
pub(crate) async fn on_both_kinds(case: &str, spec: Value, tell: impl AsyncFn(Site)) {
    let [local, global] = ADDRESS_KINDS.map(|kind| Site::open(case, kind, spec.clone()));
    let (local, global) = join(local, global).await;
    join(tell(local), tell(global)).await;
}

/// One pool and the namespace its claims are made in.
pub(crate) struct Site {
    pub(crate) ns: Ns,
    pub(crate) kind: PoolKind,
    /// Name of the pool.
    pub(crate) pool: String,
}

impl Site {
    /// A fresh namespace with one pool.
    pub(crate) async fn open(case: &str, kind: PoolKind, spec: Value) -> Self {
        let site = Self::plan(case, kind).await;
        site.ns.pool_of(kind, &site.pool, spec).await;
        site
    }

    /// A fresh namespace and the name of a pool that is yet to be made.
    pub(crate) async fn plan(case: &str, kind: PoolKind) -> Self {
        Self::within(cluster().await.ns(case).await, kind)
    }

    /// A namespace that is there already, and the name of a pool that is yet to be made.
    pub(crate) fn within(ns: Ns, kind: PoolKind) -> Self {
        // Global pools need names that nobody else has.
        let pool = if kind.is_namespaced() {
            "pool".to_owned()
        } else {
            ns.name.clone()
        };
        Self { ns, kind, pool }
    }

    /// Creates a claim on the pool.
    pub(crate) async fn claim(&self, name: &str) -> DynamicObject {
        self.ns.claim_on(name, self.kind, &self.pool).await
    }

    /// Creates a claim on the pool with additional metadata and spec fields.
    pub(crate) async fn claim_with(&self, name: &str, meta: Value, spec: Value) -> DynamicObject {
        self.ns
            .claim_with(name, self.kind.kind(), &self.pool, meta, spec)
            .await
    }

    /// Creates a claim and returns the address it gets.
    pub(crate) async fn take(&self, name: &str) -> String {
        self.claim(name).await;
        self.ns.bound_to(name).await
    }

    /// Creates `count` claims, one after the other, and returns what they get, in that order.
    pub(crate) async fn take_in_turn(&self, count: usize) -> Vec<String> {
        let mut taken = Vec::with_capacity(count);
        for i in 0..count {
            taken.push(self.take(&format!("claim-{i}")).await);
        }
        taken
    }

    /// Creates `count` claims at once and returns what they get, in no order.
    pub(crate) async fn take_at_once(&self, prefix: &str, count: usize) -> Vec<String> {
        let names: Vec<String> = (0..count).map(|i| format!("{prefix}-{i}")).collect();
        drop(join_all(names.iter().map(|name| self.claim(name))).await);
        let mut taken = Vec::with_capacity(count);
        for name in &names {
            taken.push(self.ns.bound_to(name).await);
        }
        taken
    }

    /// Creates by hand an `IPAddress` of the pool, and waits until the pool's status counts it.
    pub(crate) async fn by_hand(&self, name: &str, address: &str, prefix: i64) {
        let used = self.used().await;
        self.address(name, address, prefix, json!({})).await;
        testkit::eventually(crate::ground::PATIENCE, "the object is counted", || async {
            match self.used().await {
                now if now > used => Ok(()),
                now => Err(format!("used is {now}")),
            }
        })
        .await;
    }

    /// Creates an `IPAddress` of the pool with additional metadata.
    pub(crate) async fn address(&self, name: &str, address: &str, prefix: i64, meta: Value) -> DynamicObject {
        self.ns
            .address(name, self.kind.kind(), &self.pool, address, prefix, meta)
            .await
    }

    async fn used(&self) -> i64 {
        self.object()
            .await
            .data
            .pointer("/status/ipAddresses/used")
            .and_then(Value::as_i64)
            .unwrap_or_default()
    }

    /// Waits for total, used, free and out of range.
    pub(crate) async fn counts(&self, expected: [i64; 4]) {
        self.ns.counts(self.kind, &self.pool, expected).await;
    }

    /// The pool as it is now.
    pub(crate) async fn object(&self) -> DynamicObject {
        self.ns
            .pools(self.kind)
            .get(&self.pool)
            .await
            .expect("the pool exists")
    }

    /// Changes fields of the pool's spec. No admission stands in the way here.
    pub(crate) async fn change(&self, spec: Value) {
        self.patch(json!({"spec": spec})).await;
    }

    /// Merge-patches the pool.
    pub(crate) async fn patch(&self, patch: Value) {
        self.ns.patch(&self.ns.pools(self.kind), &self.pool, patch).await;
    }

    /// Sets annotations of the pool; null removes one.
    pub(crate) async fn annotate(&self, annotations: Value) {
        self.patch(json!({"metadata": {"annotations": annotations}}))
            .await;
    }

    /// Deletes the pool; it may stay, terminating.
    pub(crate) async fn delete(&self) {
        self.ns
            .pools(self.kind)
            .delete(&self.pool, &DeleteParams::default())
            .await
            .expect("the pool can be deleted");
    }

    /// Waits until the pool is gone.
    pub(crate) async fn gone(&self) {
        gone(&self.ns.pools(self.kind), &self.pool).await;
    }

    /// Deletes a claim and waits until its address is gone.
    pub(crate) async fn release(&self, claim: &str) {
        self.ns.delete_claim(claim).await;
        self.ns.claim_gone(claim).await;
        self.ns.address_gone(claim).await;
    }

    /// Waits until a claim says that nothing is free, and checks that it got nothing.
    pub(crate) async fn waits(&self, claim: &str) {
        let object = self.ns.reason(claim, "PoolExhausted").await;
        assert_eq!(text(&object, "/status/addressRef/name"), "");
        assert_eq!(self.ns.addresses().get_opt(claim).await.expect("an answer"), None);
    }
}
