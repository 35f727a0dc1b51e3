//! What this back end will not do is said before anything is changed, by name.

use handler::backend::kernel::Allowance;
use handler::backend::{BackendError, NetBackend as _, Retry};
use serde_json::json;

use super::ground::{LONG, Node, begin, change};

#[test]
fn fields_it_does_not_do_are_all_named() {
    let node = Node::new("named");
    node.run(async || {
        let before = node.state();
        let desired = json!({
            "interfaces": [{
                "name": "e1", "type": "ethernet", "state": "up",
                "ipv4": {"enabled": true, "dhcp": true},
                "802.1x": {"identity": "node", "eap-methods": ["peap"], "password": "opensesame"},
            }],
            "hostname": {"config": "other"},
        });
        let error = begin(&node.backend(), desired).await.unwrap_err();
        let words = error.to_string();
        assert!(matches!(error, BackendError::NotSupported { .. }), "{error:?}");
        assert_eq!(error.retry(), Retry::Never);
        for path in ["interfaces.e1.ipv4.dhcp", "interfaces.e1.802.1x", "hostname"] {
            assert!(words.contains(path), "{path} is not named: {words}");
        }
        assert!(!words.contains("opensesame"));
        assert_eq!(node.state(), before);
    });
}

#[test]
fn links_of_networkd_are_left_to_it_unless_taken_over() {
    let node = Node::new("networkd");
    node.run(async || {
        let index = node.link("e1").unwrap()["ifindex"].to_string();
        std::fs::create_dir_all(node.path("netif")).unwrap();
        std::fs::write(node.path("netif").join(index), "ADMIN_STATE=configured\n").unwrap();
        let desired = json!({"interfaces": [{"name": "e1", "type": "ethernet", "state": "up", "mtu": 1400}]});
        let error = node.backend().plan(&desired).await.unwrap_err();
        assert!(matches!(error, BackendError::NotSupported { .. }), "{error:?}");
        assert!(
            error.to_string().contains("interfaces.e1") && error.to_string().contains("takeover"),
            "{error}"
        );
        let other = json!({"interfaces": [{"name": "v0", "type": "veth", "state": "up", "mtu": 1400}]});
        assert!(!node.backend().plan(&other).await.unwrap().is_no_op());
        let taken = node.backend().allowing(Allowance {
            takeover: true,
            ..Allowance::default()
        });
        let open = taken.begin(&change(desired, LONG)).await.unwrap();
        taken.commit(&open).await.unwrap();
        assert_eq!(node.link("e1").unwrap()["mtu"], 1400);
    });
}

#[test]
fn what_could_not_be_undone_is_not_done() {
    let node = Node::new("undone");
    node.run(async || {
        node.ip("link add link e1 name mv1 type macvlan mode bridge");
        let before = node.state();
        let gone = json!({"interfaces": [{"name": "e1", "type": "veth", "state": "absent"}]});
        let error = begin(&node.backend(), gone).await.unwrap_err();
        assert!(error.to_string().contains("mv1"), "{error}");
        assert_eq!(node.state(), before);
    });
}

#[test]
fn a_watchdog_that_does_not_start_stops_the_change() {
    let node = Node::new("watchless");
    node.run(async || {
        let before = node.state();
        let mut settings = node.settings();
        settings.watchdog.program = "/bin/false".into();
        let backend = handler::backend::KernelBackend::new(settings);
        let desired = json!({"interfaces": [{"name": "e1", "type": "ethernet", "state": "up", "mtu": 1400}]});
        let error = begin(&backend, desired).await.unwrap_err();
        assert!(error.to_string().contains("cannot start the watchdog"), "{error}");
        assert_eq!(node.state(), before);
        assert_eq!(
            backend.recover().await.unwrap(),
            handler::backend::Recovery::Nothing
        );
    });
}
