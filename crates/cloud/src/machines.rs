//! Asks the sources what a decision needs: which machine is this Node, and what does its guest say?

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use futures::stream::{self, StreamExt};
use runtime::answer::Answer;
use runtime::clock::BootTime;
use tokio::time::timeout;

use crate::plan::facts::{
    Affinity, GuestAnswer, GuestReason, Machine, MachineId, MachineList, MachineStatus, NodeFacts, Quorum,
    ReadConfig, Region, RegionView,
};
use crate::plan::identity::{self, Found, Resolution, Step, View};
use crate::plan::provider_id::ProviderId;
use crate::plan::verdict::Verdict;
use crate::source::metrics::Question;
use crate::source::{Freshness, Source};
use crate::world::{Place, Seat, World};

/// How long a Node waits for one region's list. Regions are independent: one that hangs must not hold up the Nodes of
/// another, which are looked at again soon if this was too short.
const PATIENCE: Duration = Duration::from_secs(3);
/// Configurations of one search that are asked for at once; the source has limits of its own.
const READS: usize = 8;

/// Which machine a Node is, and how that was found out.
#[derive(Debug)]
pub struct Outcome {
    /// The answer.
    pub resolution: Resolution,
    /// What is known of the regions that were asked.
    pub regions: Vec<RegionView>,
    /// Which rule did what.
    pub trail: Vec<Verdict>,
}

/// How new the lists have to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lists {
    /// Those at hand.
    AtHand,
    /// Newer than these: something was missed in them.
    NewerThan(BootTime),
}

/// Finds the machine of a Node. Asks only for what can matter. A worker gives up its `seat` while it waits for hosts.
pub async fn resolve(world: &World, node: &NodeFacts, lists: Lists, mut seat: Option<&mut Seat>) -> Outcome {
    let start = Instant::now();
    let regions = views(world, node, lists).await;
    let mut read = HashMap::new();
    loop {
        let mut trail = Vec::new();
        let configs = |id: &MachineId| read.get(id).cloned().or_else(|| known(world, &regions, id));
        let view = View {
            regions: &regions,
            configs: &configs,
        };
        match identity::resolve(node, world.settings.match_name, view, &mut trail) {
            Step::Done(resolution) => {
                measure(world, node, &resolution, start.elapsed());
                return Outcome {
                    resolution: *resolution,
                    regions,
                    trail,
                };
            }
            Step::Read(ids) => {
                let place = place(&regions, &ids);
                let reads = read_all(world, &regions, ids);
                read.extend(at(seat.as_deref_mut(), place, reads).await);
            }
        }
    }
}

/// Waits for an answer, with or without a seat to give up.
async fn at<T>(seat: Option<&mut Seat>, place: Place, question: impl Future<Output = T>) -> T {
    match seat {
        Some(seat) => seat.at(place, question).await,
        None => question.await,
    }
}

/// Where the configurations of these machines are waited for.
fn place(regions: &[RegionView], ids: &[MachineId]) -> Place {
    let mut hosts = ids
        .iter()
        .filter_map(|id| Some((&id.region, &machine(regions, id)?.host)));
    match hosts.next() {
        Some((region, host)) if hosts.all(|other| other == (region, host)) => {
            Place::Host(region.clone(), host.clone())
        }
        _ => Place::Everywhere,
    }
}

fn measure(world: &World, node: &NodeFacts, resolution: &Resolution, took: Duration) {
    let failed = matches!(resolution, Resolution::Unknown(_) | Resolution::RegionUnknown(_));
    if *resolution == Resolution::Foreign {
        return;
    }
    let searched = identity::searched(node, world.settings.match_name, resolution);
    let questions = [
        (Question::FindByNode, searched.by_name),
        (Question::FindByUuid, searched.by_uuid),
        (Question::InstanceInfo, true),
    ];
    for (question, _) in questions.into_iter().filter(|(_, was_asked)| *was_asked) {
        world.source_metrics.question(question, took, failed);
    }
}

/// The regions a Node can be in: the one its provider ID names, else all.
async fn views(world: &World, node: &NodeFacts, lists: Lists) -> Vec<RegionView> {
    let only = match ProviderId::parse(&node.provider_id) {
        ProviderId::Foreign => return Vec::new(),
        ProviderId::Machine { region, .. } => Some(region),
        ProviderId::Empty | ProviderId::Unresolved => None,
    };
    join_all(world.sources.iter().map(|source| async move {
        let region = source.region();
        if only.is_some_and(|only| only != region.as_str()) {
            return RegionView::silent(region.clone(), "not asked");
        }
        RegionView {
            list: list(source, lists).await,
            ..RegionView::silent(region.clone(), "not asked")
        }
    }))
    .await
}

