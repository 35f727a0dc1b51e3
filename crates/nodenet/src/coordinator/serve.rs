//! The workers: one policy at a time each, from what is known to what is written.

use std::sync::Arc;
use std::time::Duration;

use api::nmstate::Policy;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{self, StreamExt};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use runtime::answer::chain;
use runtime::events::EventType;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::World;
use super::act::{self, Error};
use super::world::Key;
use crate::plan::rollout::{Abort, Plan};

/// Never sleep longer than this for a time named by the plan: clocks may jump.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// Writes for one policy under way at the same time.
const AT_ONCE: usize = 16;

/// Works until `stop`.
pub(super) async fn work(world: Arc<World>, stop: CancellationToken) {
    // Not only until the queue is closed: who is dropped closes nothing.
    while let Some(Some(key)) = stop.run_until_cancelled(world.queue.next()).await {
        let outcome = stop.run_until_cancelled(turn(&world, &key)).await;
        match outcome {
            Some(Ok(())) => world.queue.forget(&key),
            Some(Err(error)) => {
                if error.is_news() {
                    tracing::warn!(
                        ?key,
                        error = chain(&error),
                        "cannot carry out what was decided, trying again"
                    );
                }
                world.queue.retry(key.clone());
            }
            None => {}
        }
        world.queue.done(&key);
    }
}

async fn turn(world: &Arc<World>, key: &Key) -> Result<(), Error> {
    match key {
        Key::Policy(name) => serve(world, name).await,
        Key::Orphan(name) => bury(world, name).await,
    }
}

/// Does what follows for one policy, and once more after a status was written: what it records may be granted then.
async fn serve(world: &Arc<World>, name: &str) -> Result<(), Error> {
    loop {
        let now = Timestamp::now();
        let Some((policy, plan)) = world.read(|index| index.plan(name, now)) else {
            return Ok(());
        };
        nodes(world, &policy, &plan, now).await?;
        if let Some(wanted) = plan.finalizer {
            act::finalizer(world, &policy, wanted).await?;
            continue;
        }
        if let Some(when) = plan.look_again {
            rest(world, name, when, now);
        }
        let Some(status) = plan.status else {
            world.status_rests(name);
            return Ok(());
        };
        let clock = Instant::now();
        if let Some(wait) = world.status_due(name, clock) {
            world.queue.add_after(Key::Policy(name.to_owned()), wait);
            return Ok(());
        }
        world.status_written(name, clock);
        act::status(world, &policy, &status).await?;
        announce(world, &policy, &plan.problem, &status.conflicts);
    }
}

/// Wakes the policy at a time of the plan.
fn rest(world: &World, name: &str, when: Timestamp, now: Timestamp) {
    let left = Duration::try_from(when.duration_since(now)).unwrap_or_default();
    let left = left.clamp(Duration::from_millis(10), LONGEST_REST);
    world.queue.add_after(Key::Policy(name.to_owned()), left);
}

/// Permissions taken away, given, and refused; together, for they do not depend on each other.
async fn nodes(world: &Arc<World>, policy: &Policy, plan: &Plan, now: Timestamp) -> Result<(), Error> {
    let seen = |name: &str| world.read(|index| index.versioned(name));
    let mut writes: Vec<BoxFuture<'_, Result<(), Error>>> = Vec::new();
    for (enactment, _) in plan.revokes.iter().filter_map(|name| seen(name)) {
        writes.push(async move { act::revoke(world, &enactment).await }.boxed());
    }
    for grant in &plan.grants {
        writes.push(act::grant(world, grant).boxed());
    }
    for (abort, (enactment, version)) in plan.aborts.iter().filter_map(|a| Some((a, seen(&a.enactment)?))) {
        let write = async move {
            act::abort(world, abort, (&enactment, version), now).await?;
            tell_abort(world, policy, abort);
            Ok(())
        };
        writes.push(write.boxed());
    }
    // Every write is tried; the first error is told.
    let results: Vec<Result<(), Error>> = stream::iter(writes).buffer_unordered(AT_ONCE).collect().await;
    results.into_iter().collect()
}

async fn bury(world: &Arc<World>, name: &str) -> Result<(), Error> {
    let Some((enactment, why)) = world.read(|index| index.orphan(name)) else {
        return Ok(());
    };
    if act::bury(world, &enactment, why).await? {
        tracing::info!(enactment = name, reason = ?why, "deleted an enactment that nobody owns any more");
    }
    Ok(())
}

fn reference(policy: &Policy) -> ObjectReference {
    ObjectReference {
        api_version: Some("nmstate.io/v1".to_owned()),
        kind: Some(api::nmstate::NmstateKind::Policy.kind().to_owned()),
        name: policy.metadata.name.clone(),
        uid: policy.metadata.uid.clone(),
        ..ObjectReference::default()
    }
}

fn tell_abort(world: &World, policy: &Policy, abort: &Abort) {
    tracing::info!(
        policy = policy.name(),
        node = abort.node,
        "aborted: too many nodes failed"
    );
    if let Some(events) = &world.config.events {
        let note = format!("reconciliation of enactment \"{}\" has aborted", abort.enactment);
        events.record(
            &reference(policy),
            EventType::Warning,
            "ReconcileFailed",
            "Abort",
            &note,
        );
    }
}

/// Says once, with the status that records it, what the owner of a policy should hear.
fn announce(
    world: &World,
    policy: &Policy,
    problem: &Option<String>,
    conflicts: &[api::nmstate::policy::PolicyConflict],
) {
    if let Some(problem) = problem {
        tracing::warn!(policy = policy.name(), problem, "a roll-out setting is not used");
    }
    let Some(events) = &world.config.events else {
        return;
    };
    let known = policy
        .status
        .as_ref()
        .map(|status| status.conflicts.as_slice())
        .unwrap_or_default();
    let mut told: Vec<&str> = Vec::new();
    for conflict in conflicts {
        // The pair has one event: that of the policy whose name comes first.
        let old = known.iter().any(|other| other.with == conflict.with);
        if old || told.contains(&conflict.with.as_str()) || policy.name() > conflict.with.as_str() {
            continue;
        }
        told.push(&conflict.with);
        let note = format!(
            "policy {} of the same priority sets {} on node {} to another value; give one of them another priority",
            conflict.with, conflict.path, conflict.node
        );
        events.record(
            &reference(policy),
            EventType::Warning,
            "PolicyConflict",
            "Mask",
            &note,
        );
    }
}
