//! NetworkManager is not there, or was not for a while.

use handler::backend::{BackendError, NetBackend as _, NetworkManager, Recovery, Retry, TakenBack};
use testkit::network_manager::{Options, inside};

use super::ground::{LONG, Node, change, changed, everything, prepare};

#[test]
fn case_93_a_stopped_service_is_an_error_and_not_the_end() {
    inside(&Options::default(), async || {
        let mut node = Node::start();
        let backend = node.backend();
        assert!(NetworkManager::answers().await);
        node.daemons.kill().unwrap();
        let asked = [
            backend.query().await.map(drop),
            backend.plan(&everything()).await.map(drop),
            backend.begin(&change(everything(), LONG)).await.map(drop),
        ];
        for answer in asked {
            let error = answer.unwrap_err();
            assert!(matches!(error, BackendError::Unavailable { .. }), "{error:?}");
            assert_eq!(error.retry(), Retry::Later);
        }
        assert_eq!(backend.facts().await.version, None);
        assert!(!NetworkManager::answers().await);
        assert_eq!(backend.recover().await.unwrap(), Recovery::Nothing);

        node.daemons.start_again().unwrap();
        assert!(backend.query().await.is_ok());
        let open = backend.begin(&change(everything(), LONG)).await.unwrap();
        backend.commit(&open).await.unwrap();
    });
}

#[test]
fn a_restart_in_the_middle_ends_in_the_former_network() {
    inside(&Options::default(), async || {
        let mut node = Node::start();
        let former = node.backend();
        let before = prepare(&former).await;
        former.begin(&change(everything(), LONG)).await.unwrap();
        drop(former);
        // As when the node is switched off: the checkpoint is lost, the profiles are on the disk and come up again.
        node.daemons.kill().unwrap();
        node.daemons.start_again().unwrap();
        let backend = node.backend();
        assert!(
            changed(&backend, &before)
                .await
                .iter()
                .any(|path| path == "interfaces.e1.mtu")
        );

        match backend.recover().await.unwrap() {
            Recovery::RolledBack { outcome, by, .. } => {
                assert_eq!(outcome.differs, Vec::<String>::new());
                assert_eq!(by, TakenBack::FormerState);
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(changed(&backend, &before).await, Vec::<String>::new());
        assert_eq!(backend.recover().await.unwrap(), Recovery::Nothing);
    });
}

#[test]
fn a_decided_commit_stays_after_a_restart() {
    inside(&Options::default(), async || {
        let mut node = Node::start();
        let backend = node.backend();
        let before = prepare(&backend).await;
        let open = backend.begin(&change(everything(), LONG)).await.unwrap();
        node.daemons.kill().unwrap();
        let error = backend.commit(&open).await.unwrap_err();
        assert!(matches!(error, BackendError::Unavailable { .. }), "{error:?}");
        node.daemons.start_again().unwrap();
        let next = node.backend();
        let committed = Recovery::Committed {
            policy: "p".to_owned(),
            generation: 7,
        };
        assert_eq!(next.recover().await.unwrap(), committed);
        assert!(
            changed(&next, &before)
                .await
                .iter()
                .any(|path| path == "interfaces.e1.mtu")
        );
    });
}
