//! Cases 1 to 18: mode `default`, where only kubelet is listened to.

use super::world::{World, assert_std, entries, short};
use crate::plan::facts::GuestReason;
use crate::plan::node::{Retry, Write};
use crate::plan::notice::{Reason, Severity};
use crate::plan::settings::Mode;
use crate::plan::upstream::Outcome;

const NEVER: &str = "never";

/// A new Node with this annotation: the published lists, or `NEVER`.
fn check(features: &str, annotation: Option<&str>, theirs: &str, ours: &str) {
    let mut world = World::new(features);
    world.node.provided_node_ip = annotation.map(Into::into);
    // Nobody may be asked in this mode, so an answer would show in the result.
    world.guest = super::world::unavailable(GuestReason::Other, "must not matter");
    let look = world.look();
    assert!(!look.asked);
    match &look.comparison.upstream {
        Outcome::Publishes(list) => assert_eq!(short(list), theirs, "theirs"),
        other => assert!(
            theirs == NEVER && matches!(other, Outcome::Fails(_)),
            "theirs: {other}"
        ),
    }
    assert_eq!(look.comparison.differs(), !look.comparison.causes.is_empty());
    if ours == NEVER {
        look.waits(Reason::InvalidProvidedNodeIp);
        assert_eq!(
            look.decision.retry,
            Retry::After(std::time::Duration::from_secs(60))
        );
        let notice = &look.decision.notices[0];
        assert_eq!(notice.severity, Severity::Warning);
        assert!(notice.text.contains(annotation.unwrap()), "{}", notice.text);
        assert!(world.look().decision.notices.is_empty(), "told once per value");
        return;
    }
    assert_std(look.initialises(), Some("proxmox://cluster-1/100"));
    assert_eq!(look.addresses(), ours, "ours");
    world.carry_out(&look.decision.write);
    assert_eq!(short(&world.node.addresses), ours);
    assert_eq!(
        world.look().decision.write,
        Write::Nothing,
        "nothing is written twice"
    );
}

macro_rules! cases {
    ($($name:ident: $features:expr, $annotation:expr => $theirs:expr, $ours:expr;)*) => {
        $(#[test] fn $name() { check($features, $annotation, $theirs, $ours); })*
    };
}

cases! {
    case_1: "{}", Some("10.0.0.5") => "I 10.0.0.5, H n1", "I 10.0.0.5, H n1";
    case_2: "{}", Some("10.0.0.5,2001:db8::5")
        => "I 10.0.0.5, I 2001:db8::5, H n1", "I 10.0.0.5, I 2001:db8::5, H n1";
    case_3: "{}", Some("2001:db8::5,10.0.0.5")
        => "I 2001:db8::5, I 10.0.0.5, H n1", "I 2001:db8::5, I 10.0.0.5, H n1";
    case_4: "{}", None => "H n1", "H n1";
    case_5: "{}", Some("10.0.0.5,2001:db8::5,10.0.0.6") => NEVER, NEVER;
    case_6: "{}", Some("10.0.0.5,10.0.0.6") => NEVER, NEVER;
    case_7: "{}", Some("10.0.0.5, 2001:db8::5") => NEVER, "I 10.0.0.5, I 2001:db8::5, H n1";
    case_8: "{}", Some("abc") => NEVER, NEVER;
    case_9: "{}", Some("") => NEVER, "H n1";
    case_10: "{}", Some("010.0.0.5") => NEVER, NEVER;
    case_10a_ipv4: "{}", Some("0.0.0.0") => "I 0.0.0.0, H n1", "H n1";
    case_10a_ipv6: "{}", Some("::") => "I ::, H n1", "H n1";
    case_11: "{}", Some("::ffff:10.0.0.5") => "I 10.0.0.5, H n1", "I 10.0.0.5, H n1";
    case_12: "{}", Some("2001:DB8::A") => "I 2001:db8::a, H n1", "I 2001:db8::a, H n1";
    case_13: "{network: {external_ip_cidrs: 203.0.113.0/24}}", Some("203.0.113.7")
        => "I 203.0.113.7, H n1", "I 203.0.113.7, H n1";
}

/// A pass over an initialised Node: what is patched, `None` for no write. `theirs`: whether the lists differ for it.
fn pass(status: &str, annotation: &str, patched: Option<&str>) {
    let mut world = World::initialised("{}", "proxmox://cluster-1/100", status);
    world.node.provided_node_ip = Some(annotation.into());
    let look = world.look();
    let Some(patched) = patched else {
        assert_eq!(look.decision.write, Write::Nothing);
        return;
    };
    let Write::Update(change) = &look.decision.write else {
        panic!("{:?}", look.decision)
    };
    assert_eq!(change.addresses.as_deref(), Some(entries(patched).as_slice()));
    assert!(change.labels.is_empty() && change.provider_id.is_none() && change.instance_id.is_none());
    world.carry_out(&look.decision.write);
    assert_eq!(world.look().decision.write, Write::Nothing, "once");
}

#[test]
fn case_14() {
    pass(
        "I 10.0.0.5, E 198.51.100.1, H n1",
        "10.0.0.5",
        Some("I 10.0.0.5, H n1"),
    );
}

#[test]
fn case_15() {
    pass("H n1, I 10.0.0.5", "10.0.0.5", Some("I 10.0.0.5, H n1"));
    let mut world = World::initialised("{}", "proxmox://cluster-1/100", "H n1, I 10.0.0.5");
    world.node.provided_node_ip = Some("10.0.0.5".into());
    let comparison = world.look().comparison;
    assert_eq!(
        comparison.upstream,
        Outcome::Publishes(entries("H n1, I 10.0.0.5")),
        "no PATCH there"
    );
    assert_eq!(comparison.causes[0].id, "6.4");
}

#[test]
fn case_16() {
    pass("I 10.0.0.5, I 2001:db8::5, H n1", "10.0.0.5,2001:db8::5", None);
}

#[test]
fn case_17() {
    pass(
        "I 10.0.0.5, H n1, InternalDNS n1.local",
        "10.0.0.5",
        Some("I 10.0.0.5, H n1"),
    );
}

#[test]
fn case_18() {
    let world = World::new("{network: auto}");
    assert_eq!(world.config.settings.network.mode, Mode::Auto);
    assert!(
        world
            .config
            .warnings
            .iter()
            .any(|text| text.contains("single word")),
        "{:?}",
        world.config.warnings
    );
    assert!(
        world.config.upstream_network.is_err(),
        "the replaced controller exits with 1"
    );
}

/// The rule of the annotation also holds for a Node that is initialised: it keeps what it has.
#[test]
fn an_initialised_node_with_an_unusable_annotation_keeps_its_addresses() {
    let mut world = World::initialised("{}", "proxmox://cluster-1/100", "I 10.0.0.5, H n1");
    world.node.provided_node_ip = Some("abc".into());
    let look = world.look();
    assert_eq!(look.decision.write, Write::Nothing);
    assert_eq!(look.decision.notices[0].reason, Reason::InvalidProvidedNodeIp);
    world.node.provided_node_ip = Some("10.0.0.5".into());
    assert_eq!(world.look().decision.notices, []);
}
