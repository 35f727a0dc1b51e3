//! Limits per host and region, hosts that hang or are dead (§17.4).

use std::time::{Duration, Instant};

use cloud::plan::facts::{GuestReason, MachineStatus};
use cloud::source::Source;
use futures::future::join_all;
use runtime::answer::Answer;
use runtime::clock::BootTime;
use testkit::proxmox::{Fault, Guest, HostState, Latency, Template, Vm};

use crate::ground::{LIMIT, REGION, cluster, reason, run, settings, why};

/// So many VMs on each of so many hosts, numbered from 1000 on.
fn crowd(hosts: u32, each: u32) -> impl Iterator<Item = Vm> {
    (0..hosts * each).map(move |n| {
        let guest = Guest::eth0(&["10.0.0.9/24"]);
        Vm::new(1000 + n, &format!("n{n}"))
            .host(&format!("host-{}", n % hosts))
            .guest(guest)
    })
}

#[tokio::test]
async fn not_more_requests_are_under_way_than_allowed() {
    let pve = cluster().vms(crowd(8, 10)).start().await.unwrap();
    pve.latency_everywhere(Latency::millis(20));
    let source = run(&settings(&pve));
    let list = source.list().await;
    let machines: Vec<_> = list
        .machines
        .values()
        .filter(|machine| machine.id.vmid >= 1000)
        .collect();
    join_all(machines.iter().map(|machine| source.guest(machine))).await;
    join_all(machines.iter().map(|machine| source.config(machine))).await;
    let peak = |host: Option<&str>, template| pve.peak(REGION, host, template);
    assert_eq!(peak(None, Template::GuestInterfaces), 16);
    assert_eq!(peak(None, Template::Config), 8);
    for host in 0..8 {
        let host = format!("host-{host}");
        assert!(peak(Some(&host), Template::GuestInterfaces) <= 4, "{host}");
        assert!(peak(Some(&host), Template::Config) <= 4, "{host}");
    }
}

#[tokio::test]
async fn a_host_that_hangs_does_not_delay_the_others_and_is_left_alone() {
    let pve = cluster().vms(crowd(2, 20)).start().await.unwrap();
    pve.fail(Fault::hang().host("host-1"));
    let source = run(&settings(&pve));
    let list = source.list().await;
    let on = |host| {
        list.machines
            .values()
            .filter(move |machine| &*machine.host == host)
    };
    let start = Instant::now();
    let dead = join_all(on("host-1").map(|machine| source.guest(machine)));
    let alive = async {
        let answers = join_all(on("host-0").map(|machine| source.guest(machine))).await;
        (answers, start.elapsed())
    };
    let (dead, (alive, took)) = tokio::join!(dead, alive);
    assert!(
        alive
            .iter()
            .all(|answer| matches!(answer, cloud::plan::facts::GuestAnswer::Known(_)))
    );
    assert!(took < LIMIT, "{took:?}");
    assert!(
        start.elapsed() < LIMIT * 3,
        "after the first few nobody waits: {:?}",
        start.elapsed()
    );
    let of = |reason_wanted| {
        dead.iter()
            .filter(|answer| reason(answer) == reason_wanted)
            .count()
    };
    // Four at once; when the first of them ends a little earlier, up to two more begin before the third is counted.
    let late = of(GuestReason::Timeout);
    assert!((4..=6).contains(&late), "{late}");
    assert_eq!(of(GuestReason::BreakerOpen), 20 - late);

    // Configurations of the same host are not asked for either.
    pve.reset_counts();
    let text = why(source.config(on("host-1").next().unwrap()).await);
    assert!(text.contains("host host-1 did not answer"), "{text}");
    assert_eq!(pve.requests_total(), 0);
}

#[tokio::test]
async fn case_97_a_dead_host_is_unreachable_and_not_empty() {
    let pve = cluster().start().await.unwrap();
    let source = run(&settings(&pve));
    let machine = source.machine(200).await;
    pve.update(|model| model.region(REGION).host("pve-2").state = HostState::Dead);
    let text = why(source.config(&machine).await);
    assert!(text.contains("595"), "{text}");
    assert_eq!(
        reason(&source.guest(&machine).await),
        GuestReason::HostUnreachable
    );
    assert_eq!(source.addresses(100).await, ["10.0.0.5"]);
}

#[tokio::test]
async fn case_43_and_95_a_host_that_hangs_behind_the_proxy_is_unreachable() {
    let pve = cluster().start().await.unwrap();
    let source = run(&settings(&pve));
    let machine = source.machine(200).await;
    pve.fail(Fault::status(596, "Connection timed out").host("pve-2").times(1));
    assert_eq!(
        reason(&source.guest(&machine).await),
        GuestReason::HostUnreachable
    );
    pve.update(|model| model.region(REGION).host("pve-2").state = HostState::Hung);
    let answer = source.guest(&machine).await;
    assert!(
        matches!(
            reason(&answer),
            GuestReason::HostUnreachable | GuestReason::Timeout
        ),
        "{answer:?}"
    );
}

#[tokio::test]
async fn case_43b_a_machine_of_unknown_status_is_not_asked() {
    let pve = cluster()
        .vm(Vm::new(300, "lost").host("pve-2").unknown())
        .start()
        .await
        .unwrap();
    let source = run(&settings(&pve));
    let machine = source.machine(300).await;
    assert_eq!(
        (machine.status, machine.name.as_deref()),
        (MachineStatus::Unknown, None)
    );
    assert_eq!(reason(&source.guest(&machine).await), GuestReason::HostUnknown);
    assert!(why(source.config(&machine).await).contains("pve-2"));
    assert_eq!(
        pve.count(Template::GuestInterfaces) + pve.count(Template::Config),
        0
    );
}

#[tokio::test]
async fn a_host_that_answers_again_is_asked_again() {
    let pve = cluster().start().await.unwrap();
    let hang = pve.fail(Fault::hang().host("pve-2").on(Template::GuestInterfaces));
    let source = run(&settings(&pve));
    let machine = source.machine(200).await;
    for _ in 0..2 {
        assert_eq!(reason(&source.guest(&machine).await), GuestReason::Timeout);
    }
    hang.heal();
    // Two are not three: the host is asked, and its answer ends the count.
    assert_eq!(source.addresses(200).await, ["10.0.0.6"]);
    pve.fail(Fault::hang().host("pve-2").times(2));
    for _ in 0..2 {
        assert_eq!(reason(&source.guest(&machine).await), GuestReason::Timeout);
    }
    assert_eq!(source.addresses(200).await, ["10.0.0.6"]);
}

#[tokio::test]
async fn a_list_that_takes_too_long_is_no_list() {
    let pve = cluster().start().await.unwrap();
    pve.fail(Fault::delay(Duration::from_secs(5)).on(Template::Resources));
    let source = run(&settings(&pve));
    let text = why(source.machines(cloud::source::Freshness::Current).await);
    assert!(text.contains(&format!("{LIMIT:?}")), "{text}");
    assert!(
        matches!(source.quorum(BootTime::ZERO).await, Answer::Known(_)),
        "other questions are answered"
    );
}
