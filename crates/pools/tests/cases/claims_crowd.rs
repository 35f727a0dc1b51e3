//! Spec §19.8 case 117: a thousand claims at once.

use std::{collections::BTreeSet, net::Ipv4Addr, time::Duration};

use futures::{StreamExt as _, stream};
use kube::api::ListParams;
use serde_json::json;
use testkit::eventually;

use crate::{
    ground::text,
    site::{ADDRESS_KINDS, Site},
    stage::stage_for,
    witness::Witness,
};

const CLAIMS: usize = 1000;

#[tokio::test]
async fn case_117_a_thousand_claims_get_the_lowest_thousand_addresses() {
    let spec = json!({"addresses": ["10.0.0.0/22"], "prefix": 22, "gateway": "10.0.0.1"});
    for kind in ADDRESS_KINDS {
        // With a controller of their own: other tests would have to queue behind them.
        let stage = stage_for(kind, "case-117").await;
        let controller = stage.controller().await;
        get_the_lowest(&stage.site(kind, spec.clone()).await).await;
        controller.stop();
    }
}

async fn get_the_lowest(site: &Site) {
    let ns = &site.ns;
    let witness = Witness::of(ns.addresses()).await;
    stream::iter(0..CLAIMS)
        .for_each_concurrent(32, async |i| {
            site.claim(&format!("c{i}")).await;
        })
        .await;
    eventually(
        Duration::from_secs(120),
        "a thousand claims are bound",
        || async {
            let claims = ns
                .claims()
                .list(&ListParams::default())
                .await
                .map_err(|e| e.to_string())?;
            let bound =
                |c: &&_| text(c, "/status/addressRef/name") == c.metadata.name.clone().unwrap_or_default();
            match claims.iter().filter(bound).count() {
                CLAIMS => Ok(()),
                bound => Err(format!("{bound} are bound")),
            }
        },
    )
    .await;
    let addresses = ns.addresses().list(&ListParams::default()).await.expect("a list");
    let got: BTreeSet<String> = addresses.iter().map(|a| text(a, "/spec/address")).collect();
    let lowest = (2..).map(|host| Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 0).to_bits() + host));
    let expected: BTreeSet<String> = lowest.take(CLAIMS).map(|a| a.to_string()).collect();
    assert_eq!(got, expected, "distinct, and the lowest of the pool");
    assert_eq!(addresses.items.len(), CLAIMS);
    assert!(addresses.iter().all(|a| a.data["spec"]["prefix"] == 22));
    site.counts([1021, 1000, 21, 0]).await;
    witness.testify().await;
}
