use api::nmstate::Probes;
use serde_json::{Value, json};

use super::*;

fn written(value: &Value) -> Probes {
    serde_json::from_value(value.clone()).unwrap()
}

fn current() -> Value {
    json!({
        "routes": {"running": [
            {"destination": "192.0.2.0/24", "next-hop-interface": "eth0"},
            {"destination": "0.0.0.0/0", "next-hop-interface": "eth9", "next-hop-address": "192.0.2.9", "table-id": 7},
            {"destination": "0.0.0.0/0", "next-hop-interface": "eth0", "next-hop-address": "192.0.2.1", "table-id": 254},
        ]},
        "dns-resolver": {"running": {"server": ["192.0.2.53"]}},
    })
}

fn chosen(settings: &Settings, desired: &Value) -> Choice {
    choose(settings, desired, &current())
}

#[test]
fn the_policy_counts_then_the_installation_then_the_default() {
    let policy = written(&json!({"timeoutSeconds": 30, "dns": {"mode": "Required"}}));
    let global = written(&json!({
        "timeoutSeconds": 90, "preflightSeconds": 10, "gateway": {"mode": "Arp"}, "dns": {"host": "example.org"},
        "tcp": [{"host": "192.0.2.1", "port": 22}], "apiServer": {"mode": "Disabled"}, "allowUnsafe": true,
    }));
    let merged = Settings::merge(&policy, &global, Some("ignored.example"));
    assert_eq!(
        merged,
        Settings {
            timeout_seconds: 30,
            preflight_seconds: 10,
            gateway: GatewayMode::Arp,
            dns: DnsMode::Required,
            dns_host: "example.org".to_owned(),
            api_server: InternalMode::Disabled,
            tcp: vec![("192.0.2.1".parse().unwrap(), 22)],
            ..Settings::default()
        }
    );
    assert_eq!(
        Settings::merge(&Probes::default(), &Probes::default(), None),
        Settings::default()
    );
}

#[test]
fn case_81_another_host_is_looked_up_where_configured() {
    let merged = |dns_host| Settings::merge(&Probes::default(), &Probes::default(), dns_host).dns_host;
    assert_eq!(
        (merged(None).as_str(), merged(Some("example.org")).as_str()),
        (DEFAULT_DNS_HOST, "example.org")
    );
}

#[test]
fn the_checkpoint_outlives_the_probes_twice() {
    assert_eq!(Settings::default().checkpoint_seconds(), 240);
    let long = Settings {
        timeout_seconds: 600,
        ..Settings::default()
    };
    assert_eq!(long.checkpoint_seconds(), 2400);
    let short = Settings {
        timeout_seconds: 5,
        ..Settings::default()
    };
    assert_eq!(short.checkpoint_seconds(), 60);
}

#[test]
fn settings_out_of_range_are_named() {
    let probes = written(&json!({
        "timeoutSeconds": 4, "preflightSeconds": 121, "apiServer": {"mode": "Disabled"}, "dns": {"host": "a b"},
        "tcp": [{"host": "name.example", "port": 0}],
    }));
    let found: Vec<String> = check(&probes, "spec.probes")
        .into_iter()
        .map(|problem| problem.path)
        .collect();
    let keys = [
        "timeoutSeconds",
        "preflightSeconds",
        "apiServer.mode",
        "dns.host",
        "tcp[0].host",
        "tcp[0].port",
    ];
    assert_eq!(found, keys.map(|key| format!("spec.probes.{key}")));
    let merged = Settings::merge(&probes, &Probes::default(), None);
    assert_eq!(
        (merged.timeout_seconds, merged.preflight_seconds, merged.tcp.len()),
        (5, 120, 0)
    );
    assert_eq!(check(&Probes::default(), "spec.probes"), []);
}

#[test]
fn the_gateway_is_the_next_hop_of_the_main_tables_default_route() {
    assert_eq!(default_route(&current()), Some(("eth0", "192.0.2.1")));
    assert_eq!(default_route(&json!({})), None);
}

#[test]
fn case_80_a_default_route_taken_on_purpose_is_not_missed() {
    for desired in [
        json!({"routes": {"config": [{"state": "absent", "destination": "0.0.0.0/0"}]}}),
        json!({"routes": {"config": [{"state": "absent", "next-hop-interface": "eth0"}]}}),
        json!({"interfaces": [{"name": "eth0", "state": "down"}]}),
        json!({"interfaces": [{"name": "eth0", "ipv4": {"enabled": false}}]}),
    ] {
        let choice = chosen(&Settings::default(), &desired);
        assert!(
            choice.probes.iter().all(|(probe, _)| *probe != Probe::Gateway),
            "{desired}"
        );
        assert_eq!(
            choice.notes,
            ["gateway probe skipped: the desired state removes the default route"]
        );
    }
    for desired in [
        json!({}),
        json!({"routes": {"config": [{"state": "absent", "destination": "198.51.100.0/24"}]}}),
        // One goes, another comes.
        json!({"routes": {"config": [
            {"state": "absent", "destination": "0.0.0.0/0"},
            {"destination": "0.0.0.0/0", "next-hop-interface": "eth1", "next-hop-address": "192.0.2.2"},
        ]}}),
    ] {
        let choice = chosen(&Settings::default(), &desired);
        assert_eq!(choice.probes[0], (Probe::Gateway, Need::IfItPassed), "{desired}");
    }
    // Asked for by name, it counts all the same.
    let icmp = Settings {
        gateway: GatewayMode::Icmp,
        ..Settings::default()
    };
    let choice = chosen(
        &icmp,
        &json!({"routes": {"config": [{"state": "absent", "destination": "0.0.0.0/0"}]}}),
    );
    assert_eq!(choice.probes[0], (Probe::Gateway, Need::Required));
}

#[test]
fn dns_servers_taken_on_purpose_are_not_missed() {
    for desired in [
        json!({"dns-resolver": {"config": {}}}),
        json!({"dns-resolver": {"config": {"server": []}}}),
    ] {
        let choice = chosen(&Settings::default(), &desired);
        assert_eq!(
            choice.notes,
            ["dns probe skipped: the desired state removes all DNS servers"]
        );
    }
    let choice = chosen(
        &Settings::default(),
        &json!({"dns-resolver": {"config": {"server": ["192.0.2.54"]}}}),
    );
    assert_eq!(choice.notes, Vec::<String>::new());
}

#[test]
fn what_did_not_pass_before_is_not_asked_for_after_unless_required() {
    let settings = Settings {
        tcp: vec![("192.0.2.1".parse().unwrap(), 22)],
        ..Settings::default()
    };
    let choice = chosen(&settings, &json!({}));
    let tcp = Probe::Tcp("192.0.2.1".parse().unwrap(), 22);
    assert_eq!(
        choice.before().collect::<Vec<_>>(),
        [&Probe::Gateway, &Probe::Dns, &tcp]
    );
    assert_eq!(choice.after(&[Probe::Gateway]), Err(vec![tcp.clone()]));
    assert_eq!(
        choice.after(&[Probe::Dns, tcp.clone()]),
        Ok(vec![Probe::Dns, Probe::ApiServer, Probe::NodeReady, tcp.clone()])
    );
    assert_eq!(tcp.to_string(), "tcp 192.0.2.1:22");
}
