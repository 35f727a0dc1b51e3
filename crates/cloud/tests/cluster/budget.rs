//! Requests are counted exactly at 200 Nodes (§17.6).
//!
//! Per Node everything is exact: one configuration when it is new, one guest query per look in the modes that ask, nothing
//! else. Per region there are, besides: one question for the version and one for our privileges at the start, HA groups or
//! rules once a minute, and the list, which comes with time and not with Nodes: one at the start and one every 10 s while
//! somebody looks. So a pass of five minutes over 200 Nodes (or 20, or 5,000) costs 30 lists and 5 questions for HA in mode
//! default: 35 of the 40 that §17.5 allows; asking guests adds one request per Node.

use std::time::{Duration, Instant};

use cloud::controller::Loops;
use cloud::world::Options;
use futures::stream::{self, StreamExt};
use testkit::eventually;
use testkit::proxmox::{Guest, Latency, Template, Vm};

use crate::ground::{Controller, New, PATIENCE, Site};

const NODES: u32 = 200;

fn name(number: u32) -> String {
    format!("w{number:03}")
}

async fn site() -> Site {
    let vm = |number: u32| {
        let guest = Guest::eth0(&[&format!("10.0.0.{}/24", number + 1)]);
        Vm::new(1_000 + number, &name(number))
            .host(&format!("pve-{}", number % 10 + 1))
            .guest(guest)
    };
    let site = Site::open((0..NODES).map(vm)).await;
    let create = |number: u32| {
        let node = New::tainted(&name(number), 1_000 + number);
        let site = &site;
        async move { site.node(node).await }
    };
    stream::iter((0..NODES).map(create))
        .buffer_unordered(16)
        .collect::<Vec<_>>()
        .await;
    // The first list comes after the version: whoever asks for groups before that is known, learns from a refusal that
    // they are rules, which is one request more.
    site.pve.latency(Template::Resources, Latency::millis(1_000));
    site
}

/// Requests to Proxmox VE by template, without the list. All others are none, and every one was answered.
fn assert_counts(site: &Site, expected: &[(Template, u64)]) {
    let counts = site.pve.counts();
    let refused: Vec<_> = counts.keys().filter(|(_, status)| *status != 200).collect();
    assert!(refused.is_empty(), "{refused:?}\n{}", site.pve.log_tail());
    for template in Template::ALL {
        if template == Template::Resources {
            // By time, not by Node: looked at by those who know the time.
            continue;
        }
        let wanted = expected
            .iter()
            .find(|(known, _)| *known == template)
            .map_or(0, |(_, count)| *count);
        assert_eq!(
            site.pve.count(template),
            wanted,
            "{template}\n{}",
            site.pve.log_tail()
        );
    }
}

