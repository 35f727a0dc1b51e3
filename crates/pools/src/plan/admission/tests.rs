use std::cell::Cell;

use addr::{AddrSet, Entry};
use api::pool::{AddressPoolSpec, PoolKind};

use super::*;
use crate::plan::domain::fixtures::{AddressPoolExt as _, PrefixPoolExt as _, pool, prefixes};
use crate::plan::name::PoolName;

fn nobody_knows() -> Context<'static> {
    Context {
        overlap: Overlap::Off,
        in_use: &|| None,
        neighbours: &|| None,
    }
}

fn in_use(addresses: &[&str]) -> Vec<InUse> {
    addresses
        .iter()
        .map(|a| InUse {
            address: (*a).into(),
            prefix: Some(24),
        })
        .collect()
}

#[test]
fn not_knowing_is_never_a_yes() {
    let (old, smaller) = (pool(&["10.0.0.10-10.0.0.20"], 24), pool(&["10.0.0.10"], 24));
    assert!(matches!(
        update(&old, &smaller, false, &nobody_knows()),
        Verdict::Unknown(_)
    ));
    assert!(matches!(delete(false, &nobody_knows()), Verdict::Unknown(_)));
    let deny = Context {
        overlap: Overlap::Deny,
        ..nobody_knows()
    };
    assert!(matches!(create(&old, &deny), Verdict::Unknown(_)));
}

#[test]
fn what_cannot_harm_is_not_asked() {
    let (old, larger) = (
        pool(&["10.0.0.10-10.0.0.20"], 24),
        pool(&["10.0.0.10-10.0.0.30"], 24),
    );
    let asked = Cell::new(0);
    let count = || {
        asked.set(asked.get() + 1);
        Some(Vec::new())
    };
    let context = Context {
        in_use: &count,
        ..nobody_knows()
    };
    assert_eq!(update(&old, &old, false, &context), Verdict::allow());
    assert_eq!(update(&old, &larger, false, &context), Verdict::allow());
    assert_eq!(update(&larger, &old, true, &context), Verdict::allow());
    assert_eq!(create(&old, &context), Verdict::allow());
    assert_eq!(delete(true, &context), Verdict::allow());
    assert_eq!(asked.get(), 0);
    assert_eq!(update(&larger, &old, false, &context), Verdict::allow());
    assert_eq!(asked.get(), 1);
}

#[test]
fn old_invalid_pool_can_be_labelled_and_finalized() {
    for broken in [
        pool(&["garbage"], 24),
        pool(&["10.0.0.1", "10.9.9.9"], 24),
        pool(&["10.0.0.1"], 24).gw("fd00::1"),
    ] {
        assert_eq!(update(&broken, &broken, false, &nobody_knows()), Verdict::allow());
        let relaid = AddressPoolSpec {
            gateway: Some("?".into()),
            ..broken.clone()
        };
        assert_eq!(
            update(&broken, &relaid, true, &nobody_knows()),
            Verdict::allow(),
            "it is being deleted"
        );
        assert!(matches!(
            update(&broken, &relaid, false, &nobody_knows()),
            Verdict::Invalid(_)
        ));
    }
    let broken = prefixes(&["fd00::1/64"]);
    assert_eq!(update(&broken, &broken, false, &nobody_knows()), Verdict::allow());
}

#[test]
fn broken_pool_can_be_repaired_while_addresses_are_in_use() {
    let used = || Some(in_use(&["10.0.0.1"]));
    let context = Context {
        in_use: &used,
        ..nobody_knows()
    };
    let repaired = pool(&["10.0.0.2"], 24);
    assert_eq!(
        update(&pool(&["10.0.0.1", "garbage"], 24), &repaired, false, &context),
        Verdict::allow()
    );
}

#[test]
fn another_spelling_is_not_a_change() {
    let bare = AddressPoolSpec {
        prefix: 24,
        addresses: vec!["garbage".into()],
        ..AddressPoolSpec::default()
    };
    let explicit = AddressPoolSpec {
        gateway: Some(String::new()),
        allocate_reserved_ip_addresses: Some(false),
        excluded_addresses: Some(Vec::new()),
        address_reuse_grace_period_seconds: Some(0),
        exclude_addresses: Some("x".into()),
        ..bare.clone()
    };
    assert_eq!(update(&bare, &explicit, false, &nobody_knows()), Verdict::allow());
}

#[test]
fn orphans_are_listed_as_merged_ranges() {
    let used = [
        "10.0.0.13",
        "10.0.0.11",
        "10.0.0.10",
        "10.0.0.10",
        "bogus",
        "10.0.0.99",
        "fd00::1",
        "10.0.0.20",
    ];
    let used = || Some(in_use(&used));
    let context = Context {
        in_use: &used,
        ..nobody_knows()
    };
    let (old, new) = (
        pool(&["10.0.0.10-10.0.0.20"], 24),
        pool(&["10.0.0.14-10.0.0.20"], 24),
    );
    let Verdict::Refused(message) = update(&old, &new, false, &context) else {
        panic!("a refusal")
    };
    assert!(
        message.contains("[10.0.0.10-10.0.0.11 10.0.0.13-10.0.0.13]"),
        "{message}"
    );
}

