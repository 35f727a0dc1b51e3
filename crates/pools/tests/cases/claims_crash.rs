//! Spec §19.8: a controller that dies in the middle.

use api::pool::PoolKind;
use futures::future::join_all;
use http::Method;
use serde_json::{Value, json};
use testkit::{
    FaultProxy, eventually,
    fault::{Action, Count, Fault, Filter},
};

use crate::{
    ground::PATIENCE,
    site::ADDRESS_KINDS,
    stage::{Stage, stage_for},
    witness::Witness,
};

fn five() -> Value {
    json!({"addresses": ["10.0.0.5-10.0.0.9"], "prefix": 24})
}

/// Runs a controller until this request was hit by this fault, and kills it there.
async fn killed_at(
    stage: &Stage,
    method: Method,
    path: &str,
    action: Action,
    work: impl Future<Output = ()>,
) {
    let proxy = FaultProxy::start(stage.plane).await.expect("a proxy");
    let controller = stage
        .controller_through(proxy.kubeconfig().to_owned(), |_| {})
        .await;
    let filter = Filter::method(method.clone()).path(path);
    let fault = proxy.inject(Fault {
        filter,
        action: action.clone(),
        count: Count::Always,
    });
    work.await;
    eventually(PATIENCE, &format!("{method} {path} meets {action:?}"), || async {
        if fault.hits() > 0 {
            Ok(())
        } else {
            Err(format!("so far:\n{}", proxy.requests()))
        }
    })
    .await;
    controller.kill();
}

#[tokio::test]
async fn case_119_a_controller_killed_before_the_status_write_leaks_nothing() {
    join_all(ADDRESS_KINDS.map(killed_before_the_status_write)).await;
}

async fn killed_before_the_status_write(kind: PoolKind) {
    let stage = stage_for(kind, "case-119").await;
    let ns = &stage.ns;
    let site = stage.site(kind, five()).await;
    killed_at(
        &stage,
        Method::PATCH,
        "/ipaddressclaims/a/status",
        Action::status(500),
        async {
            site.claim("a").await;
        },
    )
    .await;
    let before = ns.addresses().get("a").await.expect("it was created before");
    let claim = ns.claims().get("a").await.expect("the claim");
    assert_eq!(claim.data.get("status"), None, "not bound yet");
    let controller = stage.controller().await;
    let after = ns.bound("a").await;
    assert_eq!(
        before, after,
        "bound to the existing address, which is complete already"
    );
    site.counts([5, 1, 4, 0]).await;
    assert_eq!(site.take("b").await, "10.0.0.6");
    controller.stop();
}

#[tokio::test]
async fn case_119_whatever_request_of_an_allocation_was_the_last() {
    join_all(ADDRESS_KINDS.map(killed_within_an_allocation)).await;
}

async fn killed_within_an_allocation(kind: PoolKind) {
    let steps = [
        (Method::PATCH, "/ipaddressclaims/a"),
        // Where promises are recorded; the name of the pool follows.
        (Method::PATCH, kind.plural()),
        (Method::POST, "/ipaddresses"),
        (Method::PATCH, "/ipaddressclaims/a/status"),
    ];
    let ends = [Action::DropConnection, Action::DropAfterForward];
    for ((method, path), action) in steps
        .into_iter()
        .flat_map(|s| ends.clone().map(|e| (s.clone(), e)))
    {
        let stage = stage_for(kind, "case-119-create").await;
        let ns = &stage.ns;
        let site = stage.site(kind, five()).await;
        let path = if path == kind.plural() {
            format!("/{path}/{}/status", site.pool)
        } else {
            path.to_owned()
        };
        let witness = Witness::of(ns.addresses()).await;
        killed_at(&stage, method.clone(), &path, action.clone(), async {
            site.claim("a").await;
        })
        .await;
        let controller = stage.controller().await;
        let what = format!("after {method} {path} {action:?}");
        assert_eq!(ns.bound_to("a").await, "10.0.0.5", "{what}");
        assert_eq!(site.take("b").await, "10.0.0.6", "{what}");
        site.counts([5, 2, 3, 0]).await;
        witness.testify().await;
        controller.stop();
    }
}

/// Spec §11.5: every step of a release is repeatable.
#[tokio::test]
async fn whatever_request_of_a_release_was_the_last() {
    let steps = [
        (Method::PATCH, "/ipaddresses/a", Action::DropConnection),
        (Method::PATCH, "/ipaddresses/a", Action::DropAfterForward),
        (Method::DELETE, "/ipaddresses/a", Action::DropConnection),
        (Method::DELETE, "/ipaddresses/a", Action::DropAfterForward),
        (Method::PATCH, "/ipaddressclaims/a", Action::DropConnection),
        (Method::PATCH, "/ipaddressclaims/a", Action::DropAfterForward),
    ];
    let kind = PoolKind::InClusterIPPool;
    for (method, path, action) in steps {
        let stage = stage_for(kind, "release").await;
        let ns = &stage.ns;
        let site = stage.site(kind, five()).await;
        let controller = stage.controller().await;
        site.take("a").await;
        // With an open journal the next controller would keep the address back for a while.
        ns.quiet(&site.pool, [5, 1, 4, 0]).await;
        controller.stop();
        killed_at(&stage, method.clone(), path, action.clone(), async {
            ns.delete_claim("a").await;
        })
        .await;
        let controller = stage.controller().await;
        ns.claim_gone("a").await;
        ns.address_gone("a").await;
        site.counts([5, 0, 5, 0]).await;
        assert_eq!(
            site.take("b").await,
            "10.0.0.5",
            "after {method} {path} {action:?}"
        );
        controller.stop();
    }
}
