//! Spec §19.4: which address a claim gets. Cases 38 to 43 need no API server; they are beside the ledger.

use api::names::PROTECT_ADDRESS;
use serde_json::json;

use crate::{
    ground::finalizers,
    site::{ADDRESS_KINDS, Site},
};

#[tokio::test]
async fn case_43_the_lowest_address_whatever_its_place_in_the_list() {
    for kind in ADDRESS_KINDS {
        let site = Site::open(
            "case-43",
            kind,
            json!({"addresses": ["10.0.0.3", "10.0.0.2"], "prefix": 24}),
        )
        .await;
        assert_eq!(site.take_in_turn(2).await, ["10.0.0.2", "10.0.0.3"]);
    }
}

#[tokio::test]
async fn case_44_first_address_prefix_and_gateway() {
    let spec = json!({"addresses": ["10.0.0.1-10.0.0.254"], "prefix": 24, "gateway": "10.0.0.2"});
    for kind in ADDRESS_KINDS {
        let site = Site::open("case-44", kind, spec.clone()).await;
        site.claim("a").await;
        let address = site.ns.bound("a").await;
        assert_eq!(
            address.data["spec"],
            json!({
                "claimRef": {"name": "a"},
                "poolRef": {"apiGroup": "ipam.cluster.x-k8s.io", "kind": kind.kind(), "name": site.pool},
                "address": "10.0.0.1", "prefix": 24, "gateway": "10.0.0.2",
            })
        );
    }
}

#[tokio::test]
async fn case_45_network_gateway_and_broadcast_are_not_given() {
    let addresses = ["10.0.1.0", "10.0.1.1", "10.0.1.2", "10.0.1.255"];
    let spec = json!({"addresses": addresses, "prefix": 24, "gateway": "10.0.1.1"});
    for kind in ADDRESS_KINDS {
        let site = Site::open("case-45", kind, spec.clone()).await;
        assert_eq!(site.take("first").await, "10.0.1.2");
        site.claim("second").await;
        site.waits("second").await;
        site.counts([1, 1, 0, 0]).await;
    }
}

#[tokio::test]
async fn case_46_excluded_addresses_are_passed_over() {
    let spec = json!({
        "addresses": ["10.1.1.0/24"], "prefix": 24, "gateway": "10.1.1.1",
        "excludedAddresses": ["10.1.1.2-10.1.1.5", "10.1.1.7"],
    });
    for kind in ADDRESS_KINDS {
        let site = Site::open("case-46", kind, spec.clone()).await;
        assert_eq!(site.take_in_turn(3).await, ["10.1.1.6", "10.1.1.8", "10.1.1.9"]);
    }
}

#[tokio::test]
async fn case_47_single_addresses() {
    for kind in ADDRESS_KINDS {
        let spec = json!({"addresses": ["10.0.0.50", "10.0.0.128"], "prefix": 24});
        let site = Site::open("case-47", kind, spec).await;
        assert_eq!(site.take_in_turn(2).await, ["10.0.0.50", "10.0.0.128"]);
    }
}

#[tokio::test]
async fn case_48_no_gateway_no_field() {
    for kind in ADDRESS_KINDS {
        for spec in [
            json!({"addresses": ["10.0.0.50"], "prefix": 24}),
            json!({"addresses": ["10.0.0.50"], "prefix": 24, "gateway": ""}),
        ] {
            let site = Site::open("case-48", kind, spec).await;
            site.claim("a").await;
            let address = site.ns.bound("a").await;
            assert_eq!(address.data["spec"].get("gateway"), None);
            assert_eq!(address.data["spec"]["prefix"], 24);
        }
    }
}

#[tokio::test]
async fn case_49_a_released_address_is_the_next() {
    let spec = json!({"addresses": ["10.0.0.1-10.0.0.20"], "prefix": 24, "gateway": "10.0.0.1"});
    for kind in ADDRESS_KINDS {
        let site = Site::open("case-49", kind, spec.clone()).await;
        assert_eq!(site.take_in_turn(3).await, ["10.0.0.2", "10.0.0.3", "10.0.0.4"]);
        site.release("claim-1").await;
        assert_eq!(site.take("new").await, "10.0.0.3");
    }
}

#[tokio::test]
async fn case_50_an_address_made_by_hand_is_in_use() {
    let spec = json!({"addresses": ["10.0.0.1-10.0.0.20"], "prefix": 24, "gateway": "10.0.0.1"});
    for kind in ADDRESS_KINDS {
        let site = Site::open("case-50", kind, spec.clone()).await;
        site.by_hand("reserved", "10.0.0.2", 24).await;
        assert_eq!(site.take("a").await, "10.0.0.3");
        site.counts([19, 2, 17, 0]).await;
        // It is a reservation and stays one: nobody claims it, adopts it or clears it away.
        site.ns.barrier().await;
        let reserved = site
            .ns
            .addresses()
            .get("reserved")
            .await
            .expect("it is still there");
        assert!(finalizers(&reserved).iter().all(|f| f != PROTECT_ADDRESS));
        assert_eq!(reserved.metadata.owner_references, None);
    }
}

#[tokio::test]
async fn case_51_an_unreadable_address_blocks_nobody() {
    for kind in ADDRESS_KINDS {
        let site = Site::open(
            "case-51",
            kind,
            json!({"addresses": ["10.0.0.10-10.0.0.20"], "prefix": 24}),
        )
        .await;
        site.by_hand("bogus", "bogus", 24).await;
        // What only looks like an entry of a pool is no address either.
        site.by_hand("range", "10.0.0.10-10.0.0.15", 24).await;
        site.by_hand("network", "10.0.0.0/24", 24).await;
        assert_eq!(site.take("a").await, "10.0.0.10");
        site.counts([11, 4, 10, 0]).await;
    }
}

/// Spec §7: changing the pool never changes existing addresses.
#[tokio::test]
async fn a_changed_pool_leaves_existing_addresses_as_they_are() {
    let spec = json!({"addresses": ["10.0.0.10-10.0.0.20"], "prefix": 24, "gateway": "10.0.0.1"});
    for kind in ADDRESS_KINDS {
        let site = Site::open("changed", kind, spec.clone()).await;
        site.claim("old").await;
        let before = site.ns.bound("old").await;
        site.change(json!({"addresses": ["10.0.0.30-10.0.0.40"], "prefix": 16, "gateway": "10.0.0.254"}))
            .await;
        site.claim("new").await;
        let new = site.ns.bound("new").await;
        assert_eq!(new.data["spec"]["address"], "10.0.0.30");
        assert_eq!(new.data["spec"]["prefix"], 16);
        assert_eq!(new.data["spec"]["gateway"], "10.0.0.254");
        assert_eq!(site.ns.addresses().get("old").await.expect("it exists"), before);
    }
}
