use super::*;
use crate::plan::capture::{Declared, check};

fn problems(declared: &Declared<'_>, desired: &Value) -> Vec<String> {
    check(declared, desired).iter().map(ToString::to_string).collect()
}

#[test]
fn case_15_our_operators_parse_and_nonsense_does_not() {
    let with = |expression| Declared {
        captures: [("x", expression)].into(),
        ..Declared::default()
    };
    assert_eq!(
        problems(&with("interfaces.name=~foo"), &json!({})),
        Vec::<String>::new()
    );
    let refused = problems(&with("interfaces.name=~~foo"), &json!({}));
    assert_eq!(
        refused,
        [
            "spec.capture.x: PolicyError: Invalid match action string after =~, expecting a word or a quoted \
          expression\n| interfaces.name=~~foo\n| .................^"
        ]
    );
}

#[test]
fn case_72_references_to_undeclared_captures_are_refused() {
    let declared = Declared {
        captures: [
            ("a?", "interfaces.name==eth1"),
            ("c", "capture.nope | interfaces.name==x"),
        ]
        .into(),
        ..Declared::default()
    };
    let desired = json!({
        "interfaces": [{"name": "{{ capture.b.interfaces.0.name }}", "description": "{{ capture.a.interfaces.0.name }}"}],
        "routes": {"config": ["{{ capture.d.routes"]},
    });
    let found = problems(&declared, &desired);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].starts_with("spec.capture.c: PolicyError: Failed to find capture nope"));
    assert!(
        found[1].starts_with("spec.desiredState.interfaces[0].name: PolicyError: Failed to find capture b")
    );
    assert!(
        found[2].starts_with("spec.desiredState.routes.config[0]: PolicyError: No reference end }} found")
    );
}

#[test]
fn cycles_are_found_before_they_run() {
    let declared = Declared {
        captures: [
            ("a", "capture.b | interfaces.name==x"),
            ("b", "capture.a | interfaces.name==x"),
        ]
        .into(),
        ..Declared::default()
    };
    assert!(problems(&declared, &json!({}))[0].contains("Failed to sort"));
}

#[test]
fn other_sources_must_be_declared_or_make_sense() {
    let declared = Declared {
        secrets: ["psk"].into(),
        matches: true,
        ..Declared::default()
    };
    let desired = json!({"interfaces": [
        {"ipv4": {"enabled": true}, "description": "{{ interface.name }} {{ capture.matched.interfaces.0.name }}"},
        {"name": "eth1", "description": "{{ interface.name }}", "802.1x": {"password": "{{ secret.psk }}"}},
        {"name": "eth2", "802.1x": {"password": "{{ secret.other }}"}},
        {"name": "{{ node.serial }}", "mtu": "{{ address.stor.ip }}"},
    ]});
    let found = problems(&declared, &desired);
    let expected = [
        "interfaces[1].description: PolicyError: interface values are known only",
        "interfaces[2].802.1x.password: PolicyError: Failed to find secret other",
        "interfaces[3].mtu: PolicyError: Failed to find address stor",
        "interfaces[3].name: PolicyError: a node has name, index",
    ];
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for wanted in expected {
        let wanted = format!("spec.desiredState.{wanted}");
        assert!(
            found.iter().any(|problem| problem.starts_with(&wanted)),
            "{wanted} in {found:?}"
        );
    }
}
