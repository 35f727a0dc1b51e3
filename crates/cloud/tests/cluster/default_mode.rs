//! Mode `default` (cases 1 to 13): only kubelet is listened to, whatever it says.

use std::time::{Duration, Instant};

use cloud::names;
use serde_json::json;
use testkit::proxmox::{Guest, Template, Vm};

use crate::ground::{New, Site};
use crate::initialising::assert_std;
use crate::table::{ROW, Row, initialises};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_nodes_get_the_addresses_of_kubelet() {
    let row = |case, provided, addresses| Row {
        case,
        // Nobody asks for it.
        guest: "eth0 10.9.9.9/24",
        provided,
        addresses,
        ..ROW
    };
    let rows = [
        row("case_1", Some("10.0.0.5"), "I 10.0.0.5, H n1"),
        row(
            "case_2",
            Some("10.0.0.5,2001:db8::5"),
            "I 10.0.0.5, I 2001:db8::5, H n1",
        ),
        row(
            "case_3",
            Some("2001:db8::5,10.0.0.5"),
            "I 2001:db8::5, I 10.0.0.5, H n1",
        ),
        row("case_4", None, "H n1"),
        row(
            "case_7",
            Some("10.0.0.5, 2001:db8::5"),
            "I 10.0.0.5, I 2001:db8::5, H n1",
        ),
        row("case_9", Some(""), "H n1"),
        row("case_10a", Some("0.0.0.0"), "H n1"),
        row("case_10a_ipv6", Some("::"), "H n1"),
        row("case_11", Some("::ffff:10.0.0.5"), "I 10.0.0.5, H n1"),
        row("case_12", Some("2001:DB8::A"), "I 2001:db8::a, H n1"),
    ];
    let site = Site::open([]).await;
    initialises(&site, "", &rows).await;
    let rows = [row("case_13", Some("203.0.113.7"), "I 203.0.113.7, H n1")];
    initialises(&site, "network: {external_ip_cidrs: 203.0.113.0/24}", &rows).await;
    assert_eq!(
        site.pve.count(Template::GuestInterfaces),
        0,
        "{}",
        site.pve.log_tail()
    );
}

const UNUSABLE: [(&str, &str); 4] = [
    ("case_5", "10.0.0.5,2001:db8::5,10.0.0.6"),
    ("case_6", "10.0.0.5,10.0.0.6"),
    ("case_8", "abc"),
    ("case_10", "010.0.0.5"),
];

/// In every mode, as long as the guest does not report the very address (then `010.0.0.5` is 10.0.0.5, §5.7).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn annotations_that_cannot_be_used_leave_the_node_as_it_is() {
    let name = |case: &str| case.replace('_', "-");
    let guest = || Guest::eth0(&["10.9.9.9/24"]);
    let vms = (1_000..).zip(UNUSABLE);
    let site = Site::open(vms.map(|(vm, (case, _))| Vm::new(vm, &name(case)).guest(guest()))).await;
    for features in ["", "network: {mode: qemu}"] {
        let mut before = Vec::new();
        for (vm, (case, provided)) in (1_000..).zip(UNUSABLE) {
            before.push(site.node(New::tainted(&name(case), vm).provided(provided)).await);
        }
        let controller = site.start(features).await;
        for (case, provided) in UNUSABLE {
            let text = site.event(&name(case), "InvalidProvidedNodeIP").await;
            assert!(text.contains(provided), "{case}: {text}");
        }
        controller.stop().await;
        for ((case, _), before) in UNUSABLE.into_iter().zip(before) {
            assert_eq!(
                site.get(&name(case)).await,
                before,
                "{case} {features}: untouched"
            );
            assert_eq!(site.events(&name(case)).await.len(), 1, "{case} {features}");
            assert_eq!(
                site.warnings(&name(case)).await,
                ["InvalidProvidedNodeIP"],
                "{case} {features}"
            );
        }
        site.clear().await;
    }
}

/// §5.7: it is tried again every 60 s, or when the Node changes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_8_mended_is_taken_at_once() {
    let site = Site::open([Vm::new(108, "c8")]).await;
    site.node(New::tainted("c8", 108).provided("abc")).await;
    let controller = site.start("").await;
    site.event("c8", "InvalidProvidedNodeIP").await;
    let begun = Instant::now();
    let annotations = json!({names::PROVIDED_NODE_IP: "10.0.0.5"});
    site.patch("c8", &json!({"metadata": {"annotations": annotations}}))
        .await;
    site.has_addresses("c8", "I 10.0.0.5, H c8").await;
    assert_std("case_8", &site.initialised("c8").await, 108, "pve-1");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    controller.stop().await;
}
