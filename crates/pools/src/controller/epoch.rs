//! One epoch: watches, then work, until the served versions change or the process stops.

use std::{sync::Arc, time::Duration};

use api::{
    names::GROUP,
    pool::{AddressPoolSpec, PoolKind, PrefixPoolSpec},
};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::{Api, api::PostParams};
use runtime::watch::{WatchStatus, status};
use tokio::{
    sync::watch,
    task::{JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

use super::{Config, Current, Served, discovery};
use crate::{
    observe,
    plan::index::Settings,
    reconcile::{self, work},
    world::World,
};

/// Time between two looks at what is served.
const REDISCOVER_EVERY: Duration = Duration::from_secs(15);

pub(super) async fn run(config: &Config, served: Served, current: &Current, stop: &CancellationToken) {
    let end = stop.child_token();
    let global = match may_serve_global_pools(config).await {
        Ok(answer) => answer,
        Err(error) => {
            (config.readiness)(Err(format!("cannot ask for our own permissions: {error}")));
            tokio::time::sleep(Duration::from_secs(1)).await;
            return;
        }
    };
    let settings = Settings {
        scope: config.scope.clone(),
        conditions: served.conditions,
        no_global_pools: global.err(),
        holder: config.identity.clone(),
    };
    let world = World::new(
        config.client.clone(),
        served.version,
        served.cluster_version.clone(),
        settings,
        config.shared.clone(),
    );
    let mut watches = JoinSet::new();
    let mut workers = JoinSet::new();
    let work = async {
        if !sync(config, &world, &mut watches, &end).await {
            return;
        }
        current.set(Some(world.clone()));
        (config.readiness)(Ok(()));
        if !lead(config, &end).await {
            return;
        }
        if config.is_elected {
            // Whoever led before us wrote what our watches may not show yet.
            world.change(|index, _, _| index.refresh_begins());
            world.refresh.notify_one();
        }
        start_workers(&world, &mut workers);
        tokio::select! {
            () = end.cancelled() => {}
            // A worker ends before its queue closes only by a panic, and then its key would be lost.
            Some(result) = workers.join_next() => propagate(result),
        }
    };
    tokio::select! {
        () = work => {}
        () = changed(config, &served) => tracing::info!("the served versions changed, starting over"),
    }
    // Work first, so that what is in flight still learns its outcome.
    world.claims.close();
    world.pools.close();
    world.orphans.close();
    while let Some(result) = workers.join_next().await {
        propagate(result);
    }
    end.cancel();
    while let Some(result) = watches.join_next().await {
        propagate(result);
    }
}

/// A panic of a task is a panic of the controller: half of it must not go on without the other.
fn propagate(result: Result<(), JoinError>) {
    if let Err(error) = result
        && let Ok(panic) = error.try_into_panic()
    {
        std::panic::resume_unwind(panic);
    }
}

/// With `--namespace`, addresses of global pools must still be counted everywhere; where that is not permitted, global
/// pools are not served (spec §16). The inner error is the reason.
async fn may_serve_global_pools(config: &Config) -> Result<Result<(), String>, kube::Error> {
    let Some(namespace) = &config.scope.namespace else {
        return Ok(Ok(()));
    };
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                group: Some(GROUP.to_owned()),
                resource: Some("ipaddresses".to_owned()),
                verb: Some("list".to_owned()),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let api: Api<SelfSubjectAccessReview> = Api::all(config.client.clone());
    let answer = api.create(&PostParams::default(), &review).await?;
    if answer.status.is_some_and(|s| s.allowed) {
        return Ok(Ok(()));
    }
    let why = format!(
        "this instance is limited to namespace {namespace} and may not list IPAddresses of all namespaces, \
         so it cannot serve global pools; grant it list and watch on ipaddresses cluster-wide"
    );
    tracing::warn!("{why}");
    Ok(Err(why))
}

/// Starts the watches and waits until each has shown everything once. Addresses come last: their list is then newer
/// than every pool's journal.
async fn sync(config: &Config, world: &Arc<World>, tasks: &mut JoinSet<()>, end: &CancellationToken) -> bool {
    let namespace = config.scope.namespace.clone();
    let has_global = world.read(|index| index.settings().no_global_pools.is_none());
    let mut waiting: Vec<(String, watch::Receiver<WatchStatus>)> = Vec::new();
    let mut follow = |name: &str| {
        let (sender, receiver) = status();
        waiting.push((name.to_owned(), receiver));
        sender
    };

    tasks.spawn(observe::claims(
        world.clone(),
        namespace.clone(),
        follow("IPAddressClaim"),
        end.clone(),
    ));
    tasks.spawn(observe::clusters(
        world.clone(),
        namespace.clone(),
        follow("Cluster"),
        end.clone(),
    ));
    for kind in PoolKind::ALL
        .into_iter()
        .filter(|k| has_global || k.is_namespaced())
    {
        let (world, namespace, status, end) =
            (world.clone(), namespace.clone(), follow(kind.kind()), end.clone());
        if kind.is_prefix() {
            tasks.spawn(observe::pools::<PrefixPoolSpec>(
                world, kind, namespace, status, end,
            ));
        } else {
            tasks.spawn(observe::pools::<AddressPoolSpec>(
                world, kind, namespace, status, end,
            ));
        }
    }
    if !synced(config, &mut waiting, end).await {
        return false;
    }
    // Addresses of every namespace count, even when claims of only one are served.
    let (sender, receiver) = status();
    let everywhere = namespace.filter(|_| !has_global);
    tasks.spawn(observe::addresses(world.clone(), everywhere, sender, end.clone()));
    synced(config, &mut [("IPAddress".to_owned(), receiver)], end).await
}

async fn synced(
    config: &Config,
    waiting: &mut [(String, watch::Receiver<WatchStatus>)],
    end: &CancellationToken,
) -> bool {
    for (kind, receiver) in waiting {
        loop {
            let Some(missing) = receiver.borrow_and_update().missing() else {
                break;
            };
            (config.readiness)(Err(format!("watch on {kind}: {missing}")));
            tokio::select! {
                () = end.cancelled() => return false,
                changed = receiver.changed() => if changed.is_err() { return false },
            }
        }
    }
    true
}

async fn lead(config: &Config, end: &CancellationToken) -> bool {
    let mut leading = config.leading.clone();
    tokio::select! {
        () = end.cancelled() => false,
        result = leading.wait_for(|leading| *leading) => result.is_ok(),
    }
}

fn start_workers(world: &Arc<World>, workers: &mut JoinSet<()>) {
    for _ in 0..world.options.claim_workers {
        workers.spawn(work(world.clone(), |w| &w.claims, reconcile::claim::reconcile));
    }
    for _ in 0..world.options.pool_workers {
        workers.spawn(work(world.clone(), |w| &w.pools, reconcile::pool::reconcile));
    }
    workers.spawn(work(world.clone(), |w| &w.orphans, reconcile::orphan::reconcile));
}

/// Ends when something else is served than when the epoch began. Kinds that are gone make the process unready until
/// they are back; silence of the API server changes nothing.
async fn changed(config: &Config, served: &Served) {
    let mut is_missing = false;
    loop {
        tokio::time::sleep(REDISCOVER_EVERY).await;
        match discovery::discover(&config.client).await {
            Ok(Ok(now)) if now != *served => return,
            Ok(Ok(_)) if is_missing => {
                is_missing = false;
                (config.readiness)(Ok(()));
            }
            Ok(Err(missing)) => {
                is_missing = true;
                (config.readiness)(Err(missing));
            }
            Ok(Ok(_)) | Err(_) => {}
        }
    }
}
