//! Ending in good order.

use std::time::{Duration, Instant};

use api::pool::PoolKind;
use http::Method;
use serde_json::json;
use testkit::{
    FaultProxy, eventually,
    fault::{Action, Count, Fault, Filter},
};

use crate::{
    election::{holder, steady},
    read::{addresses, text},
    replica::{Replica, home},
    rig::{self, PATIENCE},
};

/// SIGTERM while a write is under way: the write finishes and is known to have, only then the lease is given back, and
/// all that within the 10 s a pod has.
#[tokio::test]
async fn sigterm_finishes_what_is_in_flight_and_gives_the_lease_back() {
    let (plane, client, ns) = home("sigterm").await;
    let proxy = FaultProxy::start(plane).await.expect("a proxy");
    let args = [steady(&ns), vec!["--webhook-port=0".to_owned()]].concat();
    let mut replica = Replica::start(proxy.kubeconfig(), &args);
    replica.ready().await;
    let slow = proxy.inject(Fault {
        filter: Filter::method(Method::POST).path("/ipaddresses"),
        action: Action::Delay(Duration::from_millis(1500)),
        count: Count::Times(1),
    });
    let kind = PoolKind::InClusterIPPool;
    let spec = json!({"addresses": ["192.0.2.10"], "prefix": 24});
    rig::create(&rig::pools(&client, &ns, kind), &rig::pool(kind, "p", &spec)).await;
    rig::create(&rig::claims(&client, &ns), &rig::claim("c", kind, "p")).await;
    eventually(PATIENCE, "the address is under way", || async {
        if slow.hits() == 1 {
            Ok(())
        } else {
            Err("no request yet".to_owned())
        }
    })
    .await;

    let begin = Instant::now();
    replica.process.term().expect("it runs");
    eventually(PATIENCE, "the lease is given back", || async {
        match holder(&client, &ns).await?.as_str() {
            "" => Ok(()),
            holder => Err(format!("{holder} holds it")),
        }
    })
    .await;
    let address = addresses(&client, &ns)
        .get("c")
        .await
        .expect("what was in flight came before the lease went");
    assert_eq!(text(&address, "/spec/address"), "192.0.2.10");
    let status = replica
        .process
        .wait_exit(Duration::from_secs(10))
        .await
        .expect("it ends");
    assert!(status.success(), "{status}: {}", replica.process.log_tail());
    assert!(
        begin.elapsed() < Duration::from_secs(10),
        "after {:?}",
        begin.elapsed()
    );
}

/// The leader ends well also when it cannot give the lease back: an end that was asked for is no loss of the lease.
/// Some rounds, since it depends on which of its tasks hears of what first.
#[tokio::test]
async fn sigterm_ends_a_leader_well_although_the_api_server_is_away() {
    let (plane, _, ns) = home("sigterm-alone").await;
    for round in 0..4 {
        let proxy = FaultProxy::start(plane).await.expect("a proxy");
        let args = [
            steady(&ns),
            vec![
                "--webhook-port=0".to_owned(),
                // Nobody gives this one back, and the next round must not wait for it.
                format!("--leader-election-id=round-{round}"),
            ],
        ]
        .concat();
        let mut replica = Replica::start(proxy.kubeconfig(), &args);
        replica.ready().await;
        replica.says("became the leader").await;
        drop(proxy);
        let took = replica.dismiss().await;
        assert!(took < Duration::from_secs(10), "after {took:?}");
    }
}

/// Ctrl-C ends it in the same way, also before it is ready.
#[tokio::test]
async fn sigint_ends_one_that_never_became_ready() {
    let (plane, _, ns) = home("sigint").await;
    let proxy = FaultProxy::start(plane).await.expect("a proxy");
    proxy.inject(Fault {
        filter: Filter::any(),
        action: Action::status(500),
        count: Count::Always,
    });
    let args = [steady(&ns), vec!["--webhook-port=0".to_owned()]].concat();
    let mut replica = Replica::start(proxy.kubeconfig(), &args);
    replica.unready(&["pools"]).await;
    let begin = Instant::now();
    replica.process.interrupt().expect("it runs");
    let status = replica
        .process
        .wait_exit(Duration::from_secs(10))
        .await
        .expect("it ends");
    assert!(status.success(), "{status}: {}", replica.process.log_tail());
    assert!(
        begin.elapsed() < Duration::from_secs(10),
        "after {:?}",
        begin.elapsed()
    );
}
