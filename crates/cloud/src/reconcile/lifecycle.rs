//! The lifecycle loop (§7): Nodes that are not ready, judged from the shared index.

use std::sync::Arc;
use std::time::Instant;

use futures::stream::{self, StreamExt};
use runtime::answer::chain;
use runtime::clock::BootTime;

use crate::act::{self, Error};
use crate::announce::Voice;
use crate::machines::{self, Lists, Outcome};
use crate::observe::Seen;
use crate::plan::facts::NodeFacts;
use crate::plan::identity::{Missing, Resolution};
use crate::plan::lifecycle::{self, Circumstances, Glance, Judgement, LifecycleStep};
use crate::plan::notice::{Notice, Reason};
use crate::source::metrics::Question;
use crate::world::World;

/// One look at all Nodes that are not ready.
pub async fn monitor(world: &World) {
    world.count();
    let nodes = world.all();
    let checks = nodes.into_iter().map(|seen| async move {
        if let Err(error) = check(world, &seen).await
            && error.is_news()
        {
            tracing::warn!(node = &*seen.facts.name, error = chain(&error), "trying again");
        }
    });
    stream::iter(checks)
        .buffer_unordered(world.options.monitors.max(1))
        .collect::<()>()
        .await;
}

async fn check(world: &World, seen: &Arc<Seen>) -> Result<(), Error> {
    let glance = world.with(&seen.facts.name, |entry| {
        lifecycle::glance(&seen.facts, &mut entry.lifecycle)
    });
    match glance {
        None | Some(Glance::Rest) => Ok(()),
        Some(Glance::RemoveShutdownTaint) => act::remove_shutdown_taint(world, seen).await.map(|_| ()),
        Some(Glance::Resolve) => resolve(world, seen).await,
    }
}

async fn resolve(world: &World, seen: &Arc<Seen>) -> Result<(), Error> {
    let start = Instant::now();
    let mut outcome = evidence(world, &seen.facts).await;
    let Some(mut judgement) = judge(world, &seen.facts, &outcome) else {
        return Ok(());
    };
    if let LifecycleStep::Reread(id) = &judgement.step {
        machines::reread(world, &outcome.regions, id).await;
        outcome = evidence(world, &seen.facts).await;
        let Some(again) = judge(world, &seen.facts, &outcome) else {
            return Ok(());
        };
        judgement = again;
    }
    let failed = matches!(outcome.resolution, Resolution::Unknown(_));
    world
        .source_metrics
        .question(Question::VmState, start.elapsed(), failed);
    for notice in &judgement.notices {
        world.announcer.tell(world, &seen.facts, Voice::Lifecycle, notice);
    }
    match &judgement.step {
        LifecycleStep::Rest | LifecycleStep::Reread(_) => Ok(()),
        LifecycleStep::AddShutdownTaint => {
            act::add_shutdown_taint(world, seen).await?;
            tracing::info!(
                node = &*seen.facts.name,
                "machine is switched off, shutdown taint added"
            );
            Ok(())
        }
        LifecycleStep::Delete(missing) => delete(world, seen, missing).await,
    }
}

/// Which machine it is, and where none is, what that rests on.
async fn evidence(world: &World, node: &NodeFacts) -> Outcome {
    let mut outcome = machines::resolve(world, node, Lists::AtHand).await;
    if matches!(outcome.resolution, Resolution::NotFound(_)) {
        outcome.regions = machines::with_evidence(world, outcome.regions).await;
    }
    outcome
}

fn judge(world: &World, node: &NodeFacts, outcome: &Outcome) -> Option<Judgement> {
    let own_nodes = world.own_nodes();
    let circumstances = Circumstances {
        settings: &world.settings,
        resolution: &outcome.resolution,
        regions: &outcome.regions,
        own_nodes,
        now: BootTime::now(),
        wall: (world.wall)(),
    };
    world.with_budget(&node.name, |entry, budget| {
        lifecycle::judge(node, &circumstances, &mut entry.lifecycle, budget)
    })
}

async fn delete(world: &World, seen: &Arc<Seen>, missing: &Missing) -> Result<(), Error> {
    let node = &seen.facts;
    match act::delete(world, node).await {
        Ok(()) => {
            tracing::info!(node = &*node.name, reason = %missing, "Node deleted");
            world.metrics.deleted(reason(missing));
            world.forget(node);
            Ok(())
        }
        Err(error) => {
            world.refund();
            // A conflict is judged anew at the next look; anything else a person should see.
            if error.is_news() {
                let text = format!("cannot delete the Node, trying again: {}", chain(&error));
                let notice = Notice::warning(Reason::DeletingNodeFailed, text);
                world.announcer.tell(world, node, Voice::Lifecycle, &notice);
            }
            Err(error)
        }
    }
}

/// Value of the label `reason` of `ccm_node_deletions_total`.
fn reason(missing: &Missing) -> &'static str {
    match missing {
        Missing::NotListed(_) => "NotListed",
        Missing::Container(_) => "Container",
        Missing::Template(_) => "Template",
        Missing::UuidDiffers { .. } => "UUIDDiffers",
        Missing::MachineWithoutUuid(_) => "MachineWithoutUUID",
        Missing::NodeWithoutUuid => "NodeWithoutUUID",
        Missing::NoSuchUuid(_) => "NoSuchUUID",
        Missing::OtherName(_) => "OtherName",
    }
}
