//! The cases. Each takes a fresh world.

use std::time::Duration;

use handler::backend::{BackendError, NetBackend, Recovery, Retry, RolledBack, TakenBack};
use serde_json::{Value, json};
use testkit::eventually;

use super::{DEADLINE, LONG, World, change, reported_mtu};

/// As before, and nothing had to be mended.
fn clean() -> RolledBack {
    RolledBack::default()
}

pub(crate) async fn case_43_an_equal_state_is_no_change(world: impl World) {
    let backend = world.backend();
    assert!(!backend.plan(&world.mtu(1400)).await.unwrap().is_no_op());
    let change = change(world.mtu(1400), LONG);
    let open = backend.begin(&change).await.unwrap();
    backend.commit(&open).await.unwrap();
    let again = backend.plan(&change.desired).await.unwrap();
    assert!(again.is_no_op(), "{again:?}");
    let undo = backend.plan(&world.mtu(1500)).await.unwrap();
    assert_eq!(undo.revert["interfaces"][0]["mtu"], 1400, "{undo:?}");
    assert!(backend.plan(&Value::Null).await.unwrap().is_no_op());
    assert!(backend.plan(&json!({})).await.unwrap().is_no_op());
}

pub(crate) async fn a_commit_is_final(world: impl World) {
    let backend = world.backend();
    let open = backend.begin(&change(world.mtu(1400), LONG)).await.unwrap();
    assert_eq!((open.policy.as_str(), open.generation), ("p", 7));
    assert_eq!(reported_mtu(&backend).await, 1400);
    backend.commit(&open).await.unwrap();
    assert!(backend.rollback(&open).await.is_err(), "it was committed");
    assert!(backend.commit(&open).await.is_err(), "it was committed");
    let next = world.backend();
    assert_eq!(next.recover().await.unwrap(), Recovery::Nothing);
    assert_eq!(reported_mtu(&next).await, 1400);
}

pub(crate) async fn a_rollback_brings_back_what_was(world: impl World) {
    let backend = world.backend();
    let open = backend.begin(&change(world.mtu(1400), LONG)).await.unwrap();
    assert_eq!(reported_mtu(&backend).await, 1400);
    assert_eq!(backend.rollback(&open).await.unwrap(), clean());
    assert_eq!(reported_mtu(&backend).await, 1500);
    // The way is free for the next one.
    let open = backend.begin(&change(world.mtu(1300), LONG)).await.unwrap();
    backend.rollback(&open).await.unwrap();
}

pub(crate) async fn one_change_at_a_time(world: impl World) {
    let backend = world.backend();
    let open = backend.begin(&change(world.mtu(1400), LONG)).await.unwrap();
    let error = backend.begin(&change(world.mtu(1300), LONG)).await.unwrap_err();
    assert!(
        matches!(&error, BackendError::Busy { policy } if policy == "p"),
        "{error}"
    );
    assert_eq!(error.retry(), Retry::WhenFree);
    assert_eq!(reported_mtu(&backend).await, 1400);
    backend.rollback(&open).await.unwrap();
}

pub(crate) async fn case_33_an_unknown_key_is_refused_and_nothing_opened(world: impl World) {
    let backend = world.backend();
    let wrong = json!({"interfaces": [{"name": "e1", "mtuu": 1400}]});
    let error = backend.begin(&change(wrong, LONG)).await.unwrap_err();
    assert!(matches!(error, BackendError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("mtuu"), "{error}");
    assert_eq!(error.retry(), Retry::Never);
    assert_eq!(backend.recover().await.unwrap(), Recovery::Nothing);
}

pub(crate) async fn case_34_a_missing_interface_is_named_and_nothing_opened(world: impl World) {
    let backend = world.backend();
    let missing = json!({"interfaces": [{"name": "eth66", "type": "ethernet", "state": "up"}]});
    let error = backend.begin(&change(missing, LONG)).await.unwrap_err();
    let said = error.to_string();
    assert!(said.contains("Ethernet interface eth66 does not exist"), "{said}");
    assert_eq!(error.retry(), Retry::WhenLinksChange);
    assert_eq!(backend.recover().await.unwrap(), Recovery::Nothing);
}

pub(crate) async fn case_78_what_a_former_process_left_is_taken_back_once(world: impl World) {
    let former = world.backend();
    former.begin(&change(world.mtu(1400), LONG)).await.unwrap();
    drop(former);
    let backend = world.backend();
    let error = backend.begin(&change(world.mtu(1300), LONG)).await.unwrap_err();
    assert!(matches!(error, BackendError::Busy { .. }), "{error}");
    assert_eq!(
        backend.recover().await.unwrap(),
        Recovery::RolledBack {
            policy: "p".to_owned(),
            generation: 7,
            outcome: clean(),
            by: TakenBack::Now,
        }
    );
    assert_eq!(reported_mtu(&backend).await, 1500);
    assert_eq!(backend.recover().await.unwrap(), Recovery::Nothing);
    let open = backend.begin(&change(world.mtu(1400), LONG)).await.unwrap();
    backend.commit(&open).await.unwrap();
}

pub(crate) async fn a_transaction_outlives_its_process_in_a_file(world: impl World) {
    let former = world.backend();
    let open = former.begin(&change(world.mtu(1400), LONG)).await.unwrap();
    drop(former);
    let kept = serde_json::from_str(&serde_json::to_string(&open).unwrap()).unwrap();
    let backend = world.backend();
    assert_eq!(backend.rollback(&kept).await.unwrap(), clean());
    assert_eq!(reported_mtu(&backend).await, 1500);
}

pub(crate) async fn the_time_limit_takes_back_what_nobody_commits(world: impl World) {
    let backend = world.backend();
    let open = backend
        .begin(&change(world.mtu(1400), Duration::from_secs(2)))
        .await
        .unwrap();
    goes_back(&backend).await;
    match backend.commit(&open).await.unwrap_err() {
        BackendError::Lost { timeout, rolled_back } => {
            assert_eq!((timeout, rolled_back), (Duration::from_secs(2), clean()));
        }
        other => panic!("{other}"),
    }
    let next = backend.begin(&change(world.mtu(1400), LONG)).await.unwrap();
    backend.rollback(&next).await.unwrap();
}

pub(crate) async fn case_44_the_time_limit_needs_no_process(world: impl World) {
    let former = world.backend();
    former
        .begin(&change(world.mtu(1400), Duration::from_secs(2)))
        .await
        .unwrap();
    drop(former);
    let backend = world.backend();
    goes_back(&backend).await;
    match backend.recover().await.unwrap() {
        Recovery::RolledBack { outcome, by, .. } => {
            assert_eq!((outcome, by), (clean(), TakenBack::TimeLimit));
        }
        other => panic!("{other:?}"),
    }
}

async fn goes_back(backend: &impl NetBackend) {
    eventually(DEADLINE, "the time limit takes the change back", || async {
        match reported_mtu(backend).await {
            1500 => Ok(()),
            other => Err(format!("the MTU is {other}")),
        }
    })
    .await;
}
