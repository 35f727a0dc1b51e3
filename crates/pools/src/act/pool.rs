//! Writes to pools.

use api::{
    names::{ALLOCATION, PROTECT_POOL},
    pool::{Allocation, Pool, PoolStatus},
};
use kube::api::Patch;
use serde_json::{Value, json};

use super::{Error, must_lead, params};
use crate::{
    observe::Spec,
    plan::{
        facts::{PoolFacts, Version},
        index::PoolSpec,
        name::PoolName,
    },
    world::World,
};

/// A pool as the API server answered.
pub type Answer = (PoolFacts, PoolSpec);

/// Adds our finalizer behind those of others.
pub async fn add_finalizer<S: Spec>(
    world: &World,
    pool: &PoolName,
    facts: &PoolFacts,
) -> Result<Answer, Error> {
    let finalizers: Vec<&str> = facts
        .other_finalizers
        .iter()
        .map(|f| &**f)
        .chain([PROTECT_POOL])
        .collect();
    patch_meta::<S>(world, pool, &facts.version, json!({"finalizers": finalizers})).await
}

/// Removes our finalizer.
pub async fn remove_finalizer<S: Spec>(
    world: &World,
    pool: &PoolName,
    facts: &PoolFacts,
) -> Result<Answer, Error> {
    patch_meta::<S>(
        world,
        pool,
        &facts.version,
        json!({"finalizers": facts.other_finalizers}),
    )
    .await
}

/// Keeps the journal in an annotation, where the installed CRD has no field for it.
pub async fn annotate<S: Spec>(
    world: &World,
    pool: &PoolName,
    version: &Version,
    journal: &Allocation,
) -> Result<Answer, Error> {
    let text = serde_json::to_string(journal).map_err(|e| Error::Api(kube::Error::SerdeError(e)))?;
    patch_meta::<S>(world, pool, version, json!({"annotations": {ALLOCATION: text}})).await
}

async fn patch_meta<S: Spec>(
    world: &World,
    pool: &PoolName,
    version: &Version,
    mut metadata: Value,
) -> Result<Answer, Error> {
    must_lead(world)?;
    metadata["uid"] = json!(version.uid);
    metadata["resourceVersion"] = json!(version.resource_version);
    let body = json!({"metadata": metadata});
    Ok(read(
        world
            .pool_api::<S>(pool)
            .patch(pool.name(), &params(), &Patch::Merge(&body))
            .await?,
    ))
}

/// Writes the status under the resourceVersion it was computed from: the compare-and-swap that uniqueness rests on.
pub async fn write_status<S: Spec>(
    world: &World,
    pool: &PoolName,
    version: &Version,
    status: &PoolStatus,
) -> Result<Answer, Error> {
    must_lead(world)?;
    let mut status = json!(status);
    // A merge patch leaves out what is to stay; an empty list has to be said.
    if let Some(allocation) = status.get_mut("allocation").and_then(Value::as_object_mut) {
        allocation.entry("reservations").or_insert(Value::Null);
    }
    let body = json!({
        "metadata": {"uid": version.uid, "resourceVersion": version.resource_version},
        "status": status,
    });
    Ok(read(
        world
            .pool_api::<S>(pool)
            .patch_status(pool.name(), &params(), &Patch::Merge(&body))
            .await?,
    ))
}

/// The pool as it is now.
pub async fn get<S: Spec>(world: &World, pool: &PoolName) -> Result<Option<Answer>, Error> {
    Ok(world.pool_api::<S>(pool).get_opt(pool.name()).await?.map(read))
}

fn read<S: Spec>(pool: Pool<S>) -> Answer {
    (PoolFacts::read(&pool), pool.spec.into_plan())
}
