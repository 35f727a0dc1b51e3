//! Cases 41 to 46: guests that are not heard, and what a Node keeps meanwhile.

use std::time::Duration;

use super::world::{World, assert_std, entries, interfaces, reasons, unavailable, without_host};
use crate::plan::facts::{GuestAnswer, GuestReason, MachineStatus};
use crate::plan::node::{Retry, Write};
use crate::plan::notice::{Reason, Severity};
use crate::plan::upstream::Outcome;

/// A new Node whose guest cannot be asked: initialised with what there is, then asked again soon.
fn new_without_guest(annotation: Option<&str>, answer: GuestAnswer, ours: &str) -> World {
    let mut world = World::new("{network: {mode: qemu}}");
    world.node.provided_node_ip = annotation.map(Into::into);
    world.guest = answer;
    let look = world.look();
    assert!(look.asked);
    assert_std(look.initialises(), Some("proxmox://cluster-1/100"));
    assert_eq!(look.addresses(), ours);
    assert_eq!(
        look.comparison.upstream,
        Outcome::Publishes(entries(ours)),
        "theirs"
    );
    world.carry_out(&look.decision.write);
    world
}

#[test]
fn case_41() {
    let answer = unavailable(GuestReason::AgentNotRunning, "QEMU guest agent is not running");
    let mut world = new_without_guest(Some("10.0.0.5"), answer, "I 10.0.0.5, H n1");
    assert_eq!(world.look().decision.retry, Retry::Pass);
}

#[test]
fn case_42() {
    let answer = unavailable(GuestReason::AgentNotRunning, "QEMU guest agent is not running");
    let mut world = new_without_guest(None, answer, "H n1");
    let mut pauses = vec![5];
    for _ in 0..5 {
        let Retry::After(pause) = world.look().decision.retry else {
            panic!("not asked again")
        };
        pauses.push(pause.as_secs());
    }
    assert_eq!(pauses, [5, 10, 20, 40, 60, 60]);
    world.guest = GuestAnswer::Known(interfaces("eth0 10.0.0.5"));
    let look = world.look();
    assert_eq!(
        (look.addresses().as_str(), look.decision.retry),
        ("H n1, I 10.0.0.5", Retry::Pass)
    );
}

#[test]
fn case_42_asks_again_after_five_seconds() {
    let mut world = World::new("{network: {mode: qemu}}");
    world.guest = unavailable(GuestReason::AgentNotRunning, "QEMU guest agent is not running");
    assert_eq!(world.look().decision.retry, Retry::After(Duration::from_secs(5)));
}

/// A list lags behind: it may say `stopped` of a machine whose kubelet has just registered.
#[test]
fn case_42_while_the_list_is_behind() {
    let mut world = World::new("{network: {mode: qemu}}");
    world.machines[0].status = MachineStatus::Stopped;
    let look = world.look();
    assert_eq!(look.addresses(), "H n1");
    assert_eq!(look.decision.retry, Retry::After(Duration::from_secs(5)));
}

/// An initialised Node with an address whose guest falls silent.
fn silent(answer: GuestAnswer) -> World {
    let mut world = World::initialised(
        "{network: {mode: qemu}}",
        "proxmox://cluster-1/100",
        "H n1, I 10.0.0.5",
    );
    world.guest = answer;
    world
}

#[test]
fn case_43() {
    let mut world = silent(unavailable(GuestReason::HostUnreachable, "596"));
    let look = world.look();
    assert_eq!(look.decision.write, Write::Nothing);
    assert_eq!(look.comparison.upstream, Outcome::Publishes(entries("H n1")));
    assert_eq!(look.comparison.causes[0].id, "D5");
    assert_eq!(
        reasons(&look.decision.notices),
        [Reason::GuestAddressesUnavailable]
    );
    assert_eq!(look.decision.notices[0].severity, Severity::Normal);
    world.now += 3599;
    assert_eq!(world.look().decision.notices, [], "at most once per hour");
    world.now += 1;
    assert_eq!(world.look().decision.notices.len(), 1);
}

#[test]
fn case_43a() {
    let mut world = silent(unavailable(GuestReason::VmNotRunning, "VM 100 is not running"));
    world.machines[0].status = MachineStatus::Stopped;
    let look = world.look();
    assert!(!look.asked, "no guest query");
    assert_eq!(look.decision.write, Write::Nothing);
    assert_eq!(look.comparison.upstream, Outcome::Publishes(entries("H n1")));
    assert_eq!(look.decision.notices, []);
}