#[test]
fn everything_that_shrinks_the_pool_is_guarded() {
    let old = pool(&["10.0.0.0/24"], 24).res();
    let used = || Some(in_use(&["10.0.0.0", "10.0.0.7"]));
    let context = Context {
        in_use: &used,
        ..nobody_knows()
    };
    let shrunk = [
        pool(&["10.0.0.0/24"], 24),
        old.clone().gw("10.0.0.7"),
        old.clone().excl(&["10.0.0.7"]),
        pool(&["fd00::/120"], 120),
    ];
    for new in shrunk {
        assert!(
            matches!(update(&old, &new, false, &context), Verdict::Refused(_)),
            "{new:?}"
        );
    }
    for new in [
        old.clone().gw("10.0.0.8"),
        old.clone().grace(9),
        old.clone().excl(&["10.0.0.9"]),
    ] {
        assert_eq!(update(&old, &new, false, &context), Verdict::allow(), "{new:?}");
    }
}

fn warnings(spec: &AddressPoolSpec) -> Vec<String> {
    match create(spec, &nobody_knows()) {
        Verdict::Allow { warnings, .. } => warnings,
        other => panic!("expected a yes, got {other:?}"),
    }
}

#[test]
fn questionable_pools_get_warnings() {
    let empty = warnings(&pool(&["10.0.0.0/31"], 31));
    assert!(
        empty.len() == 1 && empty[0].contains("spec.allocateReservedIPAddresses"),
        "{empty:?}"
    );
    let stray = warnings(&pool(&["10.0.0.0/24"], 24).gw("10.0.1.1"));
    assert!(
        stray.len() == 1 && stray[0].contains("`10.0.1.1`") && stray[0].contains("10.0.0.0/24"),
        "{stray:?}"
    );
    assert_eq!(warnings(&pool(&["10.0.0.0/24"], 24).gw("10.0.0.1")), [""; 0]);
}

#[test]
fn only_a_changed_address_pool_is_warned_about() {
    let odd = pool(&["10.0.0.0/24"], 24).gw("10.0.1.1");
    assert_eq!(update(&odd, &odd, false, &nobody_knows()), Verdict::allow());
    let changed = odd.clone().grace(5);
    assert!(
        matches!(update(&odd, &changed, false, &nobody_knows()), Verdict::Allow { warnings, .. } if warnings.len() == 1)
    );
}

#[test]
fn default_length_is_filled_in() {
    let set = PatchOp::Set("/spec/allocationPrefixLength", 64.into());
    for spec in [prefixes(&["fd00::/48"]), prefixes(&["fd00::/48"]).length(0)] {
        assert_eq!(
            default(&spec),
            Verdict::Allow {
                warnings: Vec::new(),
                patch: vec![set.clone()]
            }
        );
    }
    assert_eq!(default(&prefixes(&["fd00::/48"]).length(56)), Verdict::allow());
    let json = serde_json::json!({ "op": "add", "path": "/spec/allocationPrefixLength", "value": 64 });
    assert_eq!(set.to_json(), json);
}

#[test]
fn length_beyond_the_schema_is_a_field_problem() {
    let (old, new) = (prefixes(&["fd00::/48"]), prefixes(&["fd00::/48"]).length(129));
    let verdict = update(&old, &new, false, &nobody_knows());
    assert!(matches!(verdict, Verdict::Invalid(p) if p[0].field == "spec.allocationPrefixLength"));
}

#[test]
fn overlap_is_off_a_warning_or_a_refusal() {
    let entries = ["10.0.0.5", "10.0.0.7", "10.0.0.9", "10.0.0.11", "10.0.9.9"];
    let addresses: AddrSet = entries
        .iter()
        .map(|e| e.parse::<Entry>().unwrap().range())
        .collect();
    let name = |name| PoolName::new(PoolKind::GlobalInClusterIPPool, "", name);
    let neighbours = || {
        let elsewhere = "192.0.2.0/24".parse::<Entry>().unwrap().range();
        Some(vec![
            Neighbour {
                name: name("other"),
                addresses: addresses.clone(),
            },
            Neighbour {
                name: name("far"),
                addresses: elsewhere.into(),
            },
        ])
    };
    let ask = |overlap| {
        create(
            &pool(&["10.0.0.0/24"], 24),
            &Context {
                overlap,
                neighbours: &neighbours,
                ..nobody_knows()
            },
        )
    };
    assert_eq!(ask(Overlap::Off), Verdict::allow());
    let Verdict::Allow { warnings, .. } = ask(Overlap::Warn) else {
        panic!("a yes")
    };
    let [warning] = warnings.as_slice() else {
        panic!("one neighbour overlaps: {warnings:?}")
    };
    let ranges = "[10.0.0.5-10.0.0.5 10.0.0.7-10.0.0.7 10.0.0.9-10.0.0.9] and 1 more ranges";
    assert!(
        warning.contains("GlobalInClusterIPPool other") && warning.contains(ranges),
        "{warning}"
    );
    assert!(matches!(ask(Overlap::Deny), Verdict::Refused(message) if message == *warning));
}

#[test]
fn unchecked_overlap_is_said() {
    let context = Context {
        overlap: Overlap::Warn,
        ..nobody_knows()
    };
    let verdict = create(&pool(&["10.0.0.0/24"], 24), &context);
    assert!(matches!(verdict, Verdict::Allow { warnings, .. } if warnings[0].contains("not checked")));
}
