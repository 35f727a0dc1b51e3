//! The guest query: every answer of A.6, and machines that move (§5.8).

use std::time::Duration;

use cloud::plan::facts::{GuestAnswer, GuestReason};
use cloud::source::Source;
use runtime::answer::Answer;
use serde_json::json;
use testkit::eventually;
use testkit::proxmox::{Fault, Guest, Interface, Release, Template, Vm};

use crate::ground::{REGION, SOON, cluster, reason, run, settings, why};

#[tokio::test]
async fn every_refusal_of_a_guest_has_its_reason() {
    let error = Guest::Error {
        class: "GenericError".into(),
        desc: "x".into(),
    };
    let cases = [
        (
            Guest::NotConfigured,
            GuestReason::AgentNotConfigured,
            "case_42: the option is off",
        ),
        (
            Guest::NotRunning,
            GuestReason::AgentNotRunning,
            "case_41: no reply to a ping",
        ),
        (Guest::Timeout, GuestReason::Timeout, "the command is too slow"),
        (
            Guest::Disabled,
            GuestReason::CommandDisabled,
            "case_45: blocked by policy",
        ),
        (error, GuestReason::Other, "another error of the guest"),
        (
            Guest::Result(json!(null)),
            GuestReason::Malformed,
            "case_44: null",
        ),
        (Guest::NoData, GuestReason::Malformed, "no data at all"),
    ];
    for release in [Release::V8, Release::V9] {
        let pve = cluster().release(release).start().await.unwrap();
        let source = run(&settings(&pve));
        let machine = source.machine(100).await;
        for (guest, expected, case) in &cases {
            pve.update(|model| model.vm(100).guest = guest.clone());
            let answer = source.guest(&machine).await;
            assert_eq!(reason(&answer), *expected, "{case} on {release:?}: {answer:?}");
        }
        // None of that is the host's fault.
        assert_eq!(source.addresses(200).await, ["10.0.0.6"]);
        assert_eq!(pve.count(Template::GuestInterfaces), 8);
    }
}

#[tokio::test]
async fn an_answer_without_end_is_not_read() {
    let pve = cluster().start().await.unwrap();
    let endless = json!([{"name": "x".repeat(3 << 20)}]);
    pve.update(|model| model.vm(100).guest = Guest::Result(endless));
    let source = run(&settings(&pve));
    let answer = source.guest(&source.machine(100).await).await;
    assert_eq!(reason(&answer), GuestReason::Malformed, "{answer:?}");
    assert_eq!(source.addresses(200).await, ["10.0.0.6"]);
}

#[tokio::test]
async fn case_46_a_missing_privilege_is_named() {
    for (release, privilege) in [(Release::V8, "VM.Monitor"), (Release::V9, "VM.GuestAgent.Audit")] {
        let pve = cluster().release(release).start().await.unwrap();
        pve.revoke(REGION, crate::ground::TOKEN.0, privilege);
        let source = run(&settings(&pve));
        let answer = source.guest(&source.machine(100).await).await;
        assert_eq!(reason(&answer), GuestReason::Forbidden);
        let GuestAnswer::Unavailable(refusal) = answer else {
            unreachable!("checked above")
        };
        assert!(refusal.detail.contains(privilege), "{refusal}");
    }
}

#[tokio::test]
async fn case_43a_a_stopped_machine_is_not_asked() {
    let pve = cluster()
        .vm(Vm::new(300, "off").host("pve-1").stopped())
        .start()
        .await
        .unwrap();
    let source = run(&settings(&pve));
    assert_eq!(
        reason(&source.guest(&source.machine(300).await).await),
        GuestReason::VmNotRunning
    );
    assert_eq!(pve.count(Template::GuestInterfaces), 0);

    // The list lags: a machine that stopped a moment ago is asked, and says so.
    let machine = source.machine(100).await;
    pve.stop_vm(100);
    assert_eq!(reason(&source.guest(&machine).await), GuestReason::VmNotRunning);
}

#[tokio::test]
async fn a_machine_that_the_ha_manager_moves_is_not_asked() {
    for state in ["migrate", "relocate", "fence", "recovery"] {
        let pve = cluster()
            .vm(Vm::new(300, "ha").host("pve-1").ha(state))
            .start()
            .await
            .unwrap();
        let source = run(&settings(&pve));
        let answer = source.guest(&source.machine(300).await).await;
        assert_eq!(reason(&answer), GuestReason::InTransit, "{state}");
        assert_eq!(pve.count(Template::GuestInterfaces), 0, "{state}");
    }
}

