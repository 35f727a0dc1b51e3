use std::sync::Arc;

use kube::api::{Patch, PatchParams};

use super::patch::{Draft, still_holds};
use super::{Error, FIELD_MANAGER, admit};
use crate::names;
use crate::observe::{Seen, SlimNode};
use crate::plan::facts::{NodeAddress, SHUTDOWN_EFFECT};
use crate::plan::labels::LabelChanges;
use crate::plan::node::Change;
use crate::world::World;

/// Tries on conflict (§6.2); each reads the Node again first.
const TRIES: u32 = 20;

/// What is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Object,
    /// Of the object, too, but decided on the Node's readiness.
    ShutdownTaint,
    Status,
}

/// Provider ID, labels, annotation and taint of a new Node, in one request. Returns the Node as it is then.
///
/// # Errors
/// See [`Error`]; nothing was written then, unless the API server did not answer.
pub async fn initialise(world: &World, seen: &Arc<Seen>, change: &Change) -> Result<Arc<Seen>, Error> {
    let draft = |seen: &Seen| {
        finished(
            Draft::new(seen)
                .change(change)
                .without_taint(names::TAINT_UNINITIALIZED, None),
        )
    };
    write(world, seen, Part::Object, draft).await
}

/// Removes only the taint.
///
/// # Errors
/// As [`initialise`].
pub async fn untaint(world: &World, seen: &Arc<Seen>) -> Result<Arc<Seen>, Error> {
    let draft = |seen: &Seen| finished(Draft::new(seen).without_taint(names::TAINT_UNINITIALIZED, None));
    write(world, seen, Part::Object, draft).await
}

/// Labels and annotation of an initialised Node, if any differ.
///
/// # Errors
/// As [`initialise`].
pub async fn update(world: &World, seen: &Arc<Seen>, change: &Change) -> Result<Arc<Seen>, Error> {
    write(world, seen, Part::Object, |seen| {
        finished(Draft::new(seen).change(change))
    })
    .await
}

/// Labels alone.
///
/// # Errors
/// As [`initialise`].
pub async fn labels(world: &World, seen: &Arc<Seen>, changes: &LabelChanges) -> Result<Arc<Seen>, Error> {
    write(world, seen, Part::Object, |seen| {
        finished(Draft::new(seen).labels(changes))
    })
    .await
}

/// The whole list of addresses.
///
/// # Errors
/// As [`initialise`].
pub async fn addresses(world: &World, seen: &Arc<Seen>, list: &[NodeAddress]) -> Result<Arc<Seen>, Error> {
    write(world, seen, Part::Status, |seen| {
        finished(Draft::new(seen).addresses(list))
    })
    .await
}

/// Its machine is switched off.
///
/// # Errors
/// As [`initialise`].
pub async fn add_shutdown_taint(world: &World, seen: &Arc<Seen>) -> Result<Arc<Seen>, Error> {
    let draft = |seen: &Seen| finished(Draft::new(seen).with_taint(names::TAINT_SHUTDOWN, SHUTDOWN_EFFECT));
    write(world, seen, Part::ShutdownTaint, draft).await
}

/// It is ready again.
///
/// # Errors
/// As [`initialise`].
pub async fn remove_shutdown_taint(world: &World, seen: &Arc<Seen>) -> Result<Arc<Seen>, Error> {
    write(world, seen, Part::ShutdownTaint, |seen| {
        finished(Draft::new(seen).without_taint(names::TAINT_SHUTDOWN, Some(SHUTDOWN_EFFECT)))
    })
    .await
}

fn finished(draft: Draft<'_>) -> Option<json_patch::Patch> {
    (!draft.is_empty()).then(|| draft.finish())
}

/// Sends the patch that `draft` makes for a state. When the Node has changed meanwhile, as with every heartbeat, it is
/// read again, and as long as the decision still holds the patch is made anew.
async fn write(
    world: &World,
    seen: &Arc<Seen>,
    part: Part,
    draft: impl Fn(&Seen) -> Option<json_patch::Patch>,
) -> Result<Arc<Seen>, Error> {
    let mut current = seen.clone();
    for _ in 0..TRIES {
        let Some(patch) = draft(&current) else {
            return Ok(current);
        };
        admit(world).await?;
        match send(world, &current, part, patch).await {
            Ok(node) => return Ok(learn(world, node)),
            Err(kube::Error::Api(status)) if matches!(status.code, 409 | 422) => {
                let fresh = read(world, &current).await?;
                if fresh.facts.resource_version == current.facts.resource_version {
                    // Nobody else wrote: the API server refuses what is written.
                    return Err(Error::Api(kube::Error::Api(status)));
                }
                if !still_holds(&current.facts, &fresh.facts, part == Part::ShutdownTaint) {
                    return Err(Error::Stale);
                }
                current = fresh;
            }
            Err(kube::Error::Api(status)) if status.code == 404 => return Err(Error::Stale),
            Err(error) => return Err(Error::Api(error)),
        }
    }
    Err(Error::Stale)
}

async fn send(
    world: &World,
    seen: &Seen,
    part: Part,
    patch: json_patch::Patch,
) -> Result<SlimNode, kube::Error> {
    let params = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let patch = Patch::Json::<()>(patch);
    match part {
        Part::Object | Part::ShutdownTaint => world.api.patch(&seen.facts.name, &params, &patch).await,
        Part::Status => world.api.patch_status(&seen.facts.name, &params, &patch).await,
    }
}

async fn read(world: &World, seen: &Seen) -> Result<Arc<Seen>, Error> {
    match world.api.get_opt(&seen.facts.name).await {
        Ok(Some(node)) => Ok(learn(world, node)),
        Ok(None) => Err(Error::Stale),
        Err(error) => Err(Error::Api(error)),
    }
}

fn learn(world: &World, node: SlimNode) -> Arc<Seen> {
    let seen = node.seen();
    world.learn(seen.clone());
    Arc::new(seen)
}
