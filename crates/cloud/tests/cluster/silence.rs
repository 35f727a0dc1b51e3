//! Guests that are not heard (cases 41 to 46): what their Nodes get, what they keep, and how often they are asked.

use std::time::Duration;

use serde_json::Value;
use testkit::eventually;
use testkit::proxmox::{Fault, Guest, Privileges, Template, Vm};

use crate::ground::{New, PATIENCE, Site, TOKEN, addresses};
use crate::initialising::assert_std;

const UNAVAILABLE: &str = "GuestAddressesUnavailable";

/// How often guests are asked whose Nodes have no address (§5.8), against the clock of Proxmox VE: a controller that asks
/// too early or too late shows as a pause that is too short or too long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_nodes_whose_guests_are_not_heard() {
    // The nearest grant decides alone: on this machine nobody may ask the guest.
    let privileges = Privileges::all().grant("/vms/146", "VM.Audit");
    let guests = [
        ("case_41", "c41", 141, Guest::NotRunning, "AgentNotRunning"),
        ("case_42", "c42", 142, Guest::NotRunning, "AgentNotRunning"),
        ("case_44", "c44", 144, Guest::Result(Value::Null), "Malformed"),
        ("case_44", "c44-no-data", 244, Guest::NoData, "Malformed"),
        ("case_45", "c45", 145, Guest::Disabled, "CommandDisabled"),
        ("case_46", "c46", 146, Guest::eth0(&["10.0.0.5/24"]), "Forbidden"),
        (
            "not switched on",
            "off",
            147,
            Guest::NotConfigured,
            "AgentNotConfigured",
        ),
    ];
    let site = Site::build(|builder| {
        let vms = guests
            .iter()
            .map(|(_, name, vm, guest, _)| Vm::new(*vm, name).guest(guest.clone()));
        let builder = builder.region("cluster-1").host("pve-1").vms(vms);
        builder.token(TOKEN.0, TOKEN.1, privileges)
    })
    .await;
    for (_, name, vm, ..) in &guests {
        let node = New::tainted(name, *vm);
        site.node(if *name == "c41" {
            node.provided("10.0.0.5")
        } else {
            node
        })
        .await;
    }
    let controller = site.start("network: {mode: qemu}").await;
    for (case, name, vm, _, reason) in &guests {
        let node = site.initialised(name).await;
        assert_std(case, &node, *vm, "pve-1");
        let expected = if *name == "c41" {
            "I 10.0.0.5, H c41".to_owned()
        } else {
            format!("H {name}")
        };
        assert_eq!(
            addresses(&site.has_addresses(name, &expected).await),
            expected,
            "{case}"
        );
        site.event(name, "Synced").await;
        let text = site.event(name, UNAVAILABLE).await;
        assert!(text.contains(reason), "{case}: {text}");
        let is_lasting = matches!(*reason, "Forbidden" | "AgentNotConfigured");
        let warnings: &[&str] = if is_lasting { &[UNAVAILABLE] } else { &[] };
        assert_eq!(site.warnings(name).await, warnings, "{case}: {text}");
        assert_eq!(site.events(name).await.len(), 2, "{case}");
    }
    let text = site.event("c46", UNAVAILABLE).await;
    assert!(
        text.contains("VM.GuestAgent.Audit") && text.contains("VM.Monitor"),
        "case_46: {text}"
    );

    // The third answer of this one is a list.
    asked_guest(&site, 142, 2).await;
    site.pve
        .update(|model| model.vm(142).guest = Guest::eth0(&["10.0.0.5/24"]));
    for vm in [142, 144, 244, 145] {
        asked_guest(&site, vm, 3).await;
        let asked = site.requests(Template::GuestInterfaces, vm);
        let pauses = [asked[1] - asked[0], asked[2] - asked[1]];
        for (pause, planned) in pauses.into_iter().zip([5, 10].map(Duration::from_secs)) {
            // Up to a fifth later on purpose; the rest is for answers and for slow machines.
            assert!(
                pause >= planned && pause < planned * 2,
                "{vm}: {pauses:?} instead of 5 s and 10 s"
            );
        }
    }
    site.has_addresses("c42", "H c42, I 10.0.0.5").await;
    eventually(PATIENCE, "case_45: three refusals are counted", || async {
        let counted = controller.metric(&unavailable("CommandDisabled"));
        if counted == 3 {
            Ok(())
        } else {
            Err(counted.to_string())
        }
    })
    .await;
    // "as 42" is said of 46, and §5.8 says of 403 and of an agent that is switched off: every ten minutes at most. The
    // latter counts; the migration guide lists it. Nor is a Node asked for early that has an address.
    for (case, vm) in [("case_41", 141), ("case_46", 146), ("not switched on", 147)] {
        assert_eq!(site.requests(Template::GuestInterfaces, vm).len(), 1, "{case}");
    }
    assert_eq!(controller.metric(&unavailable("Forbidden")), 1, "case_46");
    controller.stop().await;
    for name in ["c44", "c45", "c46"] {
        assert_eq!(addresses(&site.get(name).await), format!("H {name}"));
    }
}

async fn asked_guest(site: &Site, vm: u32, times: usize) {
    eventually(
        PATIENCE,
        &format!("guest {vm} was asked {times} times"),
        || async {
            let asked = site.requests(Template::GuestInterfaces, vm).len();
            if asked >= times {
                Ok(())
            } else {
                Err(format!("{asked} times"))
            }
        },
    )
    .await;
}

fn unavailable(reason: &str) -> String {
    format!("ccm_guest_unavailable_total{{region=\"cluster-1\",reason=\"{reason}\"}}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_of_a_guest_takes_no_address() {
    let guest = || Guest::eth0(&["10.0.0.5/24"]);
    let site = Site::open([
        Vm::new(143, "c43").guest(guest()),
        Vm::new(144, "c43a").guest(guest()).stopped(),
        Vm::new(145, "c43b").guest(guest()).unknown(),
    ])
    .await;
    site.pve.fail(
        Fault::status(596, "Connection timed out")
            .on(Template::GuestInterfaces)
            .vm(143),
    );
    let mut before = Vec::new();
    for (case, name, vm, found) in [
        ("case_43", "c43", 143, true),
        ("case_43a", "c43a", 144, true),
        ("case_43b", "c43b", 145, false),
    ] {
        let node = site
            .node(New::settled(name, vm).addresses(&format!("H {name}, I 10.0.0.9")))
            .await;
        before.push((case, name, found, node));
    }
    let controller = site.start("network: {mode: auto}").await;
    site.event("c43", "GuestAddressesUnavailable").await;
    for (case, name, found, node) in before {
        site.looked(&controller, name, found).await;
        assert_eq!(site.get(name).await, node, "{case}: unchanged");
    }
    assert!(
        !site.requests(Template::GuestInterfaces, 143).is_empty(),
        "case_43"
    );
    for (case, vm) in [("case_43a", 144), ("case_43b", 145)] {
        let asked = site.requests(Template::GuestInterfaces, vm);
        assert!(asked.is_empty(), "{case}: no guest query");
    }
    controller.stop().await;
}
