//! There and back again loses nothing.

use api::names::CONVERSION_DATA;
use api::pool::{AddressPoolSpec, AddressPoolSpecV1Alpha1};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{convert, forward};

const OLD: &str = "ipam.cluster.x-k8s.io/v1alpha1";
const NEW: &str = "ipam.cluster.x-k8s.io/v1alpha2";

fn address() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<std::net::Ipv4Addr>().prop_map(|a| a.to_string()),
        any::<std::net::Ipv6Addr>().prop_map(|a| a.to_string()),
    ]
}

fn subnet() -> impl Strategy<Value = String> {
    prop_oneof![
        (any::<std::net::Ipv4Addr>(), 0..=32_u8).prop_map(|(a, l)| format!("{a}/{l}")),
        (any::<std::net::Ipv6Addr>(), 0..=128_u8).prop_map(|(a, l)| format!("{a}/{l}")),
    ]
}

/// Conversion does not judge entries, so any text will do.
fn entries() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(prop_oneof![address(), subnet(), ".*"], 0..4)
}

prop_compose! {
    fn old_spec()(
        addresses in option::of(entries()),
        subnet in prop_oneof![Just(String::new()), subnet()],
        start in prop_oneof![Just(String::new()), address()],
        end in prop_oneof![Just(String::new()), address()],
        prefix in 0..=128_i64,
        gateway in prop_oneof![Just(String::new()), address()],
    ) -> AddressPoolSpecV1Alpha1 {
        AddressPoolSpecV1Alpha1 { addresses, subnet, start, end, prefix, gateway }
    }
}

prop_compose! {
    fn new_only()(
        reserved in option::of(any::<bool>()),
        excluded in option::of(entries()),
        grace in option::of(any::<i32>()),
    ) -> AddressPoolSpec {
        AddressPoolSpec {
            allocate_reserved_ip_addresses: reserved,
            excluded_addresses: excluded,
            address_reuse_grace_period_seconds: grace,
            ..AddressPoolSpec::default()
        }
    }
}

prop_compose! {
    fn new_spec()(
        addresses in entries(),
        prefix in 0..=128_i64,
        gateway in option::of(address()),
        new_only in new_only(),
    ) -> AddressPoolSpec {
        AddressPoolSpec { addresses, prefix, gateway, ..new_only }
    }
}

fn metadata() -> impl Strategy<Value = Value> {
    let some = json!({ "name": "p", "namespace": "n", "labels": { "l": "1" }, "annotations": { "a": "1" } });
    prop_oneof![Just(json!({ "name": "p" })), Just(some)]
}

fn object(version: &str, metadata: &Value, spec: &Value) -> Value {
    let status = json!({ "ipAddresses": { "total": 3 }, "observedGeneration": 2 });
    json!({ "apiVersion": version, "kind": "InClusterIPPool", "metadata": metadata, "spec": spec, "status": status })
}

/// The metadata but for the annotation that belongs to conversion.
fn without_stash(object: &Value) -> Value {
    let mut metadata = object["metadata"].clone();
    let annotations = metadata["annotations"]
        .as_object_mut()
        .expect("converted objects carry a stash");
    annotations.remove(CONVERSION_DATA);
    if annotations.is_empty() {
        metadata
            .as_object_mut()
            .expect("seen above")
            .remove("annotations");
    }
    metadata
}

proptest! {
    #[test]
    fn old_to_new_and_back(spec in old_spec(), metadata in metadata()) {
        let stored = convert(object(OLD, &metadata, &json!(spec)), NEW).expect("a good subnet or none");
        prop_assert_eq!(without_stash(&stored), metadata.clone());
        let view = convert(stored, OLD).expect("just converted");
        let filled = forward::filled(spec).expect("a good subnet or none");
        prop_assert_eq!(view, object(OLD, &metadata, &json!(filled)));
    }

    #[test]
    fn new_to_old_and_back(spec in new_spec(), metadata in metadata()) {
        let view = convert(object(NEW, &metadata, &json!(spec)), OLD).expect("always possible");
        let stored = convert(view, NEW).expect("no subnet in it");
        prop_assert_eq!(&stored["spec"], &json!(spec));
        prop_assert_eq!(without_stash(&stored), metadata);
    }

    #[test]
    fn stored_from_old_then_extended_through_new(old in old_spec(), extra in new_only(), edit in option::of(entries())) {
        let metadata = json!({ "name": "p" });
        let mut stored = convert(object(OLD, &metadata, &json!(old)), NEW).expect("a good subnet or none");
        let mut spec: AddressPoolSpec = serde_json::from_value(stored["spec"].take()).expect("a pool spec");
        spec = AddressPoolSpec { addresses: edit.unwrap_or(spec.addresses), prefix: spec.prefix, gateway: spec.gateway, ..extra };
        stored["spec"] = json!(spec);

        let view = convert(stored.clone(), OLD).expect("always possible");
        let again = convert(view.clone(), NEW).expect("the subnet was good before");
        prop_assert_eq!(&again["spec"], &stored["spec"]);
        // Reading what was written through the view gives the same view.
        prop_assert_eq!(convert(again, OLD).expect("always possible"), view);
    }

    #[test]
    fn no_input_panics(text in ".*", spec in ".*") {
        for kind in ["InClusterIPPool", "GlobalInClusterIPPoolList"] {
            let annotations = json!({ CONVERSION_DATA: text });
            let value = serde_json::from_str(&spec).unwrap_or_else(|_| json!({ "subnet": spec }));
            for (from, to) in [(OLD, NEW), (NEW, OLD)] {
                let object = json!({
                    "apiVersion": from, "kind": kind, "metadata": { "annotations": annotations },
                    "spec": value, "items": [{ "spec": value }],
                });
                let _ = convert(object, to);
            }
        }
    }
}
