//! Spec §11.6, §19.8: addresses that stay with their deleted claims for a while.

use std::time::Duration;

use api::names::{PAUSED, PROTECT_ADDRESS, RELEASE_ADDRESS};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use testkit::eventually;
use tokio::time::Instant;

use crate::{
    ground::{Ns, PATIENCE, finalizers},
    pace::usually,
    site::{Site, on_both_kinds},
    witness::Witness,
};

/// A pool with a grace period, in seconds.
fn with_grace(seconds: u32) -> Value {
    json!({"addresses": ["10.0.0.5-10.0.0.9"], "prefix": 24, "addressReuseGracePeriodSeconds": seconds})
}

async fn set_grace(site: &Site, seconds: Option<u32>) {
    site.change(json!({"addressReuseGracePeriodSeconds": seconds}))
        .await;
}

/// Waits until this time has come.
async fn past(time: Timestamp) {
    eventually(PATIENCE, &format!("{time} is over"), || async {
        let now = Timestamp::now();
        if now > time {
            Ok(())
        } else {
            Err(format!("it is {now}"))
        }
    })
    .await;
}

async fn deletion_of(ns: &Ns, claim: &str) -> Timestamp {
    ns.claims()
        .get(claim)
        .await
        .expect("the claim stays")
        .metadata
        .deletion_timestamp
        .expect("it is deleted")
        .0
}

/// The address is there as if nothing had happened.
async fn kept(ns: &Ns, name: &str) {
    let address = ns.addresses().get(name).await.expect("the address stays");
    assert!(address.metadata.deletion_timestamp.is_none(), "not even marked");
    assert_eq!(finalizers(&address), [PROTECT_ADDRESS]);
    assert_eq!(
        finalizers(&ns.claims().get(name).await.expect("the claim stays")),
        [RELEASE_ADDRESS]
    );
}

#[tokio::test]
async fn case_110_an_address_stays_with_its_deleted_claim_for_the_grace_period() {
    on_both_kinds("case-110", with_grace(2), async |site| {
        let ns = &site.ns;
        site.take("a").await;
        site.counts([5, 1, 4, 0]).await;
        let witness = Witness::of(ns.addresses()).await;
        ns.delete_claim("a").await;
        let deleted = deletion_of(ns, "a").await;
        let gone = witness
            .sees("the address goes", |s| s.name == "a" && s.gone)
            .await;
        ns.claim_gone("a").await;
        let until = deleted + SignedDuration::from_secs(2);
        let after = witness
            .testify()
            .await
            .into_iter()
            .filter(|s| s.name == "a" && s.time > deleted);
        let early: Vec<_> = after
            .filter(|s| s.time < until && (s.terminating || s.gone))
            .collect();
        assert!(early.is_empty(), "released before {until}: {early:?}");
        let late = gone.time.duration_since(until);
        assert!(
            late < SignedDuration::from_secs(3),
            "released {late:#} after the period"
        );
    })
    .await;
}

#[tokio::test]
async fn case_111_a_pool_that_is_deleted_has_no_grace() {
    on_both_kinds("case-111", with_grace(300), async |site| {
        let ns = &site.ns;
        for claim in ["before", "after"] {
            site.take(claim).await;
        }
        ns.delete_claim("before").await;
        ns.barrier().await;
        kept(ns, "before").await;
        site.delete().await;
        ns.delete_claim("after").await;
        for claim in ["before", "after"] {
            ns.claim_gone(claim).await;
            ns.address_gone(claim).await;
        }
        site.gone().await;
    })
    .await;
}

#[tokio::test]
async fn case_112_a_shorter_grace_period_holds_for_claims_that_wait_already() {
    on_both_kinds("case-112", with_grace(300), async |site| {
        let ns = &site.ns;
        for (way, grace) in [("zero", Some(0)), ("none", None), ("short", Some(1))] {
            let took = usually(async |round| {
                let claim = &format!("{way}-{round}");
                set_grace(&site, Some(300)).await;
                site.take(claim).await;
                ns.barrier().await;
                ns.delete_claim(claim).await;
                let deleted = deletion_of(ns, claim).await;
                ns.barrier().await;
                kept(ns, claim).await;
                // A period that is over when it is set.
                past(deleted + SignedDuration::from_secs(1)).await;
                let witness = Witness::of(ns.addresses()).await;
                set_grace(&site, grace).await;
                let changed = Instant::now();
                let gone = witness
                    .sees("the address goes", |s| s.name == *claim && s.gone)
                    .await;
                ns.claim_gone(claim).await;
                gone.at.duration_since(changed)
            })
            .await;
            assert!(took < Duration::from_secs(2), "{way}: released after {took:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_longer_grace_period_holds_for_claims_that_wait_already() {
    on_both_kinds("longer", with_grace(3), async |site| {
        let ns = &site.ns;
        site.take("a").await;
        ns.delete_claim("a").await;
        let until = deletion_of(ns, "a").await + SignedDuration::from_secs(3);
        set_grace(&site, Some(300)).await;
        past(until).await;
        ns.barrier().await;
        kept(ns, "a").await;
        set_grace(&site, Some(0)).await;
        ns.claim_gone("a").await;
    })
    .await;
}

/// Spec §11.6: a claim in grace whose pool is paused stays; after the pause, time that passed counts.
#[tokio::test]
async fn a_pause_during_grace_holds_and_does_not_stop_the_clock() {
    on_both_kinds("grace-pause", with_grace(2), async |site| {
        let ns = &site.ns;
        site.take("a").await;
        site.annotate(json!({PAUSED: ""})).await;
        ns.barrier().await;
        ns.delete_claim("a").await;
        past(deletion_of(ns, "a").await + SignedDuration::from_secs(2)).await;
        ns.barrier().await;
        kept(ns, "a").await;
        site.annotate(json!({PAUSED: null})).await;
        ns.claim_gone("a").await;
        ns.address_gone("a").await;
    })
    .await;
}
