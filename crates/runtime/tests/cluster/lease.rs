//! Leader election between candidates that share one real lease.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease as Object;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use runtime::client::{ClientOptions, connect};
use runtime::lease::{Leadership, Lease, LeaseConfig};
use serde_json::json;
use testkit::fault::{Action, Count, Fault, Filter};
use testkit::{ControlPlane, FaultProxy, eventually};
use tokio::time::timeout;

use super::{PATIENCE, own_client};

const LEASE: Duration = Duration::from_secs(3);
const RENEW: Duration = Duration::from_secs(2);

fn config(namespace: &str, identity: &str) -> LeaseConfig {
    LeaseConfig {
        identity: identity.into(),
        lease_duration: LEASE,
        renew_deadline: RENEW,
        retry_period: Duration::from_millis(200),
        ..LeaseConfig::new(namespace, "leader.example.org")
    }
}

fn candidate(plane: &ControlPlane, namespace: &str, identity: &str) -> Lease {
    Lease::new(own_client(plane), config(namespace, identity)).unwrap()
}

async fn acquire(lease: &Lease) -> Leadership {
    timeout(PATIENCE, lease.acquire()).await.expect("the lease comes")
}

async fn lost(leadership: &Leadership) {
    timeout(PATIENCE, leadership.lost().cancelled())
        .await
        .expect("the loss is noticed");
    assert!(!leadership.is_held());
}

fn objects(plane: &ControlPlane, namespace: &str) -> Api<Object> {
    Api::namespaced(own_client(plane), namespace)
}

async fn holder(api: &Api<Object>) -> String {
    api.get("leader.example.org")
        .await
        .unwrap()
        .spec
        .unwrap()
        .holder_identity
        .unwrap_or_default()
}

#[tokio::test]
async fn the_second_waits_and_gets_a_released_lease_at_once() {
    let plane = ControlPlane::shared().await;
    let namespace = plane.namespace("lease").await;
    let (first, second) = (
        candidate(plane, &namespace, "first"),
        candidate(plane, &namespace, "second"),
    );
    let leader = acquire(&first).await;
    assert!(leader.is_held());
    // Longer than the lease: the renewals keep the second out.
    assert!(timeout(LEASE + RENEW, second.acquire()).await.is_err());
    assert!(leader.is_held() && !leader.lost().is_cancelled());
    assert!(leader.unrenewed() < LEASE, "{:?}", leader.unrenewed());

    leader.release().await;
    assert_eq!(leader.unrenewed(), Duration::ZERO, "nobody waits for a renewal");
    assert!(!leader.is_held());
    assert!(!leader.lost().is_cancelled(), "what is given back is not lost");
    let api = objects(plane, &namespace);
    assert_eq!(holder(&api).await, "");
    let start = Instant::now();
    let next = acquire(&second).await;
    assert!(next.is_held() && start.elapsed() < LEASE, "{:?}", start.elapsed());
    let spec = api.get("leader.example.org").await.unwrap().spec.unwrap();
    assert_eq!(
        (spec.holder_identity.as_deref(), spec.lease_transitions),
        (Some("second"), Some(1))
    );
    assert_eq!(spec.lease_duration_seconds, Some(3));
}

#[tokio::test]
async fn a_leader_that_cannot_renew_stops_before_the_next_one_starts() {
    let plane = ControlPlane::shared().await;
    let namespace = plane.namespace("lease").await;
    let proxy = FaultProxy::start(plane).await.unwrap();
    let options = ClientOptions {
        kubeconfig: Some(proxy.kubeconfig().into()),
        ..ClientOptions::default()
    };
    let first = Lease::new(connect(&options).await.unwrap(), config(&namespace, "first")).unwrap();
    let second = candidate(plane, &namespace, "second");
    let leader = acquire(&first).await;

    // At every moment at most one of them may believe that it leads.
    let stop = Arc::new(AtomicBool::new(false));
    let (seen, ended) = (leader.clone(), Arc::clone(&stop));
    let (send, receive) = std::sync::mpsc::channel::<Leadership>();
    let watcher = std::thread::spawn(move || {
        let mut next = None;
        while !ended.load(Ordering::SeqCst) {
            next = next.or_else(|| receive.try_recv().ok());
            let both = seen.is_held() && next.as_ref().is_some_and(Leadership::is_held);
            assert!(!both, "two leaders at once");
            std::thread::yield_now();
        }
    });
    for action in [Action::status(500), Action::Delay(Duration::from_secs(3600))] {
        proxy.inject(Fault {
            filter: Filter::any().path("/leases"),
            action,
            count: Count::Always,
        });
    }
    let next = acquire(&second).await;
    send.send(next.clone()).unwrap();
    assert!(next.is_held());
    lost(&leader).await;
    assert!(leader.unrenewed() >= RENEW, "{:?}", leader.unrenewed());
    stop.store(true, Ordering::SeqCst);
    watcher.join().expect("never two leaders");
    assert_eq!(holder(&objects(plane, &namespace)).await, "second");
}

