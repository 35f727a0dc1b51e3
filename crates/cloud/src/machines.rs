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
    Affinity, GuestAnswer, GuestReason, Machine, MachineId, MachineList, NodeFacts, Quorum, ReadConfig,
    Region, RegionView,
};
use crate::plan::identity::{self, Found, Resolution, Step, View};
use crate::plan::provider_id::ProviderId;
use crate::plan::verdict::Verdict;
use crate::source::metrics::Question;
use crate::source::{Freshness, Source};
use crate::world::World;

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

/// Finds the machine of a Node. Asks only for what can matter.
pub async fn resolve(world: &World, node: &NodeFacts, lists: Lists) -> Outcome {
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
            Step::Read(ids) => read.extend(read_all(world, &regions, ids).await),
        }
    }
}

fn measure(world: &World, node: &NodeFacts, resolution: &Resolution, took: Duration) {
    let failed = matches!(resolution, Resolution::Unknown(_) | Resolution::RegionUnknown(_));
    match ProviderId::parse(&node.provider_id) {
        ProviderId::Foreign => return,
        ProviderId::Empty | ProviderId::Unresolved => {
            world.source_metrics.question(Question::FindByNode, took, failed);
        }
        ProviderId::Machine { .. } => {}
    }
    world
        .source_metrics
        .question(Question::InstanceInfo, took, failed);
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

/// Adds what a deletion rests on: quorum always, privileges where an empty list raises doubts.
pub async fn with_evidence(world: &World, regions: Vec<RegionView>) -> Vec<RegionView> {
    join_all(regions.into_iter().map(|mut view| async move {
        let (Some(source), Answer::Known(list)) = (world.sources.get(&view.region), &view.list) else {
            return view;
        };
        let is_doubtful = is_doubtful(list);
        view.quorum = bounded(source.quorum()).await;
        if is_doubtful && matches!(view.quorum, Answer::Known(Quorum::Quorate)) {
            view.permissions = bounded(source.permissions()).await;
        }
        view
    }))
    .await
}

/// Whether a list may be short of machines for want of a privilege. Containers and templates are no sign that virtual
/// machines are listed.
fn is_doubtful(list: &MachineList) -> bool {
    list.virtual_machines().next().is_none()
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

/// Reads a configuration past every memory, because the one known is too old to decide on.
pub async fn reread(world: &World, regions: &[RegionView], id: &MachineId) {
    let (Some(source), Some(machine)) = (world.sources.get(&id.region), machine(regions, id)) else {
        return;
    };
    source.forget_config(id.vmid);
    // What it says is looked at when the machine is resolved again.
    drop(source.config(machine).await);
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

/// What the guest of a found machine says.
pub async fn guest(world: &World, found: &Found) -> GuestAnswer {
    let region = &found.machine.id.region;
    let answer = match world.sources.get(region) {
        Some(source) => source.guest(&found.machine).await,
        None => GuestAnswer::unavailable(GuestReason::Other, "the region is not configured"),
    };
    if let GuestAnswer::Unavailable(why) = &answer {
        world.metrics.guest_unavailable(region, why.reason);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::facts::{MachineKind, MachineStatus};

    fn machine(vmid: u64, kind: MachineKind) -> Machine {
        Machine {
            id: MachineId::new(&"fsn".parse().unwrap(), vmid),
            kind,
            host: "pve-1".into(),
            name: None,
            status: MachineStatus::Running,
            max_cpu: None,
            max_mem: None,
            uptime: None,
            ha_state: None,
            lock: None,
            tags: [].into(),
        }
    }

    #[test]
    fn a_list_without_a_virtual_machine_raises_doubts() {
        let list = |kinds: &[MachineKind]| {
            let machines = (100..).zip(kinds).map(|(vmid, kind)| machine(vmid, *kind));
            MachineList::new(BootTime::ZERO, machines)
        };
        assert!(is_doubtful(&list(&[])));
        assert!(is_doubtful(&list(&[MachineKind::Lxc, MachineKind::Template])));
        assert!(!is_doubtful(&list(&[MachineKind::Lxc, MachineKind::Qemu])));
    }
}