#[tokio::test]
async fn an_odd_guest_is_read_as_far_as_it_goes() {
    let guest = Guest::Interfaces(vec![
        Interface::new("lo").address("127.0.0.1/8"),
        Interface::new("Ethernet 2").without_mac(),
        Interface::new("eth0")
            .mac("BC:24:11:2E:C4:0A")
            .address("10.0.0.5/24")
            .address("2001:db8::5/64"),
    ]);
    let pve = cluster().start().await.unwrap();
    pve.update(|model| model.vm(100).guest = guest);
    let source = run(&settings(&pve));
    let GuestAnswer::Known(interfaces) = source.guest(&source.machine(100).await).await else {
        panic!("no answer:\n{}", pve.log_tail())
    };
    let names: Vec<&str> = interfaces.iter().map(|interface| &*interface.name).collect();
    assert_eq!(names, ["lo", "Ethernet 2", "eth0"]);
    assert_eq!(interfaces[2].addresses, ["10.0.0.5", "2001:db8::5"]);
    assert_eq!(interfaces[2].mac, "bc:24:11:2e:c4:0a".parse().ok());
    assert!(interfaces[1].mac.is_none());
}

/// Takes the time of the lag out of the test: the list shows the move at once when it is asked for again.
fn moved(pve: &testkit::ProxmoxVe) {
    pve.update(|model| model.region(REGION).migrate(100, "pve-2", Duration::ZERO));
}

#[tokio::test]
async fn case_98_a_machine_that_moved_is_asked_on_its_new_host_after_one_list() {
    let pve = cluster().start().await.unwrap();
    let source = run(&settings(&pve));
    let machine = source.machine(100).await;
    pve.reset_counts();
    moved(&pve);
    let GuestAnswer::Known(interfaces) = source.guest(&machine).await else {
        panic!("no answer:\n{}", pve.log_tail())
    };
    assert_eq!(interfaces[0].addresses, ["10.0.0.5"]);
    assert_eq!(
        (
            pve.count(Template::GuestInterfaces),
            pve.count(Template::Resources)
        ),
        (2, 1)
    );

    // Whoever still holds the old entry needs no list: the one at hand has the new host.
    pve.reset_counts();
    let Answer::Known(read) = source.config(&machine).await else {
        panic!("no answer:\n{}", pve.log_tail())
    };
    assert!(read.config.uuid.is_some());
    assert_eq!(
        (pve.count(Template::Config), pve.count(Template::Resources)),
        (2, 0),
        "{}",
        pve.log_tail()
    );
}

#[tokio::test]
async fn a_machine_whose_list_lags_is_moved_and_later_found() {
    let pve = cluster().start().await.unwrap();
    let source = run(&settings(&pve));
    let machine = source.machine(100).await;
    pve.update(|model| model.region(REGION).migrate(100, "pve-2", Duration::from_secs(7)));
    assert_eq!(
        reason(&source.guest(&machine).await),
        GuestReason::Moved,
        "{}",
        pve.log_tail()
    );
    assert!(why(source.config(&machine).await).contains("does not exist"));
    eventually(SOON, "the machine is found on its new host", || async {
        match source.guest(&machine).await {
            GuestAnswer::Known(_) => Ok(()),
            GuestAnswer::Unavailable(why) => Err(why.to_string()),
        }
    })
    .await;
}

#[tokio::test]
async fn a_machine_that_was_removed_is_absent_only_when_the_list_says_so_too() {
    let pve = cluster().start().await.unwrap();
    let source = run(&settings(&pve));
    let machine = source.machine(100).await;
    pve.fail(
        Fault::status(
            500,
            "Configuration file 'nodes/pve-1/qemu-server/100.conf' does not exist",
        )
        .vm(100)
        .times(1),
    );
    let text = why(source.config(&machine).await);
    assert!(text.contains("does not exist"), "the list still has it: {text}");
    pve.update(|model| model.region(REGION).remove_vm(100));
    assert_eq!(
        source.config(&machine).await,
        Answer::Absent,
        "{}",
        pve.log_tail()
    );
}
