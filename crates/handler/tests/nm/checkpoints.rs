//! Ours, and those of others.

use std::time::Duration;

use handler::backend::{BackendError, NetBackend as _, Recovery, Retry, RolledBack, TakenBack};
use testkit::eventually;
use testkit::network_manager::{Options, inside};

use super::ground::{DEADLINE, LONG, Node, Stranger, change, changed, everything, prepare};

#[test]
fn a_rollback_brings_back_addresses_routes_bridges_and_name_servers() {
    inside(&Options::default(), async || {
        let node = Node::start();
        let backend = node.backend();
        let before = prepare(&backend).await;
        let open = backend.begin(&change(everything(), LONG)).await.unwrap();
        let differs = changed(&backend, &before).await;
        for path in [
            "interfaces.br1",
            "interfaces.e1.mtu",
            "interfaces.e1.ipv4.address",
            "routes",
        ] {
            assert!(
                differs.iter().any(|differs| differs == path),
                "{path} of {differs:?}"
            );
        }
        let outcome = backend.rollback(&open).await.unwrap();
        assert_eq!(outcome.differs, Vec::<String>::new());
        assert_eq!(changed(&backend, &before).await, Vec::<String>::new());
        assert_eq!(Stranger::new().await.checkpoints().await, Vec::<String>::new());
    });
}

#[test]
fn case_77_a_foreign_checkpoint_is_waited_for_and_not_touched() {
    inside(&Options::default(), async || {
        let node = Node::start();
        let backend = node.backend();
        let before = prepare(&backend).await;
        let stranger = Stranger::new().await;
        let foreign = stranger.open().await;
        let error = backend.begin(&change(everything(), LONG)).await.unwrap_err();
        assert!(
            matches!(&error, BackendError::ForeignCheckpoint { path } if path == foreign.as_str()),
            "{error}"
        );
        assert_eq!(error.retry(), Retry::WhenFree);
        assert_eq!(backend.recover().await.unwrap(), Recovery::Nothing);
        assert_eq!(stranger.checkpoints().await, [foreign.to_string()]);
        assert_eq!(changed(&backend, &before).await, Vec::<String>::new());

        stranger.destroy(&foreign).await;
        let open = backend.begin(&change(everything(), LONG)).await.unwrap();
        backend.commit(&open).await.unwrap();
    });
}

#[test]
fn case_78_a_stale_record_is_no_reason_to_touch_the_checkpoint_of_another() {
    inside(&Options::default(), async || {
        let node = Node::start();
        let former = node.backend();
        let before = prepare(&former).await;
        let short = change(everything(), Duration::from_secs(2));
        former.begin(&short).await.unwrap();
        drop(former);
        let stranger = Stranger::new().await;
        eventually(DEADLINE, "our checkpoint goes", || async {
            let left = stranger.checkpoints().await;
            left.is_empty().then_some(()).ok_or(format!("{left:?}"))
        })
        .await;
        // "The first there is" is now somebody else's.
        let foreign = stranger.open().await;

        let backend = node.backend();
        match backend.recover().await.unwrap() {
            Recovery::RolledBack {
                outcome,
                by,
                policy,
                generation,
            } => {
                assert_eq!((policy.as_str(), generation, by), ("p", 7, TakenBack::TimeLimit));
                assert_eq!(outcome.differs, Vec::<String>::new());
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(changed(&backend, &before).await, Vec::<String>::new());
        assert_eq!(stranger.checkpoints().await, [foreign.to_string()]);
        assert_eq!(backend.recover().await.unwrap(), Recovery::Nothing);
    });
}

#[test]
fn case_82_a_commit_that_fails_rolls_nothing_back_and_says_what_is() {
    inside(&Options::default(), async || {
        let node = Node::start();
        let backend = node.backend();
        prepare(&backend).await;
        let open = backend.begin(&change(everything(), LONG)).await.unwrap();
        // Somebody took our checkpoint away, so there is nothing left to commit.
        Stranger::new().await.destroy(&open.id).await;
        match backend.commit(&open).await.unwrap_err() {
            BackendError::Lost {
                rolled_back: RolledBack { differs, .. },
                ..
            } => {
                assert!(
                    differs.iter().any(|path| path == "interfaces.e1.mtu"),
                    "{differs:?}"
                );
            }
            other => panic!("{other}"),
        }
        let report = backend.query().await.unwrap();
        assert_eq!(super::ground::interface(&report, "e1").unwrap()["mtu"], 1400);
    });
}

#[test]
fn case_79_a_failed_verification_is_taken_back_and_named() {
    inside(&Options::default(), async || {
        let node = Node::start();
        let backend = node.backend();
        let before = prepare(&backend).await;
        let desired = serde_json::json!({"interfaces": [{
            "name": "e1", "type": "ethernet", "state": "up", "mtu": 1400,
            "ethtool": {"feature": {"highdma": false, "rx-all": true}},
        }]});
        let error = backend.begin(&change(desired, LONG)).await.unwrap_err();
        match &error {
            BackendError::Verification { reason, rolled_back } => {
                assert!(reason.starts_with("Verification failure: "), "{reason}");
                assert_eq!(rolled_back, &RolledBack::default());
            }
            other => panic!("{other}"),
        }
        assert_eq!(error.retry(), Retry::Later);
        assert_eq!(changed(&backend, &before).await, Vec::<String>::new());
        assert_eq!(Stranger::new().await.checkpoints().await, Vec::<String>::new());
        assert_eq!(backend.recover().await.unwrap(), Recovery::Nothing);
    });
}
