use super::fixtures::{AddressPoolExt as _, PrefixPoolExt as _, pool, prefixes};
use super::*;

fn fields(problems: &[FieldError]) -> Vec<(&str, &str)> {
    problems
        .iter()
        .map(|p| (p.field, p.value.as_deref().unwrap_or_default()))
        .collect()
}

#[test]
fn whole_families_are_legal() {
    let all = Domain::of_addresses(&pool(&["::/0"], 0)).unwrap();
    // 2^128 addresses less `::`.
    assert_eq!(all.total(), u128::MAX);
    let all = Domain::of_addresses(&pool(&["::/0"], 0).res()).unwrap();
    assert_eq!(all.total(), u128::MAX, "2^128 saturates");
    assert_eq!(
        all.slot_text(u128::MAX).as_deref(),
        Some("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
    );
    let all = Domain::of_addresses(&pool(&["0.0.0.0/0"], 0)).unwrap();
    assert_eq!(all.total(), (1 << 32) - 2);
    assert_eq!(all.slot_text(u128::MAX), None);
    let half = Domain::of_prefixes(&prefixes(&["::/1"]).length(128)).unwrap();
    assert_eq!(half.total(), 1 << 127);
}

#[test]
fn subnet_is_found_before_exclusions() {
    // The lowest address is excluded; its subnet still decides what is held back.
    let domain = Domain::of_addresses(&pool(&["10.0.1.255", "10.0.0.5"], 23).excl(&["10.0.0.5"])).unwrap();
    assert_eq!(
        domain.unit,
        Unit::Address {
            subnet: Prefix::new_masked("10.0.0.0".parse().unwrap(), 23).unwrap()
        }
    );
    assert_eq!(domain.total(), 0, "10.0.1.255 is the last address of 10.0.0.0/23");
}

#[test]
fn gateway_is_kept_letter_by_letter() {
    let spec = pool(&["fd00::/120"], 120);
    let written = |gateway| Domain::of_addresses(&spec.clone().gw(gateway)).unwrap();
    assert_eq!(written("FD00:0::1").gateway.as_deref(), Some("FD00:0::1"));
    assert!(
        !written("FD00:0::1")
            .addresses()
            .contains("fd00::1".parse().unwrap())
    );
    assert!(
        !written("fd00::2%eth0")
            .addresses()
            .contains("fd00::2".parse().unwrap())
    );
    assert_eq!(written("").gateway, None);
}

#[test]
fn group_b_waits_for_group_a() {
    let spec = pool(&["10.0.0.1", "garbage"], 33).grace(-1);
    let problems = Domain::of_addresses(&spec).unwrap_err();
    let expected = [
        ("spec.addresses", "garbage"),
        ("spec.addressReuseGracePeriodSeconds", "-1"),
    ];
    assert_eq!(fields(&problems), expected);
}

#[test]
fn every_bad_entry_is_reported() {
    let spec = pool(&["a", "10.0.0.1", "b"], 24).excl(&["c", "10.0.0.2", "d"]);
    let problems = Domain::of_addresses(&spec).unwrap_err();
    let (addresses, excluded) = ("spec.addresses", "spec.excludedAddresses");
    assert_eq!(
        fields(&problems),
        [
            (addresses, "a"),
            (addresses, "b"),
            (excluded, "c"),
            (excluded, "d")
        ]
    );
}

#[test]
fn mixed_exclusions_break_two_rules() {
    let spec = pool(&["10.0.0.0/24"], 24).excl(&["10.0.0.9", "fd00::9"]);
    let problems = Domain::of_addresses(&spec).unwrap_err();
    let field = "spec.excludedAddresses";
    assert_eq!(
        fields(&problems),
        [(field, "10.0.0.9, fd00::9"), (field, "fd00::9")]
    );
}

#[test]
fn every_message_names_its_value() {
    let spec = pool(&["10.0.0.0/24", "bogus", "fd00::1"], -1)
        .gw("nowhere")
        .excl(&["10.0.0.9", "fd00::9"])
        .grace(-7);
    for problem in Domain::of_addresses(&spec).unwrap_err() {
        for part in problem.value.as_deref().expect("all have one").split(", ") {
            assert!(problem.message.contains(part), "{problem}");
        }
        assert!(problem.to_string().starts_with(problem.field), "{problem}");
    }
}

#[test]
fn stored_pool_is_served_when_its_set_is_defined() {
    let served = [
        ("V6", pool(&["10.0.0.10"], 24).gw("fd00::1")),
        ("V8, V9", pool(&["10.0.0.10"], 24).excl(&["10.0.0.11", "fd00::9"])),
        ("V10", pool(&["10.0.0.10"], 24).grace(-1)),
        ("V12", pool(&["10.0.0.10", "10.0.0.255"], 24)),
    ];
    for (rule, spec) in served {
        let domain = Domain::of_stored_addresses(&spec).expect(rule);
        assert_eq!((domain.total(), domain.grace_seconds), (1, 0), "{rule}");
    }
    let astray = pool(&["10.0.0.10", "10.9.0.0"], 24);
    assert!(Domain::of_addresses(&astray).is_err());
    assert_eq!(Domain::of_stored_addresses(&astray).unwrap().total(), 2);
}

#[test]
fn stored_pool_is_unusable_when_its_set_is_undefined() {
    let unusable = [
        ("V1", pool(&[], 24), "spec.addresses"),
        ("V2", pool(&["10.0.0.1"], -1), "spec.prefix"),
        ("V3", pool(&["10.0.0.1", "bogus"], 24), "spec.addresses"),
        ("V4", pool(&["10.0.0.1", "fd00::1"], 24), "spec.addresses"),
        ("V5", pool(&["10.0.0.1"], 24).gw("bogus"), "spec.gateway"),
        (
            "V7",
            pool(&["10.0.0.1"], 24).excl(&["bogus"]),
            "spec.excludedAddresses",
        ),
        ("V11", pool(&["10.0.0.1"], 33), "spec.prefix"),
        (
            "V11 beyond the schema",
            pool(&["fd00::1"], i64::MAX),
            "spec.prefix",
        ),
    ];
    for (rule, spec, field) in unusable {
        let problems = Domain::of_stored_addresses(&spec).expect_err(rule);
        assert_eq!(
            problems.iter().map(|p| p.field).collect::<Vec<_>>(),
            [field],
            "{rule}"
        );
    }
}

#[test]
fn stored_prefix_pool_is_served_when_its_slots_are_defined() {
    let served = [
        ("P5", prefixes(&["fd00::1/63"]), 2),
        ("P6", prefixes(&["fd00::/64", "fd01::/65"]), 1),
        (
            "P6, two halves make a slot",
            prefixes(&["fd00::/65", "fd00::8000:0:0:0/65"]),
            1,
        ),
        ("P7", prefixes(&["fd00::/64"]).gw("10.0.0.1"), 1),
        ("P8", prefixes(&["fd00::/64"]).excl(&["10.0.0.1"]), 1),
    ];
    for (rule, spec, total) in served {
        assert!(Domain::of_prefixes(&spec).is_err(), "{rule}");
        assert_eq!(
            Domain::of_stored_prefixes(&spec).expect(rule).total(),
            total,
            "{rule}"
        );
    }
    let unusable = [
        ("P1", prefixes(&[])),
        ("P2", prefixes(&["fd00::/64"]).length(129)),
        ("P3", prefixes(&["fd00::1"])),
        ("P4", prefixes(&["10.0.0.0/24"])),
        ("P8", prefixes(&["fd00::/64"]).excl(&["bogus"])),
    ];
    for (rule, spec) in unusable {
        assert!(Domain::of_stored_prefixes(&spec).is_err(), "{rule}");
    }
}

#[test]
fn an_excluded_address_takes_the_slot_around_it() {
    let spec = prefixes(&["fd00::/62"]).excl(&["fd00:0:0:1::5", "fd00:0:0:2:ffff::-fd00:0:0:3::"]);
    let domain = Domain::of_prefixes(&spec).unwrap();
    assert_eq!(
        domain.addresses().to_string(),
        "[fd00::-fd00::ffff:ffff:ffff:ffff]"
    );
}

#[test]
fn an_object_in_use_occupies_one_slot_or_none() {
    let addresses = Domain::of_addresses(&pool(&["10.0.0.0/24"], 24)).unwrap();
    assert_eq!(addresses.slot_in_use("10.0.0.7", None), Some(0x0a00_0007));
    assert_eq!(addresses.slot_in_use("bogus", Some(24)), None);
    assert_eq!(addresses.slot_in_use("fd00::7", Some(24)), None);
    let slots = Domain::of_prefixes(&prefixes(&["fd00::/62"])).unwrap();
    assert_eq!(
        slots.slot_in_use("fd00:0:0:5::1234", Some(64)),
        Some(0xfd00_0000_0000_0005)
    );
    assert_eq!(slots.slot_in_use("fd00::", Some(63)), None);
    assert_eq!(slots.slot_in_use("fd00::", None), None);
}
