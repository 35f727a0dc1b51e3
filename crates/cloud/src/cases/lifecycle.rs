//! Cases 90 to 106: Nodes that are not ready.

use super::world::{World, u, without_host};
use crate::names;
use crate::plan::facts::{MachineKind, MachineStatus, Permissions, Quorum, Ready, Taint};
use crate::plan::identity::Missing;
use crate::plan::lifecycle::{Glance, Judgement, LifecycleMemory, LifecycleStep, glance};
use crate::plan::notice::Reason;
use jiff::Timestamp;
use runtime::answer::Answer;

const OURS: &str = "proxmox://cluster-1/100";

fn not_ready(provider_id: &str) -> World {
    let mut world = World::initialised("{}", provider_id, "I 10.0.0.5, H n1");
    world.node.ready = Ready::Unknown;
    world.add("cluster-1", 200, "other", 9);
    world
}

fn glanced(world: &World) -> Glance {
    glance(&world.node, &mut LifecycleMemory::default())
}

fn gone() -> World {
    let mut world = not_ready(OURS);
    world.machines.remove(0);
    world
}

fn deletes(judgement: &Judgement) -> bool {
    matches!(judgement.step, LifecycleStep::Delete(_))
}

/// The Node stays, and nothing more is said than that.
fn kept(world: &mut World) {
    assert_eq!(kept_with(world).notices, []);
}

/// The Node stays, and people are told this.
fn kept_telling(world: &mut World, reason: Reason) -> String {
    let [notice] = kept_with(world).notices.try_into().expect("one notice");
    assert_eq!(notice.reason, reason);
    notice.text
}

/// Five minutes of lists every five seconds; the Node stays. Returns the last judgement.
fn kept_with(world: &mut World) -> Judgement {
    let mut last = world.lifecycle();
    for _ in 0..60 {
        assert_eq!(last.step, LifecycleStep::Rest);
        world.now += 5;
        last = world.lifecycle();
    }
    assert_eq!(last.step, LifecycleStep::Rest);
    last
}

/// The Node is deleted by the rules: not before the second list, at least 10 s later.
fn deleted_by_rules(world: &mut World) {
    for _ in 0..2 {
        let early = world.lifecycle();
        assert_eq!((&early.step, early.notices.len()), (&LifecycleStep::Rest, 0));
        world.now += 5;
    }
    let mut judgement = world.lifecycle();
    if let LifecycleStep::Reread(_) = judgement.step {
        judgement = world.lifecycle();
    }
    assert!(deletes(&judgement), "{judgement:?}");
    assert_eq!(judgement.notices[0].reason, Reason::DeletingNode);
}

#[test]
fn case_90() {
    let mut world = not_ready(OURS);
    world.machines[0].status = MachineStatus::Stopped;
    assert_eq!(world.lifecycle().step, LifecycleStep::AddShutdownTaint);
    world.node.taints.push(shutdown());
    assert_eq!(world.lifecycle().step, LifecycleStep::Rest);
}

fn shutdown() -> Taint {
    Taint {
        key: names::TAINT_SHUTDOWN.into(),
        value: "".into(),
        effect: "NoSchedule".into(),
    }
}

#[test]
fn case_91() {
    let mut world = not_ready(OURS);
    world.node.ready = Ready::True;
    assert_eq!(glanced(&world), Glance::Rest);
    world.node.taints.push(shutdown());
    assert_eq!(glanced(&world), Glance::RemoveShutdownTaint);
}

#[test]
fn case_92() {
    let mut world = not_ready(OURS);
    world.remove_all();
    assert!(kept_telling(&mut world, Reason::DeletionHeld).contains("VM.Audit"));
    world.permissions = Answer::Unknown("403".to_owned());
    kept_telling(&mut world, Reason::DeletionHeld);
    world.permissions = Answer::Known(Permissions {
        vm_audit: true,
        ..Permissions::default()
    });
    deleted_by_rules(&mut world);
}

#[test]
fn case_93() {
    deleted_by_rules(&mut gone());
}

#[test]
fn case_94() {
    let mut world = gone();
    world.node.ready = Ready::True;
    assert_eq!(glanced(&world), Glance::Rest);
}

