//! The leader lease.

use std::time::{Duration, Instant};

use api::{names::LEADER_LEASE, pool::PoolKind};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;
use testkit::{
    FaultProxy, eventually,
    fault::{Action, Count, Fault, Filter},
    install::Webhooks,
};

use crate::{
    read::bound,
    replica::{Replica, home},
    rig::{self, PATIENCE},
};

/// Loses the lease quickly enough for a test.
const QUICK: [&str; 4] = [
    "--leader-elect",
    "--leader-elect-lease-duration=3s",
    "--leader-elect-renew-deadline=2s",
    "--leader-elect-retry-period=500ms",
];
/// Keeps the lease for longer than any test waits, however busy the machine is: another one leads only when it was
/// given back.
const STEADY: [&str; 4] = [
    "--leader-elect",
    "--leader-elect-lease-duration=120s",
    "--leader-elect-renew-deadline=90s",
    "--leader-elect-retry-period=500ms",
];

pub(crate) fn lease(client: &Client, namespace: &str) -> Api<Lease> {
    Api::namespaced(client.clone(), namespace)
}

/// Who holds the lease; nobody is an empty name.
pub(crate) async fn holder(client: &Client, namespace: &str) -> Result<String, String> {
    let lease = lease(client, namespace)
        .get(LEADER_LEASE)
        .await
        .map_err(|e| e.to_string())?;
    Ok(lease
        .spec
        .and_then(|spec| spec.holder_identity)
        .unwrap_or_default())
}

/// Arguments of a replica that serves and elects in this namespace and soon knows that it lost the lease.
pub(crate) fn quick(namespace: &str) -> Vec<String> {
    within(namespace, QUICK)
}

/// As [`quick`], for tests in which nobody is to lose the lease.
pub(crate) fn steady(namespace: &str) -> Vec<String> {
    within(namespace, STEADY)
}

fn within(namespace: &str, election: [&str; 4]) -> Vec<String> {
    let own = [
        format!("--namespace={namespace}"),
        format!("--leader-election-namespace={namespace}"),
    ];
    election.iter().map(|&a| a.to_owned()).chain(own).collect()
}

async fn pool(client: &Client, namespace: &str) {
    let kind = PoolKind::InClusterIPPool;
    let spec = json!({"addresses": ["192.0.2.0/24"], "prefix": 24});
    rig::create(&rig::pools(client, namespace, kind), &rig::pool(kind, "p", &spec)).await;
}

async fn claim(client: &Client, namespace: &str, name: &str) {
    rig::create(
        &rig::claims(client, namespace),
        &rig::claim(name, PoolKind::InClusterIPPool, "p"),
    )
    .await;
}

/// What a replica wrote to pools, claims and addresses, as its proxy saw it.
fn writes(proxy: &FaultProxy) -> u64 {
    proxy
        .requests()
        .sum(|key| key.is_write() && key.group == "ipam.cluster.x-k8s.io")
}

