//! What a test waits for.

use std::time::Duration;

use api::pool::PoolKind;
use jiff::Timestamp;
use kube::{Api, api::DynamicObject};
use serde_json::{Value, json};
use testkit::eventually;

use super::{Ns, ready, text};

/// How long anything may take before a test gives up: far more than it needs, even on a machine that builds and tests
/// other things meanwhile. No test passes because of it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

impl Ns {
    /// Waits until a claim is bound; returns its address object.
    pub(crate) async fn bound(&self, claim: &str) -> DynamicObject {
        eventually(
            PATIENCE,
            &format!("claim {}/{claim} is bound", self.name),
            || async {
                let object = self.claims().get(claim).await.map_err(|e| e.to_string())?;
                let name = object
                    .data
                    .pointer("/status/addressRef/name")
                    .and_then(Value::as_str);
                let name = name.ok_or_else(|| format!("status is {}", object.data["status"]))?;
                self.addresses().get(name).await.map_err(|e| e.to_string())
            },
        )
        .await
    }

    /// Waits until a claim is bound; returns its address as text.
    pub(crate) async fn bound_to(&self, claim: &str) -> String {
        text(&self.bound(claim).await, "/spec/address")
    }

    /// Creates a claim and returns the address it gets.
    pub(crate) async fn take(&self, claim: &str, pool: &str) -> String {
        self.claim(claim, pool).await;
        self.bound_to(claim).await
    }

    /// Waits until a claim's Ready condition has this reason; returns the claim.
    pub(crate) async fn reason(&self, claim: &str, reason: &str) -> DynamicObject {
        eventually(
            PATIENCE,
            &format!("claim {}/{claim} says {reason}", self.name),
            || async {
                let object = self.claims().get(claim).await.map_err(|e| e.to_string())?;
                match ready(&object) {
                    Some(ready) if ready["reason"] == reason => Ok(object),
                    other => Err(format!("Ready is {other:?}")),
                }
            },
        )
        .await
    }

    /// Waits for the counts of a pool: total, used, free, out of range.
    pub(crate) async fn counts(&self, kind: PoolKind, pool: &str, expected: [i64; 4]) {
        let [total, used, free, out_of_range] = expected;
        let expected = json!({"total": total, "used": used, "free": free, "outOfRange": out_of_range});
        eventually(
            Duration::from_secs(5),
            &format!("pool {pool} counts {expected}"),
            || async {
                let object = self.pools(kind).get(pool).await.map_err(|e| e.to_string())?;
                let counts = &object.data["status"]["ipAddresses"];
                if *counts == expected {
                    Ok(())
                } else {
                    Err(format!("it counts {counts}"))
                }
            },
        )
        .await;
    }

    /// Waits until an `InClusterIPPool` has these counts and its journal is closed: nothing is left to be written.
    pub(crate) async fn quiet(&self, pool: &str, counts: [i64; 4]) {
        self.counts(PoolKind::InClusterIPPool, pool, counts).await;
        eventually(PATIENCE, &format!("the journal of {pool} is closed"), || async {
            let pool = self
                .pools(PoolKind::InClusterIPPool)
                .get(pool)
                .await
                .map_err(|e| e.to_string())?;
            match pool
                .data
                .pointer("/status/allocation/reservations")
                .and_then(Value::as_array)
            {
                Some(open) if !open.is_empty() => Err(format!("{} open", open.len())),
                _ => Ok(()),
            }
        })
        .await;
    }

    pub(crate) async fn claim_gone(&self, name: &str) {
        gone(&self.claims(), name).await;
    }

    pub(crate) async fn address_gone(&self, name: &str) {
        gone(&self.addresses(), name).await;
    }

    /// Proves that nothing happens to `untouched`: a claim made afterwards on a pool of its own is served meanwhile.
    pub(crate) async fn barrier(&self) {
        let id = Timestamp::now().as_nanosecond();
        let (pool, claim) = (format!("barrier-{id}"), format!("barrier-{id}"));
        self.pool(&pool, json!({"addresses": ["198.51.100.1"], "prefix": 24}))
            .await;
        self.take(&claim, &pool).await;
    }
}

/// Waits until an object is gone.
pub(crate) async fn gone(api: &Api<DynamicObject>, name: &str) {
    eventually(PATIENCE, &format!("{name} is gone"), || async {
        match api.get_opt(name).await {
            Ok(None) => Ok(()),
            Ok(Some(object)) => Err(format!("it is still there: {:?}", object.metadata)),
            Err(error) => Err(error.to_string()),
        }
    })
    .await;
}
