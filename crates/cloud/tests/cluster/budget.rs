//! Requests are counted exactly at 200 Nodes (§17.6).

use futures::stream::{self, StreamExt};
use testkit::proxmox::{Guest, Template, Vm};

use crate::ground::{New, Site};

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
    site
}

/// Requests to Proxmox VE by template, those that come with time left out: the list every 10 s.
fn assert_counts(site: &Site, expected: &[(Template, u64)]) {
    for template in Template::ALL {
        if template == Template::Resources {
            let lists = site.pve.count(template);
            assert!((1..=12).contains(&lists), "{lists} lists");
            continue;
        }
        if template == Template::HaGroups {
            // Whoever asks for groups before the version is known learns from the refusal that they are rules.
            let groups = site.pve.count(template);
            assert!(groups <= 1, "{groups}");
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn initialising_in_default_mode_reads_each_machine_once() {
    let site = site().await;
    let controller = site.start("").await;
    for number in 0..NODES {
        site.initialised(&name(number)).await;
    }
    assert_counts(
        &site,
        &[
            (Template::Version, 1),
            (Template::Permissions, 1),
            (Template::HaRules, 1),
            (Template::Config, u64::from(NODES)),
        ],
    );
    controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn initialising_in_qemu_mode_asks_each_guest_once_more() {
    let site = site().await;
    let controller = site.start("network: {mode: qemu}").await;
    for number in 0..NODES {
        let name = name(number);
        site.has_addresses(&name, &format!("H {name}, I 10.0.0.{}", number + 1))
            .await;
    }
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
    controller.stop().await;
}