/// Case 157: one writes, the other is ready and answers webhooks all the same; when the one is gone the other writes.
#[tokio::test]
async fn case_157_two_replicas_one_writes_both_answer_webhooks() {
    let (plane, client, ns) = home("replicas").await;
    let certs = tempfile::tempdir().expect("a folder");
    let mut replicas = Vec::new();
    let mut webhooks = Vec::new();
    for name in ["one", "two"] {
        let proxy = FaultProxy::start(plane).await.expect("a proxy");
        let port = testkit::Port::reserve().expect("a free port");
        let dir = certs.path().join(name);
        std::fs::create_dir(&dir).expect("a folder");
        let made = Webhooks::prepare(port.number(), &dir).expect("certificates");
        let mut args = steady(&ns);
        args.push(format!("--webhook-port={}", port.number()));
        args.push("--webhook-host=127.0.0.1".to_owned());
        args.push(format!("--webhook-cert-dir={}", dir.display()));
        let mut replica = Replica::start(proxy.kubeconfig(), &args);
        replica.ready().await;
        webhooks.push(validator(name, &ns, &made));
        replicas.push((replica, proxy, port));
    }
    // Each of the two is asked about the pools that bear its name, in this namespace alone.
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": ns}, "webhooks": webhooks,
    });
    plane
        .apply_yaml(&configuration.to_string())
        .await
        .expect("the configuration applies");
    for name in ["one", "two"] {
        refuses(&client, &ns, name).await;
    }

    pool(&client, &ns).await;
    claim(&client, &ns, "first").await;
    bound(&client, &ns, "first").await;
    let (leader, follower) = if writes(&replicas[0].1) > 0 {
        (0, 1)
    } else {
        (1, 0)
    };
    assert!(writes(&replicas[leader].1) > 0);
    assert_eq!(
        writes(&replicas[follower].1),
        0,
        "the follower wrote: {:?}",
        replicas[follower].1.requests()
    );

    // Its proxy must outlive it: through it the lease is given back.
    let (gone, _proxy, _port) = replicas.remove(leader);
    gone.dismiss().await;
    claim(&client, &ns, "second").await;
    bound(&client, &ns, "second").await;
    let (last, proxy, _port) = replicas.remove(0);
    assert!(writes(&proxy) > 0);
    last.dismiss().await;
}

fn validator(name: &str, namespace: &str, at: &Webhooks) -> serde_json::Value {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    json!({
        "name": format!("{name}.replica.test"),
        "clientConfig": {
            "url": format!("https://127.0.0.1:{}/validate-ipam-cluster-x-k8s-io-v1alpha2-inclusterippool", at.port),
            "caBundle": STANDARD.encode(&at.ca_pem),
        },
        "rules": [{
            "apiGroups": ["ipam.cluster.x-k8s.io"], "apiVersions": ["v1alpha2"],
            "operations": ["CREATE"], "resources": ["inclusterippools"],
        }],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "objectSelector": {"matchLabels": {"replica": name}},
        "admissionReviewVersions": ["v1"], "failurePolicy": "Fail", "sideEffects": "None",
    })
}

/// The API server reads webhook configurations with a delay, hence the repetition, as a dry run.
async fn refuses(client: &Client, namespace: &str, replica: &str) {
    let kind = PoolKind::InClusterIPPool;
    let mut bad = rig::pool(kind, "bad", &json!({"addresses": ["nonsense"], "prefix": 24}));
    bad.metadata.labels = Some([("replica".to_owned(), replica.to_owned())].into());
    let params = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    eventually(
        PATIENCE,
        &format!("replica {replica} refuses a bad pool"),
        || async {
            match rig::pools(client, namespace, kind).create(&params, &bad).await {
                Err(kube::Error::Api(status))
                    if status.code == 422 && status.message.contains(&format!("{replica}.replica.test")) =>
                {
                    Ok(())
                }
                other => Err(format!("{other:?}")),
            }
        },
    )
    .await;
}

