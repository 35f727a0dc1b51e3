//! Spec §19.4: which address a claim gets.

use serde_json::json;

use crate::common::cluster;

#[tokio::test]
async fn case_44_first_address_prefix_and_gateway() {
    let ns = cluster().await.ns("case-44").await;
    ns.pool("p", json!({"addresses": ["10.0.0.1-10.0.0.254"], "prefix": 24, "gateway": "10.0.0.2"})).await;
    ns.claim("a", "p").await;
    let address = ns.bound("a").await;
    assert_eq!(address.data["spec"]["address"], "10.0.0.1");
    assert_eq!(address.data["spec"]["prefix"], 24);
    assert_eq!(address.data["spec"]["gateway"], "10.0.0.2");
}