async fn list(source: &Arc<dyn Source>, lists: Lists) -> Answer<Arc<MachineList>> {
    let freshness = match lists {
        Lists::AtHand => Freshness::Current,
        Lists::NewerThan(taken) => Freshness::NewerThan(taken),
    };
    let late = || Answer::Unknown(format!("it has given no list of machines within {PATIENCE:?}"));
    timeout(PATIENCE, source.machines(freshness))
        .await
        .unwrap_or_else(|_| late())
}

/// Adds what a deletion rests on: quorum, and privileges, because what we may not see is missing in a list. Both are asked
/// for after the list had arrived: an answer from before a privilege was lost would vouch for a list from after it.
pub async fn with_evidence(world: &World, regions: Vec<RegionView>) -> Vec<RegionView> {
    join_all(regions.into_iter().map(|mut view| async move {
        let (Some(source), Answer::Known(list)) = (world.sources.get(&view.region), &view.list) else {
            return view;
        };
        let since = list.arrived;
        view.quorum = bounded(source.quorum(since)).await;
        if matches!(view.quorum, Answer::Known(Quorum::Quorate)) {
            view.permissions = bounded(source.permissions(since)).await;
        }
        view
    }))
    .await
}

/// What comes later is kept by the source, for whoever asks next.
async fn bounded<T>(question: impl Future<Output = Answer<T>>) -> Answer<T> {
    let late = || Answer::Unknown(format!("no answer within {PATIENCE:?}"));
    timeout(PATIENCE, question).await.unwrap_or_else(|_| late())
}

fn known(world: &World, regions: &[RegionView], id: &MachineId) -> Option<Answer<ReadConfig>> {
    let config = world
        .sources
        .get(&id.region)?
        .known_config(machine(regions, id)?)?;
    Some(Answer::Known(config))
}

fn machine<'a>(regions: &'a [RegionView], id: &MachineId) -> Option<&'a Machine> {
    let view = regions.iter().find(|view| view.region == id.region)?;
    let Answer::Known(list) = &view.list else {
        return None;
    };
    list.get(id.vmid)
}

async fn read_all(
    world: &World,
    regions: &[RegionView],
    ids: Vec<MachineId>,
) -> Vec<(MachineId, Answer<ReadConfig>)> {
    let reads = ids.into_iter().map(|id| async move {
        let answer = match (world.sources.get(&id.region), machine(regions, &id)) {
            (Some(source), Some(machine)) => source.config(machine).await,
            _ => Answer::Unknown("the list that named it is gone".to_owned()),
        };
        (id, answer)
    });
    stream::iter(reads).buffer_unordered(READS).collect().await
}

/// The configuration of this machine is too old to decide on.
pub fn forget(world: &World, id: &MachineId) {
    if let Some(source) = world.sources.get(&id.region) {
        source.forget_config(id.vmid);
    }
}

/// Configurations of machines that do not run are too old to decide on if they were read before this moment. Those that
/// others have read again meanwhile stay.
pub fn forget_at_rest(world: &World, regions: &[RegionView], before: BootTime) {
    for view in regions {
        let (Some(source), Answer::Known(list)) = (world.sources.get(&view.region), &view.list) else {
            continue;
        };
        let at_rest = list
            .virtual_machines()
            .filter(|machine| machine.status != MachineStatus::Running);
        for machine in at_rest {
            if source
                .known_config(machine)
                .is_some_and(|known| known.read < before)
            {
                source.forget_config(machine.id.vmid);
            }
        }
    }
}

/// HA groups or rules of a region.
pub async fn affinity(world: &World, region: &Region) -> Answer<Vec<Affinity>> {
    if !world.settings.needs_affinity() {
        return Answer::Unknown("not wanted".to_owned());
    }
    match world.sources.get(region) {
        Some(source) => bounded(source.affinities()).await.map(|all| all.to_vec()),
        None => Answer::Unknown(format!("region {region} is not configured")),
    }
}

/// What the guest of a found machine says. A worker gives up its `seat` while it waits.
pub async fn guest(world: &World, found: &Found, seat: Option<&mut Seat>) -> GuestAnswer {
    let region = &found.machine.id.region;
    let place = Place::Host(region.clone(), found.machine.host.clone());
    let answer = match world.sources.get(region) {
        Some(source) => at(seat, place, source.guest(&found.machine)).await,
        None => GuestAnswer::unavailable(GuestReason::Other, "the region is not configured"),
    };
    if let GuestAnswer::Unavailable(why) = &answer {
        world.metrics.guest_unavailable(region, why.reason);
    }
    answer
}