/// Case 159: the original holds the lease. Ours waits as long as it renews, whatever its clock says, and takes over
/// when the renewals have stopped for as long as the lease says, by our clock.
#[tokio::test]
async fn case_159_waits_while_the_original_leads() {
    let (plane, client, ns) = home("original").await;
    let spec = |holder: &str, renewals: i64| LeaseSpec {
        holder_identity: Some(holder.to_owned()),
        lease_duration_seconds: Some(3),
        // Its clock is an hour slow: by the time it writes, the lease has long run out.
        renew_time: Some(MicroTime(
            Timestamp::now() - SignedDuration::from_hours(1) + SignedDuration::from_millis(renewals),
        )),
        lease_transitions: Some(7),
        ..LeaseSpec::default()
    };
    let api = lease(&client, &ns);
    let metadata = ObjectMeta {
        name: Some(LEADER_LEASE.to_owned()),
        ..ObjectMeta::default()
    };
    let object = Lease {
        metadata,
        spec: Some(spec("capi-ipam-1_a2f8", 0)),
    };
    api.create(&PostParams::default(), &object)
        .await
        .expect("a lease");
    let args = quick(&ns);
    let mut replica = Replica::start(
        plane.kubeconfig(),
        &[args, vec!["--webhook-port=0".to_owned()]].concat(),
    );
    // Webhooks need no lead: a follower is ready.
    replica.ready().await;
    pool(&client, &ns).await;
    claim(&client, &ns, "c").await;

    let mut last = Instant::now();
    for renewals in 1..=16 {
        tokio::time::sleep(Duration::from_millis(400)).await;
        let patch = json!({"spec": spec("capi-ipam-1_a2f8", renewals)});
        api.patch(LEADER_LEASE, &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .expect("a renewal");
        last = Instant::now();
        assert_eq!(holder(&client, &ns).await.as_deref(), Ok("capi-ipam-1_a2f8"));
    }
    let waiting = rig::claims(&client, &ns).get("c").await.expect("it exists");
    assert_eq!(
        waiting.metadata.finalizers, None,
        "nothing is written without the lead"
    );

    bound(&client, &ns, "c").await;
    let took = last.elapsed();
    assert!(
        took >= Duration::from_secs(3),
        "it took over {took:?} after the last renewal, before the lease ran out"
    );
    let now = api
        .get(LEADER_LEASE)
        .await
        .expect("the lease")
        .spec
        .expect("a spec");
    assert_ne!(now.holder_identity.as_deref(), Some("capi-ipam-1_a2f8"));
    assert_eq!(
        (now.lease_duration_seconds, now.lease_transitions),
        (Some(3), Some(8))
    );
    replica.dismiss().await;
    assert_eq!(holder(&client, &ns).await.as_deref(), Ok(""), "given back");
}

/// Somebody else took the lease: it stops writing at once and ends, and says that this was no orderly end.
#[tokio::test]
async fn losing_the_lease_to_another_ends_the_process() {
    let (plane, client, ns) = home("thief").await;
    let args = [quick(&ns), vec!["--webhook-port=0".to_owned()]].concat();
    let mut replica = Replica::start(plane.kubeconfig(), &args);
    replica.ready().await;
    pool(&client, &ns).await;
    claim(&client, &ns, "first").await;
    bound(&client, &ns, "first").await;

    let patch = json!({"spec": {"holderIdentity": "thief", "renewTime": MicroTime(Timestamp::now())}});
    lease(&client, &ns)
        .patch(LEADER_LEASE, &PatchParams::default(), &Patch::Merge(&patch))
        .await
        .expect("a theft");
    let status = replica
        .process
        .wait_exit(Duration::from_secs(10))
        .await
        .expect("it ends");
    assert!(!status.success(), "{}", replica.process.log_tail());
    assert!(
        replica.process.log().contains("lease was lost"),
        "{}",
        replica.process.log_tail()
    );
    assert_eq!(
        holder(&client, &ns).await.as_deref(),
        Ok("thief"),
        "what is not ours is not given back"
    );
}

/// The API server answers no renewal any more: nobody can know who leads, so it ends before another one may begin.
#[tokio::test]
async fn losing_touch_with_the_api_server_ends_the_leader() {
    let (plane, client, ns) = home("cut-off").await;
    let proxy = FaultProxy::start(plane).await.expect("a proxy");
    let args = [quick(&ns), vec!["--webhook-port=0".to_owned()]].concat();
    let mut replica = Replica::start(proxy.kubeconfig(), &args);
    replica.ready().await;
    eventually(PATIENCE, "it leads", || async {
        if holder(&client, &ns).await?.is_empty() {
            Err("nobody does".to_owned())
        } else {
            Ok(())
        }
    })
    .await;
    proxy.inject(Fault {
        filter: Filter::any(),
        action: Action::DropConnection,
        count: Count::Always,
    });
    let begin = Instant::now();
    let status = replica
        .process
        .wait_exit(Duration::from_secs(20))
        .await
        .expect("it ends");
    assert!(!status.success(), "{}", replica.process.log_tail());
    // The renewal deadline is 2 s; what follows is the orderly end.
    assert!(
        begin.elapsed() < Duration::from_secs(10),
        "after {:?}",
        begin.elapsed()
    );
}
