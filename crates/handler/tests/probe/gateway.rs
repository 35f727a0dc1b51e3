//! The default gateway: answering, silent, absent.

use std::time::{Duration, Instant};

use handler::probe::{GatewayMode, Outcome, Passed, Probe, Targets};
use nodenet::plan::probe::{InternalMode, Settings, choose};
use serde_json::json;
use testkit::cable::{Manner, NameServer};
use tokio::sync::watch;

use crate::ground::{AUTO, Ground, PREFLIGHT, over};

/// All addresses of the router.
const NEXT_HOPS: [&str; 3] = ["192.0.2.1", "2001:db8::1", "fe80::1"];

#[test]
fn a_gateway_that_answers_passes_at_once_in_both_families() {
    let ground = Ground::with_router();
    for next_hop in NEXT_HOPS {
        for probe in [AUTO, Probe::Gateway(GatewayMode::Icmp)] {
            let begun = Instant::now();
            let [outcome] = &ground.run(&[probe], over(next_hop), PREFLIGHT)[..] else {
                panic!("one probe, one outcome");
            };
            assert!(
                matches!(&outcome.result, Ok(Passed::Icmp { gateway }) if gateway.address.to_string() == next_hop),
                "{outcome}"
            );
            assert!(begun.elapsed() < Duration::from_secs(4), "{outcome}");
        }
    }
}

#[test]
fn case_73_a_gateway_that_ignores_icmp_is_found_by_arp_and_neighbour_discovery_within_preflight() {
    let ground = Ground::with_router();
    ground.router.answer_pings(false).expect("a switch of the kernel");
    for next_hop in NEXT_HOPS {
        let begun = Instant::now();
        let outcomes = ground.run(
            &[AUTO, Probe::Gateway(GatewayMode::Neighbour)],
            over(next_hop),
            PREFLIGHT,
        );
        assert!(begun.elapsed() < PREFLIGHT, "{next_hop}: {:?}", begun.elapsed());
        let Ok(Passed::Neighbour { icmp: Some(why), .. }) = &outcomes[0].result else {
            panic!("{next_hop}: {}", outcomes[0]);
        };
        assert!(why.contains("does not answer ICMP: no reply within 1 s"), "{why}");
        assert!(
            matches!(outcomes[1].result, Ok(Passed::Neighbour { icmp: None, .. })),
            "{}",
            outcomes[1]
        );
    }
    let icmp = Probe::Gateway(GatewayMode::Icmp);
    let outcomes = ground.run(&[icmp], over("192.0.2.1"), Duration::from_secs(2));
    assert!(
        !outcomes[0].passed(),
        "who asks for ICMP gets no ARP: {}",
        outcomes[0]
    );
}

#[test]
fn case_73_an_absent_gateway_costs_the_preflight_and_no_more() {
    let ground = Ground::new();
    for (next_hop, protocol) in [("192.0.2.1", "ARP"), ("2001:db8::1", "neighbour discovery")] {
        let begun = Instant::now();
        let outcomes = ground.run(&[AUTO], over(next_hop), PREFLIGHT);
        let took = begun.elapsed();
        assert!(
            took >= PREFLIGHT && took < PREFLIGHT + Duration::from_secs(1),
            "{took:?}"
        );
        let why = outcomes[0].to_string();
        assert!(
            why.starts_with("probe ping of the default gateway failed for 5 s"),
            "{why}"
        );
        let both = why.contains("does not answer ICMP") && why.contains(&format!("nor {protocol}"));
        assert!(both && !why.contains('\n'), "{why}");
    }
}

/// The probe's half: what answered before the apply does not answer after it, and the reason names ping. That the
/// router's machine still answers ARP does not count.
#[test]
fn case_74_a_static_address_that_cuts_the_gateway_fails_the_probe() {
    let ground = Ground::with_router();
    let before = ground.run(&[AUTO], over("192.0.2.1"), PREFLIGHT);
    assert!(before[0].passed(), "{}", before[0]);
    let after = AUTO.after(&before[0]);

    for change in [
        ["address", "del", "192.0.2.7/24", "dev", "eth0"],
        ["address", "add", "198.51.100.7/24", "dev", "eth0"],
    ] {
        ground.node.ip(&change).expect("the address changes");
    }
    ground
        .node
        .ip(&["route", "add", "192.0.2.1", "dev", "eth0"])
        .expect("a route");
    let outcomes = ground.run(&[after], over("192.0.2.1"), Duration::from_secs(3));
    let why = outcomes[0].to_string();
    assert!(!outcomes[0].passed() && why.contains("probe ping"), "{why}");
    assert!(
        why.contains("192.0.2.1 on eth0") && why.contains("it answered before"),
        "{why}"
    );

    // Rolled back, the same probe passes again.
    for change in [
        ["address", "del", "198.51.100.7/24", "dev", "eth0"],
        ["address", "add", "192.0.2.7/24", "dev", "eth0"],
    ] {
        ground.node.ip(&change).expect("the address changes back");
    }
    let outcomes = ground.run(&[after_of(&before[0])], over("192.0.2.1"), PREFLIGHT);
    assert!(outcomes[0].passed(), "{}", outcomes[0]);
}

