//! Cases 20 to 40, 43c, 43d, 47 and 48: modes `auto` and `qemu`, which do the same, with a guest that answers.

use super::world::{G, World, assert_std, entries, interfaces, reasons, short};
use crate::config;
use crate::plan::facts::GuestAnswer;
use crate::plan::node::Write;
use crate::plan::notice::Reason;
use crate::plan::settings::Mode;
use crate::plan::upstream::Outcome;

const NEVER: &str = "never";

struct Row<'a> {
    guest: &'a str,
    annotation: &'a str,
    /// More of `features.network`.
    network: &'a str,
    theirs: &'a str,
    ours: &'a str,
    /// Listed differences behind a different result.
    causes: &'a [&'a str],
}

const ROW: Row<'_> = Row {
    guest: G,
    annotation: "",
    network: "",
    theirs: "",
    ours: "",
    causes: &[],
};

fn check(row: &Row<'_>) {
    for mode in ["auto", "qemu"] {
        let mut world = World::new(&format!("{{network: {{mode: {mode}, {}}}}}", row.network));
        world.node.provided_node_ip = (!row.annotation.is_empty()).then(|| row.annotation.into());
        world.guest = GuestAnswer::Known(interfaces(row.guest));
        let look = world.look();
        assert!(look.asked);
        match &look.comparison.upstream {
            Outcome::Publishes(list) => assert_eq!(short(list), row.theirs, "theirs"),
            other => assert!(
                row.theirs == NEVER && matches!(other, Outcome::Fails(_)),
                "theirs: {other}"
            ),
        }
        let causes: Vec<&str> = look.comparison.causes.iter().map(|cause| cause.id).collect();
        assert_eq!(causes, row.causes, "causes");
        if row.ours == NEVER {
            look.waits(Reason::InvalidProvidedNodeIp);
            continue;
        }
        assert_std(look.initialises(), Some("proxmox://cluster-1/100"));
        assert_eq!(look.addresses(), row.ours, "ours");
        world.carry_out(&look.decision.write);
        assert_eq!(
            world.look().decision.write,
            Write::Nothing,
            "nothing is written twice"
        );
    }
}

