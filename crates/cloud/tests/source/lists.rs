//! The index: how often what is asked (§17.4).

use std::sync::Arc;
use std::time::Duration;

use cloud::plan::facts::SystemUuid;
use cloud::source::{Freshness, Source};
use futures::future::join_all;
use runtime::answer::Answer;
use runtime::clock::BootTime;
use testkit::eventually;
use testkit::proxmox::{Latency, Template, Vm};

use crate::ground::{REGION, SOON, TOKEN, cluster, run, settings};

#[tokio::test]
async fn two_hundred_machines_cost_one_list_and_one_configuration_each() {
    let vms = (1000..1198).map(|id| Vm::new(id, &format!("n{id}")).host("pve-1"));
    let pve = cluster().vms(vms).start().await.unwrap();
    pve.latency_everywhere(Latency::millis(1));
    let source = run(&settings(&pve));
    let list = source.list().await;
    // Several workers ask for the same machines at once, and again later.
    for _ in 0..2 {
        let twice = list.machines.values().chain(list.machines.values());
        for answer in join_all(twice.map(|machine| source.config(machine))).await {
            assert!(matches!(answer, Answer::Known(_)), "{answer:?}");
        }
    }
    assert_eq!(pve.count(Template::Config), 200);
    assert_eq!(
        (pve.count(Template::Resources), pve.count(Template::Version)),
        (1, 1)
    );
    assert_eq!(pve.requests_total(), 202, "{}", pve.log_tail());
    let region = REGION.parse().unwrap();
    assert_eq!(source.metrics.requests(&region, "nodes/qemu/config", "200"), 200);
    assert_eq!(source.metrics.requests(&region, "cluster/resources", "200"), 1);

    let machine = list.get(1000).unwrap();
    assert!(source.known_config(machine).is_some());
}

#[tokio::test]
async fn a_configuration_is_read_again_when_the_list_hints_at_a_change() {
    let pve = cluster().start().await.unwrap();
    let source = run(&settings(&pve));
    let before = source.machine(100).await;
    let first = source.config(&before).await;
    assert!(matches!(first, Answer::Known(_)));
    pve.update(|model| {
        let vm = model.vm(100);
        vm.name = Some("renamed".into());
        *vm = vm.clone().uuid("11833f4c-341f-4bd3-aad7-f7abed0000ff");
    });
    let after = newer(&source).await.get(100).cloned().unwrap();
    assert_eq!(after.name.as_deref(), Some("renamed"));
    assert!(source.known_config(&after).is_none());
    let Answer::Known(second) = source.config(&after).await else {
        panic!("no answer:\n{}", pve.log_tail())
    };
    assert_eq!(
        second.config.uuid,
        SystemUuid::new("11833F4C-341F-4BD3-AAD7-F7ABED0000FF")
    );
    assert_eq!(pve.count(Template::Config), 2);

    source.forget_config(100);
    assert!(matches!(source.config(&after).await, Answer::Known(read) if read.read > second.read));
    assert_eq!(pve.count(Template::Config), 3);
}

#[tokio::test]
async fn a_uuid_that_counts_after_the_next_start_only_is_not_the_machines() {
    let pve = cluster().start().await.unwrap();
    pve.update(|model| {
        let pending = &mut model.vm(100).pending;
        pending.insert(
            "smbios1".into(),
            "uuid=11833f4c-341f-4bd3-aad7-f7abed0000ff".into(),
        );
    });
    let source = run(&settings(&pve));
    let Answer::Known(read) = source.config(&source.machine(100).await).await else {
        panic!("no answer:\n{}", pve.log_tail())
    };
    assert_eq!(read.config.uuid, SystemUuid::new(&Vm::uuid_of(100)));
}

/// A list newer than the one at hand.
pub(crate) async fn newer(source: &crate::ground::Running) -> Arc<cloud::plan::facts::MachineList> {
    let old = source.list().await;
    match source.machines(Freshness::NewerThan(old.taken)).await {
        Answer::Known(list) => list,
        other => panic!("no newer list: {other:?}"),
    }
}

#[tokio::test]
async fn many_misses_share_one_list_and_lists_are_two_seconds_apart() {
    let pve = cluster().start().await.unwrap();
    let source = run(&settings(&pve));
    let old = source.list().await;
    let misses = (0..50).map(|_| source.machines(Freshness::NewerThan(old.taken)));
    for answer in join_all(misses).await {
        assert!(matches!(answer, Answer::Known(list) if list.taken > old.taken));
    }
    newer(&source).await;
    let times: Vec<Duration> = pve
        .log()
        .iter()
        .filter(|entry| entry.template == Template::Resources)
        .map(|entry| entry.at)
        .collect();
    assert_eq!(times.len(), 3, "{}", pve.log_tail());
    for pair in times.windows(2) {
        assert!(
            pair[1] - pair[0] > Duration::from_millis(1900),
            "{}",
            pve.log_tail()
        );
    }
}

#[tokio::test]
async fn a_list_that_is_asked_for_is_renewed_every_ten_seconds() {
    let pve = cluster().start().await.unwrap();
    let source = run(&settings(&pve));
    source.list().await;
    eventually(SOON, "the list is renewed", || async {
        source.list().await;
        if pve.count(Template::Resources) == 2 {
            Ok(())
        } else {
            Err(pve.log_tail())
        }
    })
    .await;
    let times: Vec<Duration> = pve
        .log()
        .iter()
        .filter(|entry| entry.template == Template::Resources)
        .map(|entry| entry.at)
        .collect();
    let pause = times[1] - times[0];
    assert!((9_900..15_000).contains(&pause.as_millis()), "{pause:?}");
}

#[tokio::test]
async fn case_92_a_lost_privilege_is_an_empty_list_and_permissions_tell_why() {
    let pve = cluster().start().await.unwrap();
    let source = run(&settings(&pve));
    assert_eq!(source.list().await.machines.len(), 2);
    assert!(
        matches!(source.permissions(BootTime::ZERO).await, Answer::Known(all) if all.vm_audit && all.sys_audit)
    );
    pve.revoke(REGION, TOKEN.0, "VM.Audit");
    assert!(newer(&source).await.machines.is_empty());
    assert_eq!(source.health().machines, 0);
    // Permissions are remembered for ten seconds; a second source has no memory.
    let other = run(&settings(&pve));
    assert!(
        matches!(other.permissions(BootTime::ZERO).await, Answer::Known(all) if !all.vm_audit && all.sys_audit)
    );
}

#[tokio::test]
async fn a_region_that_fails_for_a_moment_keeps_its_list() {
    let pve = cluster().start().await.unwrap();
    let source = run(&settings(&pve));
    let list = source.list().await;
    pve.region_down(REGION).await;
    assert!(
        source
            .machines(Freshness::NewerThan(list.taken))
            .await
            .is_unknown()
    );
    assert_eq!(
        source.list().await.machines.len(),
        2,
        "young enough for addresses"
    );
    assert_eq!(source.health().up, Some(false));
    assert!(source.health().problem.is_some());
}
