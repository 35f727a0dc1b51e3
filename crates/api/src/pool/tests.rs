//! Pools as an API server may hold them.

use serde_json::json;

use super::{AddressPool, PrefixPool};

/// The schema lets a pool without a spec pass, and with admission off nobody else stops it. It must not keep the
/// others from being read.
#[test]
fn a_pool_without_a_spec_reads_as_a_pool_of_nothing() {
    let object = json!({"metadata": {"name": "p", "namespace": "ns", "uid": "u"}});
    let pool: AddressPool = serde_json::from_value(object.clone()).expect("it can be read");
    assert_eq!(pool.metadata.name.as_deref(), Some("p"));
    assert!(pool.spec.addresses.is_empty());
    let pool: PrefixPool = serde_json::from_value(object).expect("it can be read");
    assert!(pool.spec.prefixes.is_empty());
    assert_eq!(pool.spec.effective_length(), 64);
}

/// What is there is read, or refused with the name of the field: nothing is made up for a spec that exists.
#[test]
fn a_spec_that_exists_is_read_as_it_is() {
    let pool = |spec| {
        serde_json::from_value::<AddressPool>(json!({"metadata": {"name": "p"}, "spec": spec}))
            .map_err(|e| e.to_string())
    };
    let read = pool(json!({"addresses": ["192.0.2.7"], "prefix": 24, "excludeAddresses": ["x"]}));
    let read = read.expect("it can be read");
    assert_eq!(
        (read.spec.addresses, read.spec.prefix),
        (vec!["192.0.2.7".to_owned()], 24)
    );
    let error = pool(json!({"prefix": 24})).expect_err("a list is missing");
    assert!(error.contains("addresses"), "{error}");
}

/// Written back, a pool says the same.
#[test]
fn pools_are_written_as_they_are_read() {
    let object = json!({
        "apiVersion": "ipam.cluster.x-k8s.io/v1alpha2", "kind": "InClusterIPPool",
        "metadata": {"name": "p", "namespace": "ns"},
        "spec": {"addresses": ["192.0.2.0/24"], "prefix": 24, "allocateReservedIPAddresses": true},
        "status": {
            "ipAddresses": {"total": 256, "free": 256, "used": 0, "outOfRange": 0},
            "allocation": {"holder": "h", "sequence": 3},
        },
    });
    let pool: AddressPool = serde_json::from_value(object.clone()).expect("it can be read");
    assert_eq!(serde_json::to_value(pool).expect("it can be written"), object);
}
