use proptest::prelude::*;

use super::{nest_ranges, parse, section};
use crate::json::{Json, Object};

fn json(text: &str) -> Object {
    match serde_json::from_str(text).unwrap() {
        Json::Object(object) => object,
        other => panic!("{other:?} is no object"),
    }
}

#[test]
fn both_spellings_of_the_field_are_read() {
    let table = [
        (
            r#"ranges: [[{"subnet": "172.16.5.0/24"}]]"#,
            r#"{"ranges":[[{"subnet":"172.16.5.0/24"}]]}"#,
        ),
        (
            r#""ranges": [[{ "subnet": "4000::16.0.0.0/120" }], [{ "subnet": "16.0.0.0/24" }]]"#,
            r#"{"ranges":[[{"subnet":"4000::16.0.0.0/120"}],[{"subnet":"16.0.0.0/24"}]]}"#,
        ),
        (
            "a: {b_1: \"x\", \"c d\": [1, -2.5e3, true, false, null],},",
            r#"{"a":{"b_1":"x","c d":[1,-2500.0,true,false,null]}}"#,
        ),
        ("\n a\t:\r\n1 ,\n", r#"{"a":1}"#),
        ("", "{}"),
        (" \n ", "{}"),
        (r#"a: "null \" \\ \u00e9""#, r#"{"a":"null \" \\ é"}"#),
        ("a: [], b: {}", r#"{"a":[],"b":{}}"#),
        ("a: 1, b: 2, a: 3", r#"{"a":3,"b":2}"#),
        ("a: 0", r#"{"a":0}"#),
    ];
    for (text, expected) in table {
        assert_eq!(parse(text), Ok(json(expected)), "{text}");
    }
}

#[test]
fn more_forms_are_accepted() {
    let ranges = json(r#"{"ranges":[[{"subnet":"192.0.2.0/24"}],[{"subnet":"2001:db8::/64"}]]}"#);
    assert_eq!(parse("192.0.2.0/24, 2001:db8::/64"), Ok(ranges.clone()));
    assert_eq!(
        parse(r#" {"ranges":[[{"subnet":"192.0.2.0/24"}],[{"subnet":"2001:db8::/64"}]]} "#),
        Ok(ranges.clone())
    );
    let mut flat = parse(r#"[{"subnet":"192.0.2.0/24"},{"subnet":"2001:db8::/64"}]"#).unwrap();
    nest_ranges(&mut flat);
    assert_eq!(flat, ranges);
}

#[test]
fn programs_and_broken_texts_are_refused() {
    let deep = "a: ".to_owned() + &"[".repeat(10_000);
    let table = [
        r#""subnet": env.HOME"#,
        r#""subnet": $ENV.HOME"#,
        r#"subnet"#,
        r#""subnet""#,
        r#"a: "\(1+1)""#,
        "a: 1 + 1",
        "a: (1)",
        "a: .b",
        "a: 1 # comment",
        "a: 1 /* c */",
        "a: 'x'",
        "a: \"x",
        "a: \"x\n\"",
        "a: 01",
        "a: 1e",
        "a: nan",
        "a: nullx",
        "(\"a\"): 1",
        "a: 1,,",
        ", a: 1",
        "a: [1,]",
        "a: 1}",
        "a: 1} | env | {b: 2",
        "{a: 1} | env",
        "[1] | env",
        "a b: 1",
        "a-b: 1",
        "é: 1",
        "a: 1\u{a0}",
        "foo",
        "192.0.2.0/24, foo",
        &deep,
    ];
    for text in table {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_directory_that_leads_elsewhere_is_refused() {
    for text in [
        r#"dataDir: "a/b""#,
        r#"dataDir: "/a/../b""#,
        r#"DATADIR: """#,
        r#"{"datadir": "/.."}"#,
        "dataDir: 1",
        r#"dataDir: "/a\u0000""#,
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
    for text in [r#"dataDir: "/run/x..y""#, "dataDir: null"] {
        assert!(parse(text).is_ok(), "{text}");
    }
}

#[test]
fn a_type_in_the_text_wins_and_keeps_its_place() {
    let members = parse(r#"ranges: [], "type": "mine""#).unwrap();
    assert_eq!(
        section("host-local", &members),
        json(r#"{"type":"mine","ranges":[]}"#)
    );
    assert_eq!(section("cat", &Object::default()), json(r#"{"type":"cat"}"#));
}

#[test]
fn an_error_says_where_and_what() {
    let error = parse(r#""subnet": env.HOME"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "at byte 10: env is not a JSON value; programs are not evaluated"
    );
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        ".*".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::btree_map("[a-z ]{0,6}", inner, 0..6)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_json_value_is_a_value_here(value in value()) {
        let text = format!("key: {value}");
        let expected = json(&format!("{{\"key\": {value}}}"));
        prop_assert_eq!(parse(&text), Ok(expected));
    }

    #[test]
    fn any_text_is_survived(text in "[a-z{}\\[\\]:,\"\\\\ 0-9\u{e9}-]{0,40}") {
        if let Err(error) = parse(&text) {
            prop_assert!(error.offset <= text.len());
        }
    }
}