macro_rules! cases {
    ($($name:ident: $row:expr;)*) => {
        $(#[test] fn $name() { check(&$row); })*
    };
}

cases! {
    case_20: Row {
        theirs: "H n1, I 10.0.0.5, I 10.0.0.6, I 203.0.113.7, I 2001:db8::5, I 10.244.0.1, I 172.17.0.1, \
                 I 169.254.20.10, I 10.96.0.1, I 10.96.0.10",
        ours: "H n1, I 10.0.0.5, I 10.0.0.6, I 203.0.113.7, I 2001:db8::5",
        causes: &["D12", "D14"],
        ..ROW
    };
    case_21: Row {
        annotation: "10.0.0.5",
        theirs: "I 10.0.0.5, H n1",
        ours: "I 10.0.0.5, H n1",
        ..ROW
    };
    case_22: Row {
        annotation: "10.0.0.5,2001:db8::5",
        theirs: "I 10.0.0.5, I 2001:db8::5, H n1",
        ours: "I 10.0.0.5, I 2001:db8::5, H n1",
        ..ROW
    };
    case_23: Row {
        annotation: "10.0.0.5,fd00:1::5",
        theirs: "I 10.0.0.5, I fd00:1::5, H n1",
        ours: "I 10.0.0.5, I fd00:1::5, H n1",
        ..ROW
    };
    case_24: Row {
        annotation: "10.0.0.5",
        network: "external_ip_cidrs: '203.0.113.0/24,2001:db8::/32,!10.0.0.0/8'",
        theirs: "I 10.0.0.5, H n1, E 203.0.113.7, E 2001:db8::5",
        ours: "I 10.0.0.5, H n1, E 203.0.113.7, E 2001:db8::5",
        ..ROW
    };
    case_25: Row {
        network: "external_ip_cidrs: '203.0.113.0/24,2001:db8::/32,!10.0.0.0/8'",
        theirs: "H n1, I 10.0.0.5, I 10.0.0.6, E 203.0.113.7, E 2001:db8::5, I 10.244.0.1, I 172.17.0.1, \
                 I 169.254.20.10, I 10.96.0.1, I 10.96.0.10",
        ours: "H n1, E 203.0.113.7, E 2001:db8::5",
        causes: &["D12", "D14", "D3"],
        ..ROW
    };
    case_26: Row {
        network: "ipv6_support_disabled: true",
        theirs: "H n1, I 10.0.0.5, I 10.0.0.6, I 203.0.113.7, I 10.244.0.1, I 172.17.0.1, I 169.254.20.10, \
                 I 10.96.0.1, I 10.96.0.10",
        ours: "H n1, I 10.0.0.5, I 10.0.0.6, I 203.0.113.7",
        causes: &["D12", "D14"],
        ..ROW
    };
    case_27: Row {
        annotation: "10.0.0.5,2001:db8::5",
        network: "ipv6_support_disabled: true",
        theirs: "I 10.0.0.5, I 2001:db8::5, H n1",
        ours: "I 10.0.0.5, I 2001:db8::5, H n1",
        ..ROW
    };
    case_28: Row {
        network: "ip_sort_order: '203.0.113.0/24,10.0.0.0/8'",
        theirs: "H n1, I 10.0.0.6, I 2001:db8::5, I 172.17.0.1, I 169.254.20.10, I 10.96.0.10",
        ours: "I 203.0.113.7, I 10.0.0.5, I 10.0.0.6, H n1, I 2001:db8::5",
        causes: &["D12", "D14", "D1"],
        ..ROW
    };
    case_29: Row {
        network: "ip_sort_order: '!203.0.113.0/24,!10.0.0.0/8'",
        theirs: "I 203.0.113.7, I 10.0.0.5, I 10.0.0.6, I 10.96.0.1, I 10.96.0.10, I 10.244.0.1, H n1, I 2001:db8::5, \
                 I 172.17.0.1, I 169.254.20.10",
        ours: "H n1, I 2001:db8::5",
        causes: &["D12", "D14", "D1"],
        ..ROW
    };
    case_30: Row {
        annotation: "10.0.0.5",
        network: "ip_sort_order: 10.0.0.0/8",
        theirs: NEVER,
        ours: "I 10.0.0.5, H n1",
        causes: &["D12", "D14", "D1", "D6"],
        ..ROW
    };
    case_31: Row {
        annotation: "10.0.0.6",
        network: "ip_sort_order: '!10.0.0.0/8'",
        theirs: "I 10.0.0.6, H n1",
        ours: "I 10.0.0.6, H n1",
        ..ROW
    };
    case_32: Row {
        network: "ip_sort_order: '10.0.0.0/8,!10.0.0.0/24'",
        theirs: "H n1, I 10.0.0.5, I 10.0.0.6, I 203.0.113.7, I 2001:db8::5, I 10.244.0.1, I 172.17.0.1, \
                 I 169.254.20.10, I 10.96.0.1, I 10.96.0.10",
        ours: "H n1, I 203.0.113.7, I 2001:db8::5",
        causes: &["D12", "D14", "D1"],
        ..ROW
    };
    case_33: Row {
        annotation: "203.0.113.7",
        network: "external_ip_cidrs: 203.0.113.0/24",
        theirs: "I 203.0.113.7, E 203.0.113.7, H n1",
        ours: "I 203.0.113.7, E 203.0.113.7, H n1",
        ..ROW
    };
    case_34: Row {
        guest: "eth0 10.0.0.9 2001:db8::9 10.0.0.5 2001:db8::1",
        network: "ip_sort_order: '!2001:db8::/32 , !10.0.0.0/8'",
        theirs: "I 2001:db8::1, I 2001:db8::9, I 10.0.0.5, I 10.0.0.9, H n1",
        ours: "H n1",
        causes: &["D1"],
        ..ROW
    };
    case_34_with_upstream_semantics: Row {
        guest: "eth0 10.0.0.9 2001:db8::9 10.0.0.5 2001:db8::1",
        network: "cidr_semantics: upstream, ip_sort_order: '!2001:db8::/32 , !10.0.0.0/8'",
        theirs: "I 2001:db8::1, I 2001:db8::9, I 10.0.0.5, I 10.0.0.9, H n1",
        ours: "I 2001:db8::1, I 2001:db8::9, I 10.0.0.5, I 10.0.0.9, H n1",
        ..ROW
    };
    case_35: Row {
        guest: "eth0 10.0.0.9 2001:db8::9 10.0.0.5 2001:db8::1",
        network: "ip_sort_order: '2001:db8::/32,10.0.0.0/8'",
        theirs: "H n1, I 2001:db8::9, I 2001:db8::1",
        ours: "I 2001:db8::1, I 2001:db8::9, I 10.0.0.5, I 10.0.0.9, H n1",
        causes: &["D1"],
        ..ROW
    };
    case_36: Row {
        guest: "eth0 203.0.113.7",
        network: "external_ip_cidrs: 203.0.113.7",
        theirs: "H n1, I 203.0.113.7",
        ours: "H n1, E 203.0.113.7",
        causes: &["5.4"],
        ..ROW
    };
    case_37: Row {
        guest: "ens18 ::ffff:10.9.0.1 2001:DB8:0:0::0001 10.0.0.5; ens19 10.0.0.5 169.254.1.1",
        theirs: "H n1, I 10.9.0.1, I 2001:db8::1, I 10.0.0.5, I 169.254.1.1",
        ours: "H n1, I 10.9.0.1, I 2001:db8::1, I 10.0.0.5",
        causes: &["D14"],
        ..ROW
    };
    case_38: Row {
        guest: "eth0 0.0.0.0 224.0.0.5 255.255.255.255 10.0.0.5 ff02::1 ::",
        theirs: "H n1, I 0.0.0.0, I 224.0.0.5, I 255.255.255.255, I 10.0.0.5, I ff02::1, I ::",
        ours: "H n1, I 10.0.0.5",
        causes: &["D14"],
        ..ROW
    };
    case_39: Row {
        guest: "cilium_vxlan 10.1.0.1; dummyX 10.2.0.1; lxc1234 10.3.0.1; Lo 10.4.0.1; lo1 10.5.0.1; eth0.100 10.6.0.1",
        theirs: "H n1, I 10.1.0.1, I 10.3.0.1, I 10.4.0.1, I 10.5.0.1, I 10.6.0.1",
        ours: "H n1, I 10.4.0.1, I 10.5.0.1, I 10.6.0.1",
        causes: &["D12"],
        ..ROW
    };
    case_40: Row {
        guest: "ens17; eth0 10.0.0.1",
        theirs: "H n1, I 10.0.0.1",
        ours: "H n1, I 10.0.0.1",
        ..ROW
    };
    case_43c: Row {
        guest: "eth0 10.0.0.5 203.0.113.7 2001:db8::5; eth1 198.51.100.4",
        annotation: "10.0.0.5",
        network: "external_ip_cidrs: \"203.0.113.0/24 198.51.100.0/24\\t2001:db8::/32\", ip_sort_order: '!198.51.100.0/24'",
        theirs: "I 10.0.0.5, E 198.51.100.4, H n1, E 203.0.113.7, E 2001:db8::5",
        ours: "I 10.0.0.5, H n1, E 203.0.113.7, E 2001:db8::5",
        causes: &["D1"],
    };
    case_43d: Row {
        guest: "eth0 10.0.0.5 203.0.113.7 2001:db8::5",
        annotation: "203.0.113.7,2001:db8::5",
        network: "external_ip_cidrs: '203.0.113.0/24,2001:db8::/32'",
        theirs: "I 203.0.113.7, E 203.0.113.7, I 2001:db8::5, E 2001:db8::5, H n1",
        ours: "I 203.0.113.7, E 203.0.113.7, I 2001:db8::5, E 2001:db8::5, H n1",
        ..ROW
    };
}

cases! {
    case_30_with_upstream_semantics: Row {
        annotation: "10.0.0.5",
        network: "cidr_semantics: upstream, ip_sort_order: 10.0.0.0/8",
        theirs: NEVER,
        ours: NEVER,
        causes: &["D12", "D14"],
        ..ROW
    };
    the_switches_restore_what_was_published: Row {
        guest: "eth0 10.0.0.5 169.254.1.1 2001:db8::5; docker0 172.17.0.1; dummy0 10.9.9.9",
        network: "interfaces: {exclude_defaults: false}, ipv4_link_local: keep",
        theirs: "H n1, I 10.0.0.5, I 169.254.1.1, I 2001:db8::5, I 172.17.0.1",
        ours: "H n1, I 10.0.0.5, I 169.254.1.1, I 2001:db8::5, I 172.17.0.1",
        ..ROW
    };
    unique_local_addresses_are_kept_if_wanted: Row {
        guest: "eth0 fd00:1::5",
        network: "ipv6_ula: keep",
        theirs: "H n1",
        ours: "H n1, I fd00:1::5",
        causes: &["2"],
        ..ROW
    };
    interfaces_are_chosen_by_name: Row {
        guest: "eth0 10.0.0.5; eth1 10.0.1.5; ens1 10.0.2.5; docker0 172.17.0.1",
        network: "interfaces: {include: ['eth?', 'docker0'], exclude: ['eth1']}",
        theirs: "H n1, I 10.0.0.5, I 10.0.1.5, I 10.0.2.5, I 172.17.0.1",
        ours: "H n1, I 10.0.0.5",
        causes: &["D12"],
        ..ROW
    };
}

#[test]
fn case_31_warns_once() {
    let mut world = World::new("{network: {mode: qemu, ip_sort_order: '!10.0.0.0/8'}}");
    world.node.provided_node_ip = Some("10.0.0.6".into());
    let warnings = world.look().decision.warnings;
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].contains("!10.0.0.0/8") && warnings[0].contains("10.0.0.6"),
        "{warnings:?}"
    );
    assert_eq!(world.look().decision.warnings, Vec::<String>::new());
}

