use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;
use tokio::time::Instant;

use super::*;

fn gateway(address: &str, interface: &str) -> Gateway {
    Gateway {
        address: address.parse().unwrap(),
        interface: interface.to_owned(),
    }
}

#[test]
fn the_first_default_route_of_the_main_table_and_the_name_servers_in_order_are_read() {
    let state = json!({
        "routes": {"running": [
            {"destination": "198.51.100.0/24", "next-hop-interface": "eth0", "next-hop-address": "192.0.2.9"},
            {"destination": "0.0.0.0/0", "next-hop-interface": "eth9", "next-hop-address": "192.0.2.7", "table-id": 100},
            {"destination": "::/0", "next-hop-interface": "eth1", "next-hop-address": "fe80::1", "table-id": 254},
            {"destination": "0.0.0.0/0", "next-hop-interface": "eth0", "next-hop-address": "192.0.2.1", "table-id": 254},
        ]},
        "dns-resolver": {"running": {"server": ["192.0.2.53", "nonsense", 5, "fe80::53%eth1"]}},
    });
    let targets = Targets::read(&state);
    assert_eq!(targets.gateway, Some(gateway("fe80::1", "eth1")));
    let servers: Vec<String> = targets.name_servers.iter().map(ToString::to_string).collect();
    assert_eq!(servers, ["192.0.2.53", "fe80::53%eth1"]);
}

#[test]
fn a_state_without_routes_and_name_servers_has_no_targets() {
    for state in [
        json!(null),
        json!({"routes": {"running": null}}),
        json!({"routes": []}),
    ] {
        assert_eq!(Targets::read(&state), Targets::default(), "{state}");
    }
}

fn passed(passed: Passed) -> Outcome {
    Outcome {
        probe: Probe::Gateway(GatewayMode::Auto { pinged: None }),
        result: Ok(passed),
        took: Duration::from_millis(12),
        attempts: 1,
    }
}

#[test]
fn a_gateway_that_answered_icmp_has_to_again_and_one_that_answered_arp_alone_has_not() {
    let gateway = gateway("192.0.2.1", "eth0");
    let icmp = passed(Passed::Icmp {
        gateway: gateway.clone(),
    });
    let pinged = Some(gateway.address);
    assert_eq!(
        icmp.probe.after(&icmp),
        Probe::Gateway(GatewayMode::Auto { pinged })
    );
    let arp = passed(Passed::Neighbour {
        gateway,
        icmp: Some("no reply within 1 s".to_owned()),
    });
    assert_eq!(arp.probe.after(&arp), arp.probe);
    let dns = Probe::Dns {
        host: "root-servers.net".to_owned(),
    };
    assert_eq!(dns.after(&icmp), dns);
}

#[test]
fn outcomes_are_one_line_that_names_probe_target_and_reason() {
    let arp = passed(Passed::Neighbour {
        gateway: gateway("192.0.2.1", "eth0"),
        icmp: Some("no reply within 1 s".to_owned()),
    });
    assert_eq!(
        arp.to_string(),
        "probe ping passed after 0.0 s: 192.0.2.1 on eth0 answers ARP, but not ICMP: no reply within 1 s"
    );
    let failed = Outcome {
        probe: Probe::Tcp("[2001:db8::1]:22".parse().unwrap()),
        result: Err("connection refused".to_owned()),
        took: Duration::from_secs(60),
        attempts: 60,
    };
    assert_eq!(
        failed.to_string(),
        "probe tcp of [2001:db8::1]:22 failed for 60 s (attempts: 60): connection refused"
    );
}

#[tokio::test(start_paused = true)]
async fn what_cannot_pass_is_tried_each_second_until_the_budget_is_used_up() {
    let (_keep, targets) = watch::channel(Targets::default());
    let probes = [
        Probe::Gateway(GatewayMode::Auto { pinged: None }),
        Probe::ApiServer,
    ];
    let begun = Instant::now();
    let outcomes = run(&probes, &targets, None, Duration::from_secs(5)).await;
    assert_eq!(begun.elapsed(), Duration::from_secs(5));
    let reasons: Vec<_> = outcomes.iter().map(|outcome| outcome.result.clone()).collect();
    assert_eq!(
        reasons,
        [
            Err("there is no default route with a next hop".to_owned()),
            Err("this handler runs without an API server".to_owned()),
        ]
    );
    assert_eq!(outcomes[0].attempts, 5);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_targets_is_tried_at_once_by_the_probes_they_concern() {
    let (change, targets) = watch::channel(Targets::default());
    let probes = [
        Probe::Gateway(GatewayMode::Auto { pinged: None }),
        Probe::ApiServer,
    ];
    let running = run(&probes, &targets, None, Duration::from_secs(3));
    let changing = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        change.send_modify(|targets| targets.name_servers.clear());
    };
    let (outcomes, ()) = tokio::join!(running, changing);
    assert_eq!(outcomes[0].attempts, 4, "at 0, 0.5, 1.5 and 2.5 s");
    assert_eq!(outcomes[1].attempts, 3);
}
