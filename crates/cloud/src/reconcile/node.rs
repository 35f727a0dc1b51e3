//! One full look at a Node (§6): which machine, what does its guest say, what follows, write it.

use std::sync::Arc;
use std::time::Duration;

use runtime::answer::Answer;
use runtime::clock::{BootTime, jitter};
use tokio::time::Instant;

use crate::act::{self, Error};
use crate::announce::Voice;
use crate::machines::{self, Lists, Outcome};
use crate::observe::Seen;
use crate::plan::facts::{Affinity, GuestAnswer, NodeFacts};
use crate::plan::identity::{Found, Resolution};
use crate::plan::node::{self, Change, Decision, GuestQuestion, NodeMemory, Retry, Situation, Write};
use crate::plan::settings::NicMatch;
use crate::plan::verdict::Verdict;
use crate::world::{Seat, World};

/// Everything a look at a Node brought to light.
#[derive(Debug)]
pub struct Look {
    /// Which machine it is.
    pub outcome: Outcome,
    /// HA groups or rules; `None` when nobody asked.
    pub affinity: Option<Answer<Vec<Affinity>>>,
    /// What its guest said; `None` when nobody asked.
    pub guest: Option<GuestAnswer>,
    /// What to do.
    pub decision: Decision,
}

/// Lends a Node's memory for a moment; does not call when the Node is gone.
pub type Memory<'a> = &'a (dyn Fn(&mut dyn FnMut(&mut NodeMemory)) + Sync);

/// Looks at a Node and decides, with what `memory` holds. Writes nothing. A worker gives up its `seat` where it has to wait.
pub async fn look(world: &World, node: &NodeFacts, memory: Memory<'_>, mut seat: Option<&mut Seat>) -> Look {
    let mut outcome = machines::resolve(world, node, Lists::AtHand, seat.as_deref_mut()).await;
    if let (true, Some(taken)) = (node.is_tainted(), missed(&outcome)) {
        // The machine may be younger than the list.
        outcome = machines::resolve(world, node, Lists::NewerThan(taken), seat.as_deref_mut()).await;
    }
    let found = match &outcome.resolution {
        Resolution::Found(found) => Some(found),
        _ => None,
    };
    let affinity = match found {
        Some(found) if world.settings.needs_affinity() => {
            Some(machines::affinity(world, &found.machine.id.region).await)
        }
        _ => None,
    };
    let guest = match found {
        Some(found) => ask_guest(world, found, memory, seat).await,
        None => None,
    };
    let not_wanted = Answer::Unknown("not wanted".to_owned());
    let situation = Situation {
        node,
        resolution: &outcome.resolution,
        affinity: affinity.as_ref().unwrap_or(&not_wanted),
        guest: guest.as_ref(),
        now: BootTime::now(),
    };
    let mut decision = None;
    memory(&mut |memory| decision = Some(node::next(&world.settings, &situation, memory)));
    // Without a memory the Node is gone, and a fresh one decides as well as any.
    let decision =
        decision.unwrap_or_else(|| node::next(&world.settings, &situation, &mut NodeMemory::default()));
    Look {
        outcome,
        affinity,
        guest,
        decision,
    }
}

/// When the lists were taken that miss the machine.
fn missed(outcome: &Outcome) -> Option<BootTime> {
    if !matches!(outcome.resolution, Resolution::NotFound(_)) {
        return None;
    }
    let lists = outcome
        .regions
        .iter()
        .filter_map(|view| view.list.as_ref().known().map(|list| list.taken));
    lists.max()
}

async fn ask_guest(
    world: &World,
    found: &Found,
    memory: Memory<'_>,
    seat: Option<&mut Seat>,
) -> Option<GuestAnswer> {
    let mut question = GuestQuestion::NotWanted;
    memory(&mut |memory| question = node::guest_question(&world.settings, found, memory, BootTime::now()));
    match question {
        GuestQuestion::NotWanted => None,
        GuestQuestion::Answered(answer) => Some(answer),
        GuestQuestion::Ask => Some(machines::guest(world, found, seat).await),
    }
}

/// Looks at a Node and writes what differs.
pub(super) async fn reconcile(world: &World, seen: &Arc<Seen>, seat: &mut Seat) -> Result<(), Error> {
    let (begun, node) = (Instant::now(), &seen.facts);
    let name = &node.name;
    let memory = |work: &mut dyn FnMut(&mut NodeMemory)| {
        world.with(name, |entry| work(&mut entry.memory));
    };
    let mut look = look(world, node, &memory, Some(seat)).await;
    if has_new_hardware(world, node, &look) {
        look = self::look(world, node, &memory, Some(seat)).await;
    }
    report(world, node, &look);
    world.with(name, |entry| {
        entry.found = Some(matches!(look.outcome.resolution, Resolution::Found(_)));
    });
    let written = write(world, seen, &look.decision).await;
    if !node.is_tainted() {
        world.passed(begun);
    }
    written?;
    if let Some(at) = again(world, node, &look.decision) {
        world.due(name, at);
    }
    Ok(())
}

