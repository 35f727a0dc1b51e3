//! No text makes the readers panic, and literal text stays as it is.

use proptest::prelude::*;

use super::*;
use crate::plan::capture::{Declared, check};

proptest! {
    #[test]
    fn no_expression_panics(text in r#"[a-z.0-9=!~:|" {}é]{0,40}"#) {
        let states = Captures::parse([("x", text.as_str())]).map(|captures| captures.evaluate(&current(), States::new()));
        let declared = Declared { captures: [("x", text.as_str())].into(), ..Declared::default() };
        // What cannot be read is refused at admission, and nothing else of one capture alone.
        let refused = !check(&declared, &json!({})).is_empty();
        prop_assert!(refused || states.is_ok());
    }

    #[test]
    fn text_without_a_reference_stays(text in r"[a-z{} .é]{0,20}") {
        prop_assume!(!text.contains("capture.") && !text.contains("node.") && !text.contains("secret."));
        prop_assume!(!text.contains("interface.") && !text.contains("address."));
        prop_assert_eq!(fill(&json!(text), &Sources::default()).unwrap(), json!(text));
    }

    #[test]
    fn equal_and_not_equal_divide_the_list(key in r"name|mtu|state|vlan\.id|ipv4\.address\.ip", value in "eth1|up|1500|101") {
        let states = evaluate(&[
            ("in?", &format!(r#"interfaces.{key}=="{value}""#)),
            ("out?", &format!(r#"interfaces.{key}!="{value}""#)),
        ]).unwrap();
        let mut all = names(&states["in"]);
        all.extend(names(&states["out"]));
        all.sort();
        prop_assert_eq!(all, ["eth1", "eth1.101", "eth2"]);
    }
}
