//! The writes. Each tests the state it was decided on, and none is sent unless this process leads.

use std::fmt::Debug;

use api::nmstate::{Enactment, Policy, PolicyStatus};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, DeleteParams, Patch, PatchParams, Preconditions};
use runtime::client::{Outcome, outcome};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::index::{Touched, version};
use super::slim::SlimEnactment;
use super::{FIELD_MANAGER, World};
use crate::names::{REVERT_FINALIZER, SLOT_ANNOTATION};
use crate::plan::condition::enactment::EnactmentState;
use crate::plan::rollout::{Abort, EnactmentView, Grant, Orphan};

/// Why a write brought nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// Another process leads now; this one must not write.
    #[error("this process does not hold the lead any more")]
    NotLeading,
    /// The object changed since the decision, or is gone: decide again when the change is seen.
    #[error("the object changed meanwhile")]
    Stale,
    /// The API server said no, or nothing.
    #[error("the API server did not carry it out")]
    Api(#[source] kube::Error),
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        match &error {
            // A failed test of a JSON patch is 422; a conflict 409; what is gone needs no write.
            kube::Error::Api(status) if [404, 409, 422].contains(&status.code) => Self::Stale,
            _ => Self::Api(error),
        }
    }
}

impl Error {
    /// Whether to try again soon: conflicts are answered by the event that caused them.
    pub(super) fn is_news(&self) -> bool {
        match self {
            Self::NotLeading | Self::Stale => false,
            Self::Api(error) => outcome(error) != Outcome::NotSent,
        }
    }
}

fn must_lead(world: &World) -> Result<(), Error> {
    if (world.holds)() {
        Ok(())
    } else {
        Err(Error::NotLeading)
    }
}

fn params() -> PatchParams {
    PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    }
}

fn patch(operations: Value) -> Patch<()> {
    Patch::Json(serde_json::from_value(operations).expect("every operation is one of JSON Patch"))
}

async fn send<K>(world: &World, name: &str, status: bool, operations: Value) -> Result<K, Error>
where
    K: kube::Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
    K: kube::Resource<Scope = kube::core::ClusterResourceScope>,
{
    must_lead(world)?;
    let api: Api<K> = Api::all(world.config.client.clone());
    let answer = if status {
        api.patch_status(name, &params(), &patch(operations)).await
    } else {
        api.patch(name, &params(), &patch(operations)).await
    };
    answer.map_err(Error::from)
}

/// Replaces the status of a policy as it was seen.
pub(super) async fn status(world: &World, policy: &Policy, status: &PolicyStatus) -> Result<(), Error> {
    let operations = json!([
        {"op": "test", "path": "/metadata/uid", "value": policy.metadata.uid},
        {"op": "test", "path": "/metadata/resourceVersion", "value": policy.metadata.resource_version},
        {"op": "add", "path": "/status", "value": status},
    ]);
    let answer: Policy = send(world, policy.name(), true, operations).await?;
    world.learn(answer);
    Ok(())
}

/// Adds or removes the finalizer a policy is undone by.
pub(super) async fn finalizer(world: &World, policy: &Policy, wanted: bool) -> Result<(), Error> {
    let mut list = policy.metadata.finalizers.clone().unwrap_or_default();
    list.retain(|finalizer| finalizer != REVERT_FINALIZER);
    if wanted {
        list.push(REVERT_FINALIZER.to_owned());
    }
    let operations = json!([
        {"op": "test", "path": "/metadata/uid", "value": policy.metadata.uid},
        {"op": "test", "path": "/metadata/resourceVersion", "value": policy.metadata.resource_version},
        {"op": "add", "path": "/metadata/finalizers", "value": list},
    ]);
    let answer: Policy = send(world, policy.name(), false, operations).await?;
    world.learn(answer);
    Ok(())
}

fn slot_path() -> String {
    format!(
        "/metadata/annotations/{}",
        SLOT_ANNOTATION.replace('~', "~0").replace('/', "~1")
    )
}

async fn on_enactment(world: &World, name: &str, status: bool, operations: Value) -> Result<(), Error> {
    let answer: SlimEnactment = send(world, name, status, operations).await?;
    learn(world, answer);
    Ok(())
}

/// What a write of ours came to, so that it is not decided again before the watch tells.
fn learn(world: &World, answer: SlimEnactment) {
    let seen = version(answer.metadata.resource_version.as_deref());
    let view = answer.view();
    world.change(|index| {
        index.answered(view, seen);
        Touched::Nothing
    });
}

/// Lets a node go. The slot is recorded in the policy already; saying so twice does no harm.
pub(super) async fn grant(world: &World, grant: &Grant) -> Result<(), Error> {
    must_lead(world)?;
    let api: Api<SlimEnactment> = Api::all(world.config.client.clone());
    // The uid makes it a precondition: a new enactment of the same name was not meant.
    let merge = json!({"metadata": {
        "uid": grant.uid,
        "annotations": {SLOT_ANNOTATION: grant.generation.to_string()},
    }});
    let answer = api
        .patch(&grant.enactment, &params(), &Patch::Merge(merge))
        .await?;
    learn(world, answer);
    Ok(())
}

/// Takes a permission away.
pub(super) async fn revoke(world: &World, enactment: &EnactmentView) -> Result<(), Error> {
    let operations = json!([
        {"op": "test", "path": "/metadata/uid", "value": enactment.uid},
        {"op": "test", "path": slot_path(), "value": enactment.slot},
        {"op": "remove", "path": slot_path()},
    ]);
    on_enactment(world, &enactment.name, false, operations).await
}

/// Says on a node's enactment that it shall not go. Applies only to the very object it was decided on.
pub(super) async fn abort(
    world: &World,
    abort: &Abort,
    (enactment, seen): (&EnactmentView, u64),
    now: Timestamp,
) -> Result<(), Error> {
    let state = EnactmentState::Aborted {
        enactment: &abort.enactment,
    };
    let mut conditions = enactment.conditions.clone();
    state.write(&mut conditions, enactment.generation, now);
    let operations = json!([
        {"op": "test", "path": "/metadata/uid", "value": abort.uid},
        {"op": "test", "path": "/metadata/resourceVersion", "value": seen.to_string()},
        {"op": "replace", "path": "/status/conditions", "value": conditions},
    ]);
    on_enactment(world, &abort.enactment, true, operations).await
}

/// Deletes an enactment whose policy or node is gone, if the server confirms that.
pub(super) async fn bury(world: &World, enactment: &EnactmentView, why: Orphan) -> Result<bool, Error> {
    let client = world.config.client.clone();
    let exists = match why {
        Orphan::NoPolicy => {
            let api: Api<Policy> = Api::all(client.clone());
            api.get_metadata_opt(&enactment.policy)
                .await
                .map(|found| found.is_some())
        }
        Orphan::NoNode => {
            let api: Api<Node> = Api::all(client.clone());
            api.get_metadata_opt(&enactment.node)
                .await
                .map(|found| found.is_some())
        }
    };
    if exists.map_err(Error::Api)? {
        return Ok(false);
    }
    must_lead(world)?;
    let how = DeleteParams {
        preconditions: Some(Preconditions {
            uid: Some(enactment.uid.clone()),
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    Api::<Enactment>::all(client)
        .delete(&enactment.name, &how)
        .await?;
    Ok(true)
}