/// The guest shows a hardware address for the first time that the configuration does not know: a device was added (§17.4).
fn has_new_hardware(world: &World, node: &NodeFacts, look: &Look) -> bool {
    let network = &world.settings.network;
    let (Resolution::Found(found), Some(GuestAnswer::Known(interfaces))) =
        (&look.outcome.resolution, &look.guest)
    else {
        return false;
    };
    if network.nic_match == NicMatch::Off {
        return false;
    }
    let counted = interfaces
        .iter()
        .filter(|one| network.interfaces.refusal(&one.name).is_none());
    let unknown: Vec<_> = counted
        .filter_map(|one| one.mac)
        .filter(|mac| !found.config.config.macs.contains(mac))
        .collect();
    let is_new = world.with(&node.name, |entry| entry.shows(unknown));
    let is_new = is_new.unwrap_or(false);
    if let (true, Some(source)) = (is_new, world.sources.get(&found.machine.id.region)) {
        source.forget_config(found.machine.id.vmid);
    }
    is_new
}

fn report(world: &World, node: &NodeFacts, look: &Look) {
    let decision = &look.decision;
    if let Some(judgement) = decision.judgement {
        let mode = world.settings.network.mode.as_str();
        let counted = world.metrics.address_source(mode, judgement.as_str());
        world.with(&node.name, |entry| entry.source = Some(counted));
    }
    for text in &decision.warnings {
        tracing::warn!(node = &*node.name, "{text}");
    }
    for verdict in look.outcome.trail.iter().chain(&decision.verdicts) {
        let Verdict { rule, input, result } = verdict;
        tracing::trace!(node = &*node.name, rule, input, result, "verdict");
    }
    for notice in &decision.notices {
        world.announcer.tell(world, node, Voice::Node, notice);
    }
}

async fn write(world: &World, seen: &Arc<Seen>, decision: &Decision) -> Result<(), Error> {
    let node = &seen.facts;
    let written = match &decision.write {
        Write::Nothing => return Ok(()),
        Write::Untaint => {
            act::untaint(world, seen).await?;
            world.metrics.untainted(node);
            Ok(())
        }
        Write::Initialise(change) => {
            let now = act::initialise(world, seen, change).await?;
            world.metrics.untainted(node);
            line(world, node, change, "Node initialised");
            write_addresses(world, &now, change)
                .await
                .inspect(|()| world.metrics.synced(node))
        }
        Write::Update(change) => {
            let now = act::update(world, seen, change).await?;
            line(world, node, change, "Node updated");
            write_addresses(world, &now, change).await
        }
    };
    // Also when only the addresses failed: the taint is gone, and nobody would say so later.
    for notice in &decision.on_success {
        world.announcer.tell(world, node, Voice::Node, notice);
    }
    written
}

async fn write_addresses(world: &World, seen: &Arc<Seen>, change: &Change) -> Result<(), Error> {
    match &change.addresses {
        Some(list) => act::addresses(world, seen, list).await.map(|_| ()),
        None => Ok(()),
    }
}

fn line(world: &World, node: &NodeFacts, change: &Change, what: &'static str) {
    let addresses = change
        .addresses
        .iter()
        .flatten()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    let provider_id = change.provider_id.as_deref().unwrap_or_default();
    if world.options.per_node_lines {
        tracing::info!(node = &*node.name, provider_id, addresses, "{what}");
    } else {
        tracing::debug!(node = &*node.name, provider_id, addresses, "{what}");
    }
}

/// When to look again without being asked.
fn again(world: &World, node: &NodeFacts, decision: &Decision) -> Option<Instant> {
    let stays_tainted = node.is_tainted() && decision.write == Write::Nothing;
    let pass = (!stays_tainted).then(|| world.next_pass(&node.name));
    let retry = match decision.retry {
        Retry::Pass => None,
        Retry::After(pause) => Some(Instant::now() + jitter(pause.max(Duration::from_millis(1)))),
    };
    match (pass, retry) {
        (Some(pass), Some(retry)) => Some(pass.min(retry)),
        (pass, retry) => pass.or(retry),
    }
}
