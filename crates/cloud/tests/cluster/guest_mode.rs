//! Modes `auto` and `qemu`, which do the same, with guests that answer (cases 18, 20 to 40, 43c, 43d, 48).

use std::time::Duration;

use cloud::config;
use testkit::proxmox::{Guest, Template, Vm};

use crate::ground::{New, Site};
use crate::said::Said;
use crate::table::{ROW, Row, initialises};

/// The guest fixture of the specification.
const G: &str = "lo 127.0.0.1/8 ::1/128; \
     eth0 10.0.0.5/24 10.0.0.6/24 203.0.113.7/28 2001:db8::5/64 fd00:1::5/64 fe80::5/64; cni0 10.244.0.1/24; \
     docker0 172.17.0.1/16; cilium_host 10.1.1.1/32; dummy0 169.254.20.10/32; nodelocaldns 169.254.20.10/32; \
     kube-ipvs0 10.96.0.1/32 10.96.0.10/32";

/// A guest with addresses out of order.
const UNSORTED: &str = "eth0 10.0.0.9/24 2001:db8::9/64 10.0.0.5/24 2001:db8::1/64";

const EXTERNAL: &str = "external_ip_cidrs: '203.0.113.0/24,2001:db8::/32,!10.0.0.0/8'";

/// Guest G, no annotation.
const fn bare<'a>(case: &'a str, addresses: &'a str) -> Row<'a> {
    Row {
        case,
        guest: G,
        addresses,
        ..ROW
    }
}

/// Guest G, with this annotation.
const fn with<'a>(case: &'a str, provided: &'a str, addresses: &'a str) -> Row<'a> {
    Row {
        provided: Some(provided),
        ..bare(case, addresses)
    }
}

/// Another guest, no annotation.
const fn other<'a>(case: &'a str, guest: &'a str, addresses: &'a str) -> Row<'a> {
    Row {
        guest,
        ..bare(case, addresses)
    }
}