#[test]
fn a_list_without_an_internal_address_is_published_and_told() {
    let mut world = World::new("{network: {mode: qemu, external_ip_cidrs: '203.0.113.0/24,!10.0.0.0/8'}}");
    world.guest = GuestAnswer::Known(interfaces("eth0 10.0.0.5 203.0.113.7"));
    let look = world.look();
    assert_eq!(look.addresses(), "H n1, E 203.0.113.7");
    assert_eq!(reasons(&look.decision.notices), [Reason::NoInternalIp]);
}

#[test]
fn case_47() {
    let text = "features: {network: {mode: bogus}}\nclusters:\n- {url: https://192.0.2.1:8006, region: a, token_id: b, \
                token_secret: c}\n";
    let error = config::parse(text).unwrap_err().to_string();
    assert!(
        error.contains("features.network.mode is \"bogus\"; use one of default, auto, qemu"),
        "{error}"
    );
}

#[test]
fn case_48() {
    let mut world =
        World::new("{mode: qemu, external_ip_cidrs: 203.0.113.0/24, ipv6_support_disabled: true}");
    assert_eq!(world.config.settings.network.mode, Mode::Qemu);
    let warned = world
        .config
        .warnings
        .iter()
        .filter(|text| text.contains("it is honoured, move it"))
        .count();
    assert_eq!(warned, 3, "{:?}", world.config.warnings);
    world.guest = GuestAnswer::Known(interfaces("eth0 10.0.0.5 203.0.113.7 2001:db8::5"));
    let look = world.look();
    assert_eq!(look.addresses(), "H n1, I 10.0.0.5, E 203.0.113.7");
    assert_eq!(
        look.comparison.upstream,
        Outcome::Publishes(entries("H n1")),
        "ignored there"
    );
}
