use proptest::prelude::*;
use serde_json::Value;

use super::{Json, Object};

fn object(text: &str) -> Object {
    match serde_json::from_str(text) {
        Ok(Json::Object(object)) => object,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn keys_match_without_regard_to_ascii_case_and_the_last_one_wins() {
    let found = object(r#"{"subnet": 1, "SUBNET": 2, "x": 3}"#);
    assert_eq!(found.get("Subnet"), Some(&Json::Number(2.into())));
    assert_eq!(found.get("é"), None);
}

#[test]
fn null_is_absence_also_when_an_earlier_member_says_otherwise() {
    let found = object(r#"{"a": 1, "A": null}"#);
    assert_eq!(found.get("a"), None);
    assert!(found.has("a"));
    assert!(!found.has("b"));
}

#[test]
fn setting_leaves_one_member_in_the_place_of_the_first() {
    let mut found = object(r#"{"x": 0, "Ipam": 1, "y": 0, "IPAM": 2, "ipam": 3}"#);
    found.set("ipam", Json::Bool(true));
    assert_eq!(
        serde_json::to_string(&found).unwrap(),
        r#"{"x":0,"ipam":true,"y":0}"#
    );
    found.set("new", Json::Null);
    assert_eq!(
        serde_json::to_string(&found).unwrap(),
        r#"{"x":0,"ipam":true,"y":0,"new":null}"#
    );
}

#[test]
fn order_and_repeated_keys_survive() {
    let text = r#"{"z":[1,-2,0.5,18446744073709551615],"a":{"b":null,"b":""},"A":"\u0000\"é"}"#;
    assert_eq!(serde_json::to_string(&object(text)).unwrap(), text);
}

#[test]
fn one_value_and_nothing_else() {
    for text in ["", "{", "{} x", "\u{feff}{}", "{\"a\":1,}", "nul", "[1 2]"] {
        assert!(serde_json::from_str::<Json>(text).is_err(), "{text}");
    }
    // Deep nesting is refused instead of overflowing the stack.
    let deep = "[".repeat(100_000);
    assert!(serde_json::from_str::<Json>(&deep).is_err());
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(".{0,3}", inner, 0..6).prop_map(Value::from_iter),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_reads_as_the_same_value(value in value()) {
        let ours: Json = serde_json::from_str(&value.to_string()).unwrap();
        let text = serde_json::to_string(&ours).unwrap();
        prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