#[test]
fn case_43b() {
    let mut world = silent(GuestAnswer::Known(Vec::new()));
    without_host(&mut world.machines[0]);
    let look = world.look();
    assert!(!look.asked);
    assert_eq!(look.decision.write, Write::Nothing);
    assert_eq!(look.comparison.upstream, Outcome::Untouched);
}

#[test]
fn case_44() {
    new_without_guest(
        None,
        unavailable(GuestReason::Malformed, "result is null"),
        "H n1",
    );
}

#[test]
fn case_45() {
    let answer = unavailable(
        GuestReason::CommandDisabled,
        "Command guest-network-get-interfaces has been disabled",
    );
    let mut world = World::new("{network: {mode: qemu}}");
    world.guest = answer;
    let look = world.look();
    assert_eq!(look.addresses(), "H n1");
    assert!(
        look.decision.notices[0].text.contains("CommandDisabled"),
        "{:?}",
        look.decision.notices
    );
}

#[test]
fn case_46() {
    let refusal = "Permission check failed (/vms/100, VM.GuestAgent.Audit|VM.GuestAgent.Unrestricted)";
    let mut world = World::new("{network: {mode: qemu}}");
    world.guest = unavailable(GuestReason::Forbidden, refusal);
    let look = world.look();
    assert_eq!(look.addresses(), "H n1");
    let notice = &look.decision.notices[0];
    assert_eq!(
        (notice.severity, notice.reason),
        (Severity::Warning, Reason::GuestAddressesUnavailable)
    );
    assert!(
        notice.text.contains("VM.GuestAgent.Audit") && notice.text.contains("VM.Monitor"),
        "{}",
        notice.text
    );
    assert_eq!(look.decision.retry, Retry::After(Duration::from_secs(600)));
    world.carry_out(&look.decision.write);
    world.now += 599;
    assert!(!world.look().asked, "at most every ten minutes");
    world.now += 1;
    assert!(world.look().asked);
}

/// What a person has to mend is told although something that passes by itself was told within the hour.
#[test]
fn case_46_after_a_booting_guest() {
    let mut world = World::new("{network: {mode: qemu}}");
    world.guest = unavailable(GuestReason::AgentNotRunning, "QEMU guest agent is not running");
    let look = world.look();
    let [notice] = &look.decision.notices[..] else {
        panic!("{:?}", look.decision.notices)
    };
    assert!(notice.text.contains("it is asked again"), "{}", notice.text);
    world.carry_out(&look.decision.write);
    world.now += 5;
    world.guest = unavailable(GuestReason::Forbidden, "Permission check failed");
    let severities: Vec<Severity> = world
        .look()
        .decision
        .notices
        .iter()
        .map(|one| one.severity)
        .collect();
    assert_eq!(severities, [Severity::Warning]);
}

/// §5.8: nothing at all has to be said twice before a running machine's Node loses its last address.
#[test]
fn an_empty_answer_is_confirmed_before_it_takes_the_last_address() {
    let mut world = silent(GuestAnswer::Known(interfaces("lo 127.0.0.1")));
    let look = world.look();
    assert_eq!(
        (look.decision.write, look.decision.retry),
        (Write::Nothing, Retry::After(Duration::from_secs(30)))
    );
    world.now += 29;
    assert_eq!(world.look().decision.write, Write::Nothing);
    world.now += 1;
    let look = world.look();
    assert_eq!(look.addresses(), "H n1");
    assert!(matches!(look.decision.write, Write::Update(_)));
}

#[test]
fn an_answer_in_between_starts_the_confirmation_anew() {
    let mut world = silent(GuestAnswer::Known(Vec::new()));
    assert_eq!(world.look().decision.write, Write::Nothing);
    world.guest = GuestAnswer::Known(interfaces("eth0 10.0.0.5"));
    world.now += 20;
    assert_eq!(world.look().decision.write, Write::Nothing);
    world.guest = GuestAnswer::Known(Vec::new());
    world.now += 20;
    assert_eq!(world.look().decision.write, Write::Nothing);
}

/// §5.8: the memory belongs to a machine and its UUID.
#[test]
fn a_silent_guest_keeps_what_it_last_said() {
    let mut world = World::new("{network: {mode: qemu, external_ip_cidrs: 203.0.113.0/24}}");
    world.guest = GuestAnswer::Known(interfaces("eth0 10.0.0.5 203.0.113.7"));
    let look = world.look();
    world.carry_out(&look.decision.write);
    // Somebody empties the list meanwhile; what the guest said is still known.
    world.node.addresses = entries("H n1");
    world.guest = unavailable(GuestReason::Timeout, "");
    assert_eq!(world.look().addresses(), "H n1, I 10.0.0.5, E 203.0.113.7");
}
