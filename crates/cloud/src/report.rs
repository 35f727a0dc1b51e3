//! One Node, or all of them, for a person: the same look as the loops take, without a write.

use std::sync::Mutex;
use std::sync::PoisonError;

use runtime::clock::BootTime;

use crate::machines;
use crate::plan::explain::Explanation;
use crate::plan::facts::NodeFacts;
use crate::plan::identity::Resolution;
use crate::plan::lifecycle::{self, Circumstances, DeletionBudget, Glance, Judgement, LifecycleMemory};
use crate::plan::node::NodeMemory;
use crate::plan::settings::NetworkSettings;
use crate::plan::upstream::{self, Comparison};
use crate::reconcile::{Look, look};
use crate::world::World;

/// What was found out about a Node.
#[derive(Debug)]
pub struct Report {
    /// The Node as it was.
    pub node: NodeFacts,
    /// What the node loop sees.
    pub look: Look,
    /// What the lifecycle makes of it; `None` for a Node that is ready.
    pub lifecycle: Option<Judgement>,
    /// What the replaced controller would do; `None` when it would not start with this file.
    pub comparison: Option<Comparison>,
}

impl Report {
    /// For printing.
    #[must_use]
    pub fn explanation(&self) -> Explanation<'_> {
        Explanation {
            node: &self.node,
            resolution: &self.look.outcome.resolution,
            trail: &self.look.outcome.trail,
            guest: self.look.guest.as_ref(),
            affinity: self.look.affinity.as_ref(),
            decision: &self.look.decision,
            lifecycle: self.lifecycle.as_ref(),
            comparison: self.comparison.as_ref(),
        }
    }
}

/// Looks at one Node as if for the first time. The sources of `world` must be running.
pub async fn report(world: &World, node: NodeFacts, upstream_network: Option<&NetworkSettings>) -> Report {
    let memory = Mutex::new(NodeMemory::default());
    let remembered = |work: &mut dyn FnMut(&mut NodeMemory)| {
        work(&mut memory.lock().unwrap_or_else(PoisonError::into_inner));
    };
    let look = look(world, &node, &remembered, None).await;
    let lifecycle = judged(world, &node, &look).await;
    let comparison = upstream_network.map(|upstream_network| {
        let facts = upstream::Facts {
            node: &node,
            resolution: &look.outcome.resolution,
            guest: look.guest.as_ref(),
            settings: &world.settings,
            upstream_network,
        };
        upstream::compare(&facts, &look.decision)
    });
    Report {
        node,
        look,
        lifecycle,
        comparison,
    }
}

async fn judged(world: &World, node: &NodeFacts, look: &Look) -> Option<Judgement> {
    let mut memory = LifecycleMemory::default();
    if lifecycle::glance(node, &mut memory) != Glance::Resolve {
        return None;
    }
    let mut regions = look.outcome.regions.clone();
    if matches!(look.outcome.resolution, Resolution::NotFound(_)) {
        regions = machines::with_evidence(world, regions).await;
    }
    let circumstances = Circumstances {
        settings: &world.settings,
        resolution: &look.outcome.resolution,
        regions: &regions,
        own_nodes: world.own_nodes(),
        now: BootTime::now(),
        wall: (world.wall)(),
    };
    Some(lifecycle::judge(
        node,
        &circumstances,
        &mut memory,
        &mut DeletionBudget::default(),
    ))
}