fn after_of(before: &Outcome) -> Probe {
    before.probe.after(before)
}

#[test]
fn a_new_gateway_may_be_one_that_ignores_icmp() {
    let ground = Ground::with_router();
    let before = ground.run(&[AUTO], over("192.0.2.1"), PREFLIGHT);
    ground.router.answer_pings(false).expect("a switch of the kernel");
    ground.router.address("192.0.2.2/24").expect("an address");
    let outcomes = ground.run(&[after_of(&before[0])], over("192.0.2.2"), PREFLIGHT);
    assert!(
        matches!(outcomes[0].result, Ok(Passed::Neighbour { .. })),
        "{}",
        outcomes[0]
    );
}

/// With the rules: the gateway of a route that goes on purpose is not asked, and not missed after the apply.
#[test]
fn case_80_a_default_route_removed_on_purpose_does_not_fail_the_probes() {
    let ground = Ground::with_router();
    let server = "192.0.2.1".parse().expect("an address");
    let _server =
        NameServer::start(ground.router.namespace(), server, Manner::Knowing).expect("a name server");
    let route = json!({"destination": "0.0.0.0/0", "next-hop-interface": "eth0", "next-hop-address": "192.0.2.1",
        "table-id": 254});
    let dns = json!({"running": {"server": ["192.0.2.1"]}});
    let current = json!({"routes": {"running": [route]}, "dns-resolver": dns});
    let without = json!({"routes": {"running": []}, "dns-resolver": dns});
    let removes = json!({"routes": {"config":
        [{"destination": "0.0.0.0/0", "next-hop-interface": "eth0", "state": "absent"}]}});
    let settings = Settings {
        api_server: InternalMode::Disabled,
        node_ready: InternalMode::Disabled,
        ..Settings::default()
    };

    let choice = choose(&settings, &removes, &current);
    assert!(
        choice.notes[0].contains("removes the default route"),
        "{choice:?}"
    );
    let after = ground
        .preflight(&choice, &settings, &current)
        .after
        .expect("nothing is required");
    let names: Vec<&str> = after.iter().map(Probe::name).collect();
    assert_eq!(names, ["dns"]);
    let outcomes = ground.run(&after, Targets::read(&without), PREFLIGHT);
    assert!(outcomes.iter().all(Outcome::passed), "{outcomes:?}");

    // The same state after a policy that did not say so.
    let choice = choose(&settings, &json!({}), &current);
    let after = ground
        .preflight(&choice, &settings, &current)
        .after
        .expect("nothing is required");
    let outcomes = ground.run(&after, Targets::read(&without), Duration::from_secs(1));
    assert_eq!(
        outcomes[0].result,
        Err("there is no default route with a next hop".to_owned())
    );
}

#[test]
fn a_probe_that_does_not_pass_before_is_not_needed_after_unless_it_is_required() {
    let ground = Ground::with_router();
    ground.router.answer_pings(false).expect("a switch of the kernel");
    let current = json!({"routes": {"running": [{"destination": "0.0.0.0/0", "next-hop-interface": "eth0",
        "next-hop-address": "192.0.2.1", "table-id": 254}]}});
    let mut settings = Settings {
        preflight_seconds: 1,
        tcp: vec![("192.0.2.1".parse().expect("an address"), 9)],
        ..Settings::default()
    };
    let choice = choose(&settings, &json!({}), &current);
    let preflight = ground.preflight(&choice, &settings, &current);
    assert_eq!(preflight.after, Err(vec!["tcp"]), "{preflight:?}");

    settings.tcp.clear();
    let choice = choose(&settings, &json!({}), &current);
    let preflight = ground.preflight(&choice, &settings, &current);
    let after = preflight.after.expect("nothing is required");
    let names: Vec<&str> = after.iter().map(Probe::name).collect();
    assert_eq!(
        names,
        ["api-server", "node-readiness"],
        "a second is too short for ARP after ICMP, and DNS has no server"
    );
}

#[test]
fn a_gateway_that_comes_while_the_probe_runs_is_found_without_a_new_run() {
    let ground = Ground::new();
    let outcomes = ground.inside(async || {
        let (change, targets) = watch::channel(Targets::default());
        let probes = [AUTO];
        let running = handler::probe::run(&probes, &targets, None, Duration::from_secs(60));
        let changing = async {
            ground.router.address("192.0.2.1/24").expect("an address");
            change.send_replace(over("192.0.2.1"));
        };
        tokio::join!(running, changing).0
    });
    assert!(outcomes[0].passed(), "{}", outcomes[0]);
    assert!(outcomes[0].took < Duration::from_secs(10), "{}", outcomes[0]);
}

#[test]
fn an_interface_that_is_not_there_is_named() {
    let ground = Ground::new();
    let mut targets = over("192.0.2.1");
    targets.gateway.as_mut().expect("a gateway").interface = "bond7".to_owned();
    let outcomes = ground.run(&[AUTO], targets, Duration::from_millis(500));
    let why = outcomes[0].to_string();
    assert!(why.contains("interface bond7 does not exist"), "{why}");
}
