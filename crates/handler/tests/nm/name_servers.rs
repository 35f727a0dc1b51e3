//! What checkpoints of an older NetworkManager forget.

use handler::backend::{NetBackend as _, Recovery};
use serde_json::json;
use testkit::eventually;
use testkit::network_manager::{Options, inside};

use super::ground::{DEADLINE, LONG, Node, change, prepare, resolv_conf};

async fn resolver_has(server: &str, not: &str) {
    eventually(DEADLINE, "resolv.conf has the right server", || async {
        let text = resolv_conf();
        let right = text.contains(server) && !text.contains(not);
        right.then_some(()).ok_or(text)
    })
    .await;
}

#[test]
fn case_75_a_dead_name_server_is_rolled_back_with_the_rest() {
    inside(&Options::default(), async || {
        let node = Node::start();
        let backend = node.backend();
        let dead = json!({"dns-resolver": {"config": {"server": ["203.0.113.53"]}}});

        // From no server at all.
        let open = backend.begin(&change(dead.clone(), LONG)).await.unwrap();
        resolver_has("203.0.113.53", "192.0.2.53").await;
        assert_eq!(
            backend.rollback(&open).await.unwrap().differs,
            Vec::<String>::new()
        );
        resolver_has("", "203.0.113.53").await;

        // From another one.
        prepare(&backend).await;
        resolver_has("192.0.2.53", "203.0.113.53").await;
        let open = backend.begin(&change(dead.clone(), LONG)).await.unwrap();
        resolver_has("203.0.113.53", "192.0.2.53").await;
        let outcome = backend.rollback(&open).await.unwrap();
        assert_eq!(outcome.differs, Vec::<String>::new());
        resolver_has("192.0.2.53", "203.0.113.53").await;
        let version = backend.facts().await.version.unwrap();
        if version.starts_with("1.42.") {
            assert!(outcome.restored_dns, "NetworkManager {version} does not do it");
        }

        // After a crash, too.
        backend.begin(&change(dead, LONG)).await.unwrap();
        let next = node.backend();
        match next.recover().await.unwrap() {
            Recovery::RolledBack { outcome, .. } => assert_eq!(outcome.differs, Vec::<String>::new()),
            other => panic!("{other:?}"),
        }
        resolver_has("192.0.2.53", "203.0.113.53").await;
    });
}
