use super::*;
use crate::plan::capture::{Cause, Source};

const CAPTURES: &[(&str, &str)] = &[("e", "interfaces.name==eth1")];

fn one(text: &str) -> Result<Value, PolicyError> {
    render(CAPTURES, &json!({"x": text})).map(|rendered| rendered["x"].clone())
}

#[test]
fn a_reference_alone_becomes_any_value() {
    assert_eq!(one("{{ capture.e.interfaces.0.mtu }}").unwrap(), json!(1500));
    assert_eq!(
        one(" {{capture.e.interfaces.0.ipv4.dhcp}} ").unwrap(),
        json!(false)
    );
    assert_eq!(one("{{ capture.e.interfaces }}").unwrap()[0]["name"], "eth1");
}

#[test]
fn case_66_text_before_a_reference() {
    assert_eq!(one("br-{{ capture.e.interfaces.0.name }}").unwrap(), "br-eth1");
}

#[test]
fn case_67_text_after_a_reference() {
    assert_eq!(one("{{ capture.e.interfaces.0.name }}.102").unwrap(), "eth1.102");
}

#[test]
fn case_68_spaces_are_kept() {
    assert_eq!(
        one("port of {{ capture.e.interfaces.0.name }} here").unwrap(),
        "port of eth1 here"
    );
}

#[test]
fn case_69_numbers_may_have_text_around() {
    assert_eq!(one("br{{ capture.e.interfaces.0.mtu }}").unwrap(), "br1500");
}

#[test]
fn several_references_and_dotted_words_before() {
    let text = "a.b {{ capture.e.interfaces.0.name }}/{{ capture.e.interfaces.0.mtu }}";
    assert_eq!(one(text).unwrap(), "a.b eth1/1500");
}

#[test]
fn case_32_braces_that_are_no_reference_are_text() {
    for text in [
        "rack {A}",
        "{{ rack }}",
        "}} {{",
        "{",
        "{{ capture }}",
        "{{ capturex.y }}",
        " keeps blanks ",
    ] {
        assert_eq!(one(text).unwrap(), text);
    }
}

#[test]
fn what_leads_nowhere_is_an_error_with_a_position() {
    for (text, message, position) in [
        (
            "{{ capture.b.interfaces }}",
            "Failed to find capture b",
            "{{ capture.".len(),
        ),
        (
            "{{ capture.e.interfaces.7.name }}",
            "Failed to find index 7 from interfaces",
            26,
        ),
        (
            "{{ capture.e.interfaces.0.nope }}",
            "Failed to find property nope",
            28,
        ),
        ("{{ capture.e.interfaces.0.name", "No reference end }} found", 0),
        (
            "{{ capture.e.a capture.e.b }}",
            "Only allows single property path",
            "{{ capture.e.a ".len(),
        ),
        (
            "x{{ capture.e.interfaces }}",
            "The resolved reference result is object or array",
            4,
        ),
        ("{{ capture.e }}", "Invalid capture reference string", 3),
        (
            "{{ capture.e..name }}",
            "An element of the path after capture is empty",
            3,
        ),
    ] {
        let error = one(text).expect_err(text);
        assert!(error.message().starts_with(message), "{text}: {error}");
        assert_eq!(error.position(), position, "{error}");
    }
}

#[test]
fn sources_without_a_value_are_waited_for() {
    for (text, source) in [
        ("{{ secret.psk }}", Source::Secret),
        ("{{ address.stor.ip }}", Source::Address),
        ("{{ node.name }}", Source::Node),
        ("{{ interface.name }}", Source::Interface),
    ] {
        assert_eq!(
            one(text).unwrap_err().cause(),
            Cause::Unresolved(source),
            "{text}"
        );
    }
}

#[test]
fn every_source_gives_its_values() {
    let node = json!({"name": "n1", "labels": {"topology.kubernetes.io/zone": "b"}, "index": 3});
    let address = json!({"ip": "192.0.2.7", "prefix-length": 24});
    let sources = Sources {
        node: node.as_object(),
        secrets: [("psk", "{{ secret.other }}")].into(),
        addresses: [("stor", address.as_object().unwrap())].into(),
        ..Sources::default()
    };
    let desired = json!([
        "{{ node.name }}-{{ node.labels.topology.kubernetes.io/zone }}-{{ node.index }}",
        "{{ address.stor.prefix-length }}",
        "{{ secret.psk }}",
    ]);
    // A value that looks like a reference is a value.
    assert_eq!(
        fill(&desired, &sources).unwrap(),
        json!(["n1-b-3", 24, "{{ secret.other }}"])
    );
}
