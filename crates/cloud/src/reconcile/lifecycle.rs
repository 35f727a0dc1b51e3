//! The lifecycle loop (§7): Nodes that are not ready, judged from the shared index.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt};
use runtime::answer::chain;
use runtime::clock::BootTime;

use crate::act::{self, Error};
use crate::announce::Voice;
use crate::machines::{self, Lists, Outcome};
use crate::observe::Seen;
use crate::plan::facts::{NodeFacts, RegionView};
use crate::plan::identity::{Missing, Resolution};
use crate::plan::lifecycle::{self, Circumstances, Glance, Judgement, LifecycleMemory, LifecycleStep};
use crate::plan::notice::{Notice, Reason};
use crate::plan::settings::Deletion;
use crate::source::metrics::Question;
use crate::world::{Ledger, LedgerError, NodeName, World};

/// One look at all Nodes that are not ready. Returns those with something that could not be written.
pub async fn monitor(world: &World) -> Vec<NodeName> {
    world.count();
    settle(world).await;
    let nodes = world.all();
    let checks = nodes.into_iter().map(|seen| async move {
        let error = check(world, &seen).await.err()?;
        if error.is_news() {
            tracing::warn!(node = &*seen.facts.name, error = chain(&error), "trying again");
        }
        Some(NodeName::from(&*seen.facts.name))
    });
    stream::iter(checks)
        .buffer_unordered(world.options.monitors.max(1))
        .filter_map(std::future::ready)
        .collect()
        .await
}

/// The record of deletions is read at once, so that what it says is old by the time a Node has to be deleted, and lowered
/// when deletions have become too old to count.
async fn settle(world: &World) {
    let Some(ledger) = ledger(world) else {
        return;
    };
    let settled = async {
        ledger.open(world).await?;
        ledger.settle(world).await
    };
    // Whoever has to delete a Node says it aloud.
    if let Err(error) = settled.await {
        tracing::debug!(
            error = chain(&error),
            "the record of deletions stays as it is for now"
        );
    }
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
    if let Err(error) = open(world, &outcome).await {
        // What confirms a deletion has to be judged without a break.
        world.with(&seen.facts.name, |entry| {
            entry.lifecycle = LifecycleMemory::default();
        });
        return held(world, &seen.facts, &outcome, &error);
    }
    let Some(mut judgement) = judge(world, &seen.facts, &outcome) else {
        return Ok(());
    };
    if forget(world, &outcome.regions, &judgement.step) {
        outcome = evidence(world, &seen.facts).await;
        let Some(again) = judge(world, &seen.facts, &outcome) else {
            return Ok(());
        };
        judgement = again;
    }
    measure(world, &outcome.resolution, start.elapsed());
    if let LifecycleStep::Delete(_) = &judgement.step
        && let Err(error) = cover(world).await
    {
        world.refund();
        return held(world, &seen.facts, &outcome, &error);
    }
    for notice in &judgement.notices {
        world.announcer.tell(world, &seen.facts, Voice::Lifecycle, notice);
    }
    match &judgement.step {
        LifecycleStep::Rest | LifecycleStep::Reread(_) | LifecycleStep::RereadAtRest(_) => Ok(()),
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

/// Whether the machine exists is one question, and whether it is switched off another one, which nobody asks of a machine
/// that is not there (§11).
fn measure(world: &World, resolution: &Resolution, took: Duration) {
    let failed = matches!(resolution, Resolution::Unknown(_) | Resolution::RegionUnknown(_));
    let ask = |question| world.source_metrics.question(question, took, failed);
    ask(Question::VmInfo);
    if matches!(
        resolution,
        Resolution::Found(_) | Resolution::NameMismatch(_) | Resolution::Inaccessible(_)
    ) {
        ask(Question::VmState);
    }
}

/// The ledger, where the budget counts at all.
fn ledger(world: &World) -> Option<&Ledger> {
    let counts = world.settings.deletion == Deletion::Confirmed;
    world.ledger.as_ref().filter(|_| counts)
}

/// Before the budget is asked: what other processes have deleted must be in it.
async fn open(world: &World, outcome: &Outcome) -> Result<(), LedgerError> {
    match (ledger(world), &outcome.resolution) {
        (Some(ledger), Resolution::NotFound(_)) => ledger.open(world).await,
        _ => Ok(()),
    }
}

/// Before a Node is deleted: the next process must know.
async fn cover(world: &World) -> Result<(), LedgerError> {
    match ledger(world) {
        Some(ledger) => ledger.cover(world).await,
        None => Ok(()),
    }
}

/// Without the record no Node is deleted.
fn held(world: &World, node: &NodeFacts, outcome: &Outcome, error: &LedgerError) -> Result<(), Error> {
    if error.is_news() {
        let (resolution, why) = (&outcome.resolution, chain(error));
        let text = format!("{resolution}, but the Node is kept: {why}");
        let notice = Notice::warning(Reason::DeletionHeld, text);
        world.announcer.tell(world, node, Voice::Lifecycle, &notice);
    }
    Ok(())
}

/// Forgets configurations that are too old to delete for; whoever resolves the Node next reads them. False when the step
/// asks for nothing of the kind.
fn forget(world: &World, regions: &[RegionView], step: &LifecycleStep) -> bool {
    match step {
        LifecycleStep::Reread(id) => machines::forget(world, id),
        LifecycleStep::RereadAtRest(before) => machines::forget_at_rest(world, regions, *before),
        LifecycleStep::Rest | LifecycleStep::AddShutdownTaint | LifecycleStep::Delete(_) => return false,
    }
    true
}

/// Which machine it is, and where none is, what that rests on.
async fn evidence(world: &World, node: &NodeFacts) -> Outcome {
    let mut outcome = machines::resolve(world, node, Lists::AtHand, None).await;
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
            // A deletion that may have happened counts.
            if !error.may_have_happened() {
                world.refund();
            }
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
        Missing::NoSuchUuid { .. } => "NoSuchUUID",
        Missing::OtherName(_) => "OtherName",
    }
}