#[tokio::test]
async fn a_foreign_clock_decides_nothing() {
    let plane = ControlPlane::shared().await;
    let namespace = plane.namespace("lease").await;
    let api = objects(plane, &namespace);
    // As client-go writes it, on a machine whose clock stands in 1990.
    let spec = json!({
        "holderIdentity": "host_4ed3c6f0-0d5c-4c5e-8f4f-3f2f1d9a7c11", "leaseDurationSeconds": 4,
        "acquireTime": "1990-01-01T00:00:00.000000Z", "renewTime": "1990-01-01T00:00:00.000000Z",
        "leaseTransitions": 7,
    });
    let object =
        serde_json::from_value(json!({ "metadata": { "name": "leader.example.org" }, "spec": spec }));
    api.create(&PostParams::default(), &object.unwrap())
        .await
        .unwrap();
    let lease = candidate(plane, &namespace, "ours");
    let start = Instant::now();
    let (leader, ()) = tokio::join!(acquire(&lease), async {
        // One renewal by its own strange clock, well before it expires by ours.
        let renewal = json!({ "spec": { "renewTime": "1990-01-01T00:00:02.000000Z" } });
        api.patch(
            "leader.example.org",
            &PatchParams::default(),
            &Patch::Merge(renewal),
        )
        .await
        .unwrap();
    });
    assert!(start.elapsed() >= Duration::from_secs(4), "{:?}", start.elapsed());
    assert!(leader.is_held());
    let spec = api.get("leader.example.org").await.unwrap().spec.unwrap();
    assert_eq!(spec.lease_transitions, Some(8));
}

#[tokio::test]
async fn a_lease_written_by_somebody_else_is_lost_and_a_deleted_one_is_made_again() {
    let plane = ControlPlane::shared().await;
    let namespace = plane.namespace("lease").await;
    let api = objects(plane, &namespace);
    let lease = candidate(plane, &namespace, "ours");
    let leader = acquire(&lease).await;
    api.delete("leader.example.org", &DeleteParams::default())
        .await
        .unwrap();
    eventually(PATIENCE, "the lease is made again", || async {
        api.get("leader.example.org")
            .await
            .map(|_| ())
            .map_err(|error| error.to_string())
    })
    .await;
    assert!(leader.is_held() && !leader.lost().is_cancelled());

    let theirs =
        json!({ "spec": { "holderIdentity": "theirs", "renewTime": "2026-01-01T00:00:00.000000Z" } });
    api.patch(
        "leader.example.org",
        &PatchParams::default(),
        &Patch::Merge(theirs),
    )
    .await
    .unwrap();
    lost(&leader).await;
    assert_eq!(holder(&api).await, "theirs");
    leader.release().await;
    assert_eq!(holder(&api).await, "theirs", "what is not ours is not given back");
}

#[tokio::test]
async fn a_dropped_leadership_expires_by_itself() {
    let plane = ControlPlane::shared().await;
    let namespace = plane.namespace("lease").await;
    let (first, second) = (
        candidate(plane, &namespace, "first"),
        candidate(plane, &namespace, "second"),
    );
    let leader = acquire(&first).await;
    let gone = leader.lost();
    drop(leader);
    timeout(PATIENCE, gone.cancelled())
        .await
        .expect("its end is told");
    assert_eq!(
        holder(&objects(plane, &namespace)).await,
        "first",
        "not given back"
    );
    assert!(acquire(&second).await.is_held());
}

#[tokio::test]
async fn without_an_election_one_leads_until_the_release() {
    let leader = Leadership::always();
    assert!(leader.is_held() && !leader.lost().is_cancelled());
    timeout(PATIENCE, leader.release()).await.expect("released");
    assert!(!leader.is_held());
    assert!(!leader.lost().is_cancelled(), "what is given back is not lost");
}