/// The list came once, and again only if ten seconds have passed: exactly 1 unless this machine is very slow.
fn assert_lists(site: &Site, since: Instant) {
    let (lists, most) = (
        site.pve.count(Template::Resources),
        1 + since.elapsed().as_secs() / 10,
    );
    assert!(
        (1..=most).contains(&lists),
        "{lists} lists instead of {most}\n{}",
        site.pve.log_tail()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn initialising_in_default_mode_reads_each_machine_once() {
    let site = site().await;
    let begun = Instant::now();
    let controller = site.start_with(&site.config(""), unlimited).await;
    for number in 0..NODES {
        site.initialised(&name(number)).await;
    }
    controller.stop().await;
    assert_lists(&site, begun);
    // 203 and the list: 204 in all.
    assert_counts(
        &site,
        &[
            (Template::Version, 1),
            (Template::Permissions, 1),
            (Template::HaRules, 1),
            (Template::Config, u64::from(NODES)),
        ],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn initialising_in_qemu_mode_asks_each_guest_once_more() {
    let site = site().await;
    let begun = Instant::now();
    let controller = site
        .start_with(&site.config("network: {mode: qemu}"), unlimited)
        .await;
    for number in 0..NODES {
        let name = name(number);
        site.has_addresses(&name, &format!("H {name}, I 10.0.0.{}", number + 1))
            .await;
    }
    controller.stop().await;
    assert_lists(&site, begun);
    // 403 and the list: 404 in all.
    assert_counts(
        &site,
        &[
            (Template::Version, 1),
            (Template::Permissions, 1),
            (Template::HaRules, 1),
            (Template::Config, u64::from(NODES)),
            (Template::GuestInterfaces, u64::from(NODES)),
        ],
    );
}

/// Writes are not held back, so that nothing but the looks takes time.
fn unlimited(options: &mut Options, _: &mut Loops) {
    options.writes = (0.0, 0);
}

/// Passes far shorter than the five minutes of everyday life; a minute between questions for HA is longer than the test.
const PASS: Duration = Duration::from_secs(6);

/// Passes in which queries are counted.
const PASSES: usize = 3;

fn short_passes(options: &mut Options, loops: &mut Loops) {
    unlimited(options, loops);
    options.pass_period = PASS;
}

/// Everything is initialised, and the first look of a controller at each Node is over.
async fn settled(features: &str) -> (Site, Controller) {
    let site = site().await;
    let controller = site.start_with(&site.config(features), short_passes).await;
    for number in 0..NODES {
        site.initialised(&name(number)).await;
    }
    site.pve.reset_counts();
    (site, controller)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pass_in_default_mode_asks_for_nothing_but_the_list() {
    let (site, controller) = settled("").await;
    let begun = Instant::now();
    let passes = || controller.metric("ccm_pass_duration_seconds_count");
    let wanted = passes() + 3;
    eventually(PATIENCE, "three passes have ended", || async {
        if passes() >= wanted {
            Ok(())
        } else {
            Err(passes().to_string())
        }
    })
    .await;
    controller.stop().await;
    let lists = site.pve.count(Template::Resources);
    assert!(
        lists <= 1 + begun.elapsed().as_secs() / 10,
        "{lists} lists in {:?}",
        begun.elapsed()
    );
    assert_counts(&site, &[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pass_in_qemu_mode_asks_each_guest_once() {
    let (site, controller) = settled("network: {mode: qemu}").await;
    let asked = |number: u32| site.requests(Template::GuestInterfaces, 1_000 + number);
    eventually(PATIENCE, "every guest was asked in four passes", || async {
        let fewest = (0..NODES).map(|number| asked(number).len()).min();
        if fewest >= Some(PASSES + 1) {
            Ok(())
        } else {
            Err(format!("{fewest:?} times"))
        }
    })
    .await;
    controller.stop().await;
    let all: Vec<Duration> = (0..NODES).flat_map(asked).collect();
    // Three passes from when the last Node was asked for the first time: each Node's moment is in it three times.
    let first = (0..NODES).filter_map(|number| asked(number).first().copied());
    let begin = first.max().expect("there are Nodes");
    let end = begin + PASS * u32::try_from(PASSES).expect("few");
    let within = all.iter().filter(|at| (begin..end).contains(*at)).count();
    let wanted = PASSES * usize::try_from(NODES).expect("few");
    // Whoever is late by some milliseconds at one end of the window may be in it once more, or once less.
    assert!(
        within.abs_diff(wanted) <= wanted / 30,
        "{within} queries instead of {wanted} in three passes"
    );
    for number in 0..NODES {
        let times = asked(number);
        // Never twice in one pass, never left out of one. The first pause is not counted: a Node's moment in a pass is its
        // own, and the look that initialised it had another.
        for pair in times.windows(2).skip(1) {
            let pause = pair[1] - pair[0];
            assert!(
                pause > PASS / 2 && pause < PASS * 3 / 2,
                "{}: {times:?}",
                name(number)
            );
        }
    }
    assert_counts(
        &site,
        // No query but those of these machines.
        &[(
            Template::GuestInterfaces,
            u64::try_from(all.len()).expect("a few"),
        )],
    );
}
