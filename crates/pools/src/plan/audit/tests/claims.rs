//! Claims that wait, and claims that do not go.

use api::{names, pool::PoolKind};
use serde_json::{Value, json};

use super::{check, ready, two};
use crate::plan::snapshot::fixtures::{NOW, World};

#[test]
fn claims_that_wait() {
    let none = || json!({"addresses": ["192.0.2.10"], "prefix": 24});
    let full = || World::new().pool("p", none());
    check([
        (
            "exhausted, said so",
            full()
                .claim_with("x", "p", json!({}), ready("PoolExhausted", "p has nothing free"))
                .claim_with("y", "p", json!({}), ready("PoolExhausted", "p has nothing free"))
                .served("z", "p", "192.0.2.10"),
            // The message is not the plan's own, so the plan would write its own first.
            &[
                "warning ClaimWaiting p: 2 claims wait: PoolExhausted: InClusterIPPool a/p has nothing free; enlarge the \
               pool or delete claims that are no longer needed [a/x a/y]",
            ],
        ),
        (
            "no pool",
            World::new().claim("x", "p"),
            &[
                "error ClaimWaiting p: 1 claim waits: PoolNotReady: InClusterIPPool a/p does not exist; create it [a/x]",
            ],
        ),
        (
            "refused by the API server, as only the controller remembers",
            full().claim_with("x", "p", json!({}), ready("AllocationFailed", "quota exceeded")),
            &["error ClaimWaiting p: 1 claim waits: AllocationFailed: quota exceeded [a/x]"],
        ),
        (
            "name taken by another pool's address",
            full()
                .pool("q", json!({"addresses": ["198.51.100.1"], "prefix": 24}))
                .claim("x", "p")
                .address("x", "q", "198.51.100.1"),
            &[
                "error ClaimWaiting p: 1 claim waits: AllocationFailed: IPAddress a/x already exists and belongs to \
               another pool; delete it or rename the claim [a/x]",
            ],
        ),
        (
            "no controller",
            full().claim("x", "p"),
            &[
                "error ClaimWaiting p: 1 claim waits: nothing stands in the way, yet no controller has served it [a/x]",
            ],
        ),
        (
            "paused",
            full().claim_with("x", "p", json!({"annotations": {names::PAUSED: ""}}), json!({})),
            &[
                "note ClaimWaiting p: 1 claim waits: the claim carries the paused annotation; remove it to go on [a/x]",
            ],
        ),
        (
            "cluster paused",
            full().cluster("c1", true).claim_with(
                "x",
                "p",
                json!({"labels": {names::CLUSTER_NAME: "c1"}}),
                json!({}),
            ),
            &["note ClaimWaiting p: 1 claim waits: its cluster is paused; unpause it to go on [a/x]"],
        ),
        (
            "cluster missing",
            full().claim_with(
                "x",
                "p",
                json!({"labels": {names::CLUSTER_NAME: "c1"}}),
                json!({}),
            ),
            &["warning ClaimWaiting p: 1 claim waits: the cluster it names does not exist [a/x]"],
        ),
        (
            "a moment old",
            full().claim_with("x", "p", json!({"creationTimestamp": NOW}), json!({})),
            &[],
        ),
    ]);
}

#[test]
fn claims_that_do_not_go() {
    let deleted =
        |finalizers: Value| json!({"deletionTimestamp": "2026-01-10T11:30:00Z", "finalizers": finalizers});
    let ours = || deleted(json!([names::RELEASE_ADDRESS]));
    let paused = json!({"annotations": {names::PAUSED: ""}});
    check([
        (
            "nobody releases it",
            World::new().pool("p", two()).claim_with("x", "p", ours(), json!({})).address("x", "p", "192.0.2.10"),
            &["warning StuckDeletion p: 1 deleted claim stays: no controller has released it [a/x]"],
        ),
        (
            "pool paused",
            World::new()
                .pool_with(PoolKind::InClusterIPPool, "p", two(), paused)
                .claim_with("x", "p", ours(), json!({}))
                .address("x", "p", "192.0.2.10"),
            &["note StuckDeletion p: 1 deleted claim stays: its pool carries the paused annotation; remove it to go \
               on [a/x]"],
        ),
        (
            "held by somebody else",
            World::new().pool("p", two()).claim_with("x", "p", deleted(json!(["example.org/mine"])), json!({})),
            &["warning StuckDeletion p: 1 deleted claim stays: finalizers of others hold it [a/x]"],
        ),
        (
            "in grace",
            World::new()
                .pool(
                    "p",
                    json!({"addresses": ["192.0.2.10"], "prefix": 24, "addressReuseGracePeriodSeconds": 86400}),
                )
                .claim_with("x", "p", ours(), json!({}))
                .address("x", "p", "192.0.2.10"),
            &[],
        ),
    ]);
}