#[test]
fn case_95() {
    let mut world = not_ready(OURS);
    without_host(&mut world.machines[0]);
    kept(&mut world);
}

#[test]
fn case_96() {
    let mut world = gone();
    world
        .silent
        .insert("cluster-1".parse().unwrap(), "401 Authentication failed!");
    kept(&mut world);
}

/// 97 and 98: what cannot be read is no answer; `status/current` is never asked for at all.
fn unreadable() {
    let mut world = not_ready(OURS);
    world.smbios.clear();
    kept(&mut world);
}

#[test]
fn case_97() {
    unreadable();
}

#[test]
fn case_98() {
    unreadable();
}

#[test]
fn case_99() {
    let mut world = not_ready(OURS);
    world.machines[0].kind = MachineKind::Lxc;
    kept_telling(&mut world, Reason::DeletionHeld);
    let mut world = not_ready(OURS);
    world.machines[0].kind = MachineKind::Template;
    deleted_by_rules(&mut world);
}

#[test]
fn case_100() {
    let mut world = not_ready(OURS);
    let id = world.machines[0].id.clone();
    world.smbios.insert(id.clone(), format!("uuid={}", u(2)));
    deleted_by_rules(&mut world);
    // A configuration from the cache is no second finding: it has to be read again.
    let mut world = not_ready(OURS);
    world.smbios.insert(id.clone(), format!("uuid={}", u(2)));
    assert_eq!(world.lifecycle().step, LifecycleStep::Rest);
    world.now += 10;
    assert_eq!(world.lifecycle().step, LifecycleStep::Reread(id.clone()));
    world.smbios.insert(id, format!("uuid={}", u(1)));
    assert_eq!(world.lifecycle().step, LifecycleStep::Rest);
}

#[test]
fn case_101() {
    let mut world = not_ready(OURS);
    world.machines[0].name = Some("other".into());
    kept_telling(&mut world, Reason::VmNameMismatch);
}

#[test]
fn case_102() {
    let mut world = not_ready(&format!("proxmox://{}", u(1)));
    world.machines.remove(0);
    deleted_by_rules(&mut world);
}

/// With several regions every one of them has to answer, and to be trusted.
#[test]
fn case_102_needs_every_region() {
    let mut world = World::with_regions("{}", &["cluster-1", "cluster-2"]);
    world.node.taints.clear();
    world.node.provider_id = format!("proxmox://{}", u(1)).as_str().into();
    world.node.ready = Ready::False;
    world.remove_all();
    world.add("cluster-1", 200, "other", 9);
    assert!(kept_telling(&mut world, Reason::DeletionHeld).contains("cluster-2 lists no virtual machine"));
    world.silent.insert("cluster-2".parse().unwrap(), "596");
    kept(&mut world);
    world.silent.clear();
    world.add("cluster-2", 200, "other", 9);
    deleted_by_rules(&mut world);
}

fn stopped(provider_id: &str) -> World {
    let mut world = not_ready(provider_id);
    world.machines[0].status = MachineStatus::Stopped;
    world
}

#[test]
fn case_103() {
    let mut world = stopped(&format!("proxmox://{}", u(1)));
    assert_eq!(world.lifecycle().step, LifecycleStep::AddShutdownTaint);
}

#[test]
fn case_104() {
    let mut world = stopped(&format!("proxmox://{}", u(1)));
    world.node.instance_id = Some("100".into());
    assert_eq!(world.lifecycle().step, LifecycleStep::AddShutdownTaint);
}

#[test]
fn case_105() {
    let mut world = not_ready("proxmox://cluster-1/999");
    world.node.taints.push(Taint {
        key: names::TAINT_UNINITIALIZED.into(),
        value: "true".into(),
        effect: "NoSchedule".into(),
    });
    assert!(kept_telling(&mut world, Reason::DeletionHeld).contains("999"));
}

#[test]
fn case_106() {
    for provider_id in ["", "k3s://n1", "proxmoxfoo://x/100"] {
        assert_eq!(glanced(&not_ready(provider_id)), Glance::Rest, "{provider_id}");
    }
}

