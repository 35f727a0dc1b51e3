//! Reports, plans and ways back of a real NetworkManager.

use handler::backend::{Facts, NetBackend as _};
use serde_json::json;
use testkit::network_manager::{Options, inside};

use super::ground::{LONG, Node, change, changed, everything, interface, ip, prepare};

#[test]
fn case_83_it_says_what_it_is() {
    inside(&Options::default(), async || {
        let node = Node::start();
        let Facts { name, version } = node.backend().facts().await;
        assert_eq!(name, "NetworkManager");
        let version = version.unwrap();
        assert!(version.starts_with("1."), "{version}");
    });
}

#[test]
fn case_84_what_nobody_manages_is_reported_as_ignored() {
    let options = Options {
        pairs: 1,
        unmanaged: vec!["v*".to_owned()],
        ..Options::default()
    };
    inside(&options, async || {
        let node = Node::start();
        let report = node.backend().query().await.unwrap();
        let state = |name: &str| interface(&report, name).unwrap()["state"].clone();
        assert_eq!(state("v0"), "ignore");
        assert_eq!(state("w0"), "down", "managed, and without a profile");
        let named = ["e1", "e2", "lo", "v0", "w0"];
        assert!(
            named.iter().all(|name| interface(&report, name).is_some()),
            "{report}"
        );
        assert_eq!(
            report["interfaces"].as_array().unwrap().len(),
            named.len(),
            "{report}"
        );
    });
}

#[test]
fn a_plan_can_be_undone_by_its_revert_document() {
    inside(&Options::default(), async || {
        let node = Node::start();
        let backend = node.backend();
        let before = prepare(&backend).await;
        let plan = backend.plan(&everything()).await.unwrap();
        assert!(!plan.is_no_op());
        assert_eq!(
            changed(&backend, &before).await,
            Vec::<String>::new(),
            "a plan changes nothing"
        );
        let open = backend.begin(&change(everything(), LONG)).await.unwrap();
        backend.commit(&open).await.unwrap();
        let again = backend.plan(&everything()).await.unwrap();
        assert!(again.is_no_op(), "{again:?}");

        let undo = backend.begin(&change(plan.revert, LONG)).await.unwrap();
        backend.commit(&undo).await.unwrap();
        assert_eq!(changed(&backend, &before).await, Vec::<String>::new());
    });
}

#[test]
fn the_way_back_of_an_unmanaged_veth_does_not_delete_it() {
    let options = Options {
        pairs: 1,
        ..Options::default()
    };
    inside(&options, async || {
        let node = Node::start();
        let backend = node.backend();
        // A name in NetworkManager's own file could not be taken over at all.
        node.unmanage("v0");
        ip(&["address", "add", "192.0.2.9/24", "dev", "v0"]);
        let taken = json!({"interfaces": [
            {"name": "v0", "type": "veth", "state": "up", "veth": {"peer": "w0"}},
            {
                "name": "br1", "type": "linux-bridge", "state": "up",
                "bridge": {"port": [{"name": "v0", "vlan": {}}]},
            },
        ]});
        let plan = backend.plan(&taken).await.unwrap();
        let open = backend.begin(&change(taken, LONG)).await.unwrap();
        backend.commit(&open).await.unwrap();
        assert!(ip(&["link", "show", "dev", "v0"]).contains("master br1"));

        let undo = backend.begin(&change(plan.revert, LONG)).await.unwrap();
        backend.commit(&undo).await.unwrap();
        let link = ip(&["link", "show", "dev", "v0"]);
        assert!(link.contains("UP") && !link.contains("master"), "{link}");
        assert!(ip(&["address", "show", "dev", "v0"]).contains("192.0.2.9/24"));
    });
}