/// The list has no InternalIP although the guest has a usable address, so people are told (§5.5).
const fn told(row: Row<'_>) -> Row<'_> {
    Row {
        warnings: &["NoInternalIP"],
        ..row
    }
}

/// Cases by what stands under `features.network` besides the mode.
const GROUPS: &[(&str, &[Row<'_>])] = &[
    (
        "",
        &[
            bare(
                "case_20",
                "H n1, I 10.0.0.5, I 10.0.0.6, I 203.0.113.7, I 2001:db8::5",
            ),
            with("case_21", "10.0.0.5", "I 10.0.0.5, H n1"),
            with(
                "case_22",
                "10.0.0.5,2001:db8::5",
                "I 10.0.0.5, I 2001:db8::5, H n1",
            ),
            with("case_23", "10.0.0.5,fd00:1::5", "I 10.0.0.5, I fd00:1::5, H n1"),
            other(
                "case_37",
                "ens18 ::ffff:10.9.0.1 2001:DB8:0:0::0001 10.0.0.5; ens19 10.0.0.5 169.254.1.1",
                "H n1, I 10.9.0.1, I 2001:db8::1, I 10.0.0.5",
            ),
            other(
                "case_38",
                "eth0 0.0.0.0 224.0.0.5 255.255.255.255 10.0.0.5 ff02::1 ::",
                "H n1, I 10.0.0.5",
            ),
            other(
                "case_39",
                "cilium_vxlan 10.1.0.1; dummyX 10.2.0.1; lxc1234 10.3.0.1; Lo 10.4.0.1; lo1 10.5.0.1; eth0.100 10.6.0.1",
                "H n1, I 10.4.0.1, I 10.5.0.1, I 10.6.0.1",
            ),
            other("case_40", "ens17; eth0 10.0.0.1/24", "H n1, I 10.0.0.1"),
        ],
    ),
    (
        EXTERNAL,
        &[
            with(
                "case_24",
                "10.0.0.5",
                "I 10.0.0.5, H n1, E 203.0.113.7, E 2001:db8::5",
            ),
            told(bare("case_25", "H n1, E 203.0.113.7, E 2001:db8::5")),
        ],
    ),
    (
        "ipv6_support_disabled: true",
        &[
            bare("case_26", "H n1, I 10.0.0.5, I 10.0.0.6, I 203.0.113.7"),
            with(
                "case_27",
                "10.0.0.5,2001:db8::5",
                "I 10.0.0.5, I 2001:db8::5, H n1",
            ),
        ],
    ),
    (
        "ip_sort_order: '203.0.113.0/24,10.0.0.0/8'",
        &[bare(
            "case_28",
            "I 203.0.113.7, I 10.0.0.5, I 10.0.0.6, H n1, I 2001:db8::5",
        )],
    ),
    (
        "ip_sort_order: '!203.0.113.0/24,!10.0.0.0/8'",
        &[bare("case_29", "H n1, I 2001:db8::5")],
    ),
    (
        "ip_sort_order: 10.0.0.0/8",
        &[with("case_30", "10.0.0.5", "I 10.0.0.5, H n1")],
    ),
    (
        "ip_sort_order: '!10.0.0.0/8'",
        &[with("case_31", "10.0.0.6", "I 10.0.0.6, H n1")],
    ),
    (
        "ip_sort_order: '10.0.0.0/8,!10.0.0.0/24'",
        &[bare("case_32", "H n1, I 203.0.113.7, I 2001:db8::5")],
    ),
    (
        "external_ip_cidrs: 203.0.113.0/24",
        &[with(
            "case_33",
            "203.0.113.7",
            "I 203.0.113.7, E 203.0.113.7, H n1",
        )],
    ),
    (
        "ip_sort_order: '!2001:db8::/32 , !10.0.0.0/8'",
        &[told(other("case_34", UNSORTED, "H n1"))],
    ),
    (
        "cidr_semantics: upstream, ip_sort_order: '!2001:db8::/32 , !10.0.0.0/8'",
        &[other(
            "case_34_upstream",
            UNSORTED,
            "I 2001:db8::1, I 2001:db8::9, I 10.0.0.5, I 10.0.0.9, H n1",
        )],
    ),
    (
        "ip_sort_order: '2001:db8::/32,10.0.0.0/8'",
        &[other(
            "case_35",
            UNSORTED,
            "I 2001:db8::1, I 2001:db8::9, I 10.0.0.5, I 10.0.0.9, H n1",
        )],
    ),
    (
        "external_ip_cidrs: 203.0.113.7",
        &[told(other(
            "case_36",
            "eth0 203.0.113.7/28",
            "H n1, E 203.0.113.7",
        ))],
    ),
    (
        // A blank and a tab between the items.
        "external_ip_cidrs: \"203.0.113.0/24 198.51.100.0/24\\t2001:db8::/32\", ip_sort_order: '!198.51.100.0/24'",
        &[Row {
            guest: "eth0 10.0.0.5/24 203.0.113.7/28 2001:db8::5/64; eth1 198.51.100.4/24",
            ..with(
                "case_43c",
                "10.0.0.5",
                "I 10.0.0.5, H n1, E 203.0.113.7, E 2001:db8::5",
            )
        }],
    ),
    (
        "external_ip_cidrs: '203.0.113.0/24,2001:db8::/32'",
        &[Row {
            guest: "eth0 10.0.0.5/24 203.0.113.7/28 2001:db8::5/64",
            ..with(
                "case_43d",
                "203.0.113.7,2001:db8::5",
                "I 203.0.113.7, E 203.0.113.7, I 2001:db8::5, E 2001:db8::5, H n1",
            )
        }],
    ),
];

async fn every_group(mode: &str) {
    let site = Site::open([]).await;
    for (network, rows) in GROUPS {
        initialises(&site, &format!("network: {{mode: {mode}, {network}}}"), rows).await;
    }
    assert_eq!(site.pve.count(Template::Status), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guests_that_answer_in_mode_auto() {
    every_group("auto").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guests_that_answer_in_mode_qemu() {
    every_group("qemu").await;
}

/// A rule that hits what kubelet was told is named once, however often the Node is looked at.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_31_is_warned_of_once() {
    let site = Site::open([Vm::new(131, "c31").guest(Guest::eth0(&["10.0.0.6/24"]))]).await;
    let said = Said::listen();
    site.node(New::tainted("c31", 131).provided("10.0.0.6")).await;
    let text = site.config("network: {mode: qemu, ip_sort_order: '!10.0.0.0/8'}");
    let controller = site
        .start_with(&text, |options, _| {
            options.pass_period = Duration::from_millis(300);
        })
        .await;
    site.has_addresses("c31", "I 10.0.0.6, H c31").await;
    site.asked(Template::GuestInterfaces, 4).await;
    controller.stop().await;
    let lines = said.about(&["WARN", "c31"]);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].contains("!10.0.0.0/8") && lines[0].contains("10.0.0.6"),
        "{lines:?}"
    );
}

/// Ways of writing the network keys that upstream's own page shows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn network_keys_in_other_places() {
    let site = Site::open([]).await;
    let rows = [bare(
        "case_18",
        "H n1, I 10.0.0.5, I 10.0.0.6, I 203.0.113.7, I 2001:db8::5",
    )];
    initialises(&site, "network: auto", &rows).await;
    let rows = [bare("case_48", "H n1, I 10.0.0.5, I 10.0.0.6, E 203.0.113.7")];
    let misplaced = "mode: qemu\nexternal_ip_cidrs: 203.0.113.0/24\nipv6_support_disabled: true";
    initialises(&site, misplaced, &rows).await;
    for (case, features, warned) in [("case_18", "network: auto", 1), ("case_48", misplaced, 3)] {
        let warnings = config::parse(&site.config(features))
            .expect("it is accepted")
            .warnings;
        assert_eq!(warnings.len(), warned, "{case}: {warnings:?}");
    }
}