#[test]
fn a_young_node_is_not_deleted() {
    let mut world = gone();
    for created in [
        None,
        Timestamp::from_second(1_699_999_941).ok(),
        Timestamp::from_second(1_700_000_100).ok(),
    ] {
        world.node.created = created;
        kept_telling(&mut world, Reason::DeletionHeld);
    }
    world.node.created = Timestamp::from_second(1_699_999_940).ok();
    deleted_by_rules(&mut world);
}

#[test]
fn a_region_without_quorum_deletes_nothing() {
    let mut world = gone();
    for quorum in [
        Answer::Known(Quorum::Lost),
        Answer::Absent,
        Answer::Unknown("403".to_owned()),
    ] {
        world.quorum = quorum;
        kept_telling(&mut world, Reason::DeletionHeld);
    }
    world.quorum = Answer::Known(Quorum::Quorate);
    deleted_by_rules(&mut world);
}

#[test]
fn a_machine_that_comes_back_starts_the_confirmation_anew() {
    let mut world = gone();
    assert_eq!(world.lifecycle().step, LifecycleStep::Rest);
    world.now += 20;
    world.add("cluster-1", 100, "n1", 1);
    assert_eq!(world.lifecycle().step, LifecycleStep::Rest);
    world.machines.pop();
    world.now += 20;
    deleted_by_rules(&mut world);
}

#[test]
fn a_node_that_was_ready_in_between_starts_the_confirmation_anew() {
    let mut world = gone();
    assert_eq!(world.lifecycle().step, LifecycleStep::Rest);
    world.node.ready = Ready::True;
    assert_eq!(world.lifecycle().step, LifecycleStep::Rest);
    world.node.ready = Ready::Unknown;
    world.now += 60;
    deleted_by_rules(&mut world);
}

#[test]
fn silence_between_two_lists_neither_confirms_nor_contradicts() {
    let mut world = gone();
    assert_eq!(world.lifecycle().step, LifecycleStep::Rest);
    world.now += 60;
    world.silent.insert("cluster-1".parse().unwrap(), "596");
    assert_eq!(world.lifecycle().step, LifecycleStep::Rest);
    world.silent.clear();
    assert!(deletes(&world.lifecycle()));
}

#[test]
fn one_list_looked_at_twice_is_one_list() {
    let mut world = gone();
    assert_eq!(world.lifecycle().step, LifecycleStep::Rest);
    let listed = world.listed;
    for _ in 0..20 {
        world.now += 5;
        world.listed = listed;
        let (resolution, _) = world.resolve();
        assert!(matches!(
            resolution,
            crate::plan::identity::Resolution::NotFound(Missing::NotListed(_))
        ));
        assert!(!deletes(&world.judge(&resolution)));
    }
}

/// Appendix A.5: while HA moves or fences a machine, nothing is said of it.
#[test]
fn a_machine_between_hosts_is_left_alone() {
    for state in ["fence", "recovery", "migrate", "relocate"] {
        let mut world = stopped(OURS);
        world.machines[0].ha_state = Some(state.into());
        assert_eq!(world.lifecycle().step, LifecycleStep::Rest, "{state}");
    }
    let mut world = stopped(OURS);
    world.machines[0].ha_state = Some("stopped".into());
    assert_eq!(world.lifecycle().step, LifecycleStep::AddShutdownTaint);
}

/// The same for what would otherwise be a finding: a template, and another machine's UUID.
#[test]
fn between_hosts_nothing_bad_is_believed() {
    for state in ["fence", "recovery", "migrate", "relocate"] {
        let mut template = not_ready(OURS);
        template.machines[0].kind = MachineKind::Template;
        template.machines[0].ha_state = Some(state.into());
        kept(&mut template);
        let mut other = not_ready(OURS);
        let id = other.machines[0].id.clone();
        other.smbios.insert(id, format!("uuid={}", u(8)));
        other.machines[0].ha_state = Some(state.into());
        kept(&mut other);
    }
}

/// A list in which the machine is there, though its host does not answer, contradicts one in which it was missing.
#[test]
fn a_finding_that_was_contradicted_is_made_anew() {
    let mut world = not_ready(OURS);
    let machine = world.machines.remove(0);
    assert_eq!(world.lifecycle().step, LifecycleStep::Rest);
    world.machines.insert(0, machine);
    without_host(&mut world.machines[0]);
    world.now += 20;
    assert_eq!(world.lifecycle().step, LifecycleStep::Rest);
    world.machines.remove(0);
    world.now += 20;
    deleted_by_rules(&mut world);
}

/// What may be seen is asked for at other times than what is seen: a list that was empty for want of a privilege is not
/// confirmed by the privilege's return.
#[test]
fn a_privilege_that_comes_and_goes_confirms_nothing() {
    let mut world = not_ready(OURS);
    world.remove_all();
    let audit = Answer::Known(Permissions {
        vm_audit: true,
        ..Permissions::default()
    });
    world.permissions = audit.clone();
    assert_eq!(world.lifecycle().step, LifecycleStep::Rest);
    world.permissions = Answer::Known(Permissions::default());
    world.now += 20;
    assert_eq!(world.lifecycle().step, LifecycleStep::Rest);
    world.permissions = audit;
    world.now += 5;
    deleted_by_rules(&mut world);
}

/// While nobody can say what may be seen, a list that is not empty proves no more than an empty one.
#[test]
fn privileges_that_are_not_known_delete_nothing() {
    let mut world = gone();
    world.permissions = Answer::Unknown("403".to_owned());
    let text = kept_telling(&mut world, Reason::DeletionHeld);
    assert!(
        text.contains("privileges in region cluster-1 are not known: 403"),
        "{text}"
    );
    // What confirms a deletion has to be said without a break, as with a privilege that is lost.
    world.permissions = Answer::Known(Permissions::default());
    deleted_by_rules(&mut world);
    // A source that knows no privileges hides nothing by them.
    let mut world = gone();
    world.permissions = Answer::Absent;
    deleted_by_rules(&mut world);
}

/// A privilege that was taken away on purpose does not come back: people read what to do then.
#[test]
fn a_privilege_that_was_lost_holds_deletions_and_says_how_it_ends() {
    let mut world = gone();
    world.permissions = Answer::Known(Permissions {
        vm_audit_lost: true,
        ..Permissions::default()
    });
    let text = kept_telling(&mut world, Reason::DeletionHeld);
    assert!(
        text.contains("grant it again, or restart the controller"),
        "{text}"
    );
}

/// Containers do not show that machines would be seen.
#[test]
fn a_list_of_containers_proves_nothing() {
    let mut world = gone();
    world.machines[0].kind = MachineKind::Lxc;
    kept_telling(&mut world, Reason::DeletionHeld);
}

#[test]
fn the_budget_delays_deletions() {
    let mut world = gone();
    world.own_nodes = 10;
    deleted_by_rules(&mut world);
    // The same Node stands for the next one here: it is confirmed, but the budget is spent.
    let delayed = world.lifecycle();
    assert_eq!(
        (&delayed.step, delayed.notices[0].reason),
        (&LifecycleStep::Rest, Reason::DeletionRateLimited)
    );
    world.now += 599;
    assert!(!deletes(&world.lifecycle()));
    world.now += 1;
    assert!(deletes(&world.lifecycle()));
}

/// D9: the discouraged switch.
#[test]
fn deletion_upstream_deletes_at_first_sight() {
    let upstream = |provider_id: &str| {
        let mut world = World::initialised("{deletion: upstream}", provider_id, "H n1");
        world.node.ready = Ready::Unknown;
        world
    };
    let mut empty = upstream(OURS);
    empty.remove_all();
    assert!(deletes(&empty.lifecycle()));
    let mut renamed = upstream(OURS);
    renamed.machines[0].name = Some("other".into());
    assert!(deletes(&renamed.lifecycle()));
    let mut silent = upstream(OURS);
    silent.silent.insert("cluster-1".parse().unwrap(), "401");
    assert_eq!(silent.lifecycle().step, LifecycleStep::Rest);
}
