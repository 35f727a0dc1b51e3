//! Writes to claims.

use api::{capi::ReadyReason, names::RELEASE_ADDRESS};
use jiff::Timestamp;
use kube::api::Patch;
use serde_json::{Value, json};

use super::{Error, must_lead, params};
use crate::{
    plan::{claim_status, facts::ClaimFacts},
    world::World,
};

/// Adds our finalizer behind those of others.
pub async fn add_finalizer(world: &World, claim: &ClaimFacts) -> Result<(), Error> {
    let finalizers: Vec<&str> = claim
        .other_finalizers
        .iter()
        .map(|f| &**f)
        .chain([RELEASE_ADDRESS])
        .collect();
    patch(world, claim, &guarded(claim, &json!(finalizers))).await
}

/// Removes our finalizer. A claim that is gone already is fine.
pub async fn remove_finalizer(world: &World, claim: &ClaimFacts) -> Result<(), Error> {
    match patch(world, claim, &guarded(claim, &json!(claim.other_finalizers))).await {
        Err(Error::Stale(kube::Error::Api(status))) if status.code == 404 => Ok(()),
        result => result,
    }
}

fn guarded(claim: &ClaimFacts, finalizers: &Value) -> Value {
    json!({"metadata": {
        "uid": claim.version.uid,
        "resourceVersion": claim.version.resource_version,
        "finalizers": finalizers,
    }})
}

async fn patch(world: &World, claim: &ClaimFacts, body: &Value) -> Result<(), Error> {
    must_lead(world)?;
    let api = world.claim_api(claim.name.namespace());
    let answer = api
        .patch(claim.name.name(), &params(), &Patch::Merge(body))
        .await?;
    learn(world, &answer);
    Ok(())
}

/// Writes `Ready`, and with `bind` also the reference to the address.
pub async fn report(
    world: &World,
    claim: &ClaimFacts,
    reason: ReadyReason,
    message: &str,
    bind: bool,
) -> Result<(), Error> {
    must_lead(world)?;
    let home = world.read(|index| index.settings().conditions);
    let body = claim_status::patch(claim, home, reason, message, bind, Timestamp::now());
    let api = world.claim_api(claim.name.namespace());
    let answer = api
        .patch_status(claim.name.name(), &params(), &Patch::Merge(&body))
        .await?;
    learn(world, &answer);
    Ok(())
}

fn learn(world: &World, answer: &api::capi::Claim) {
    let facts =
        world.read(|index| ClaimFacts::read(answer, &index.settings().scope, index.settings().conditions));
    if let Some(facts) = facts {
        world.learn_of_claim(&facts.name.clone(), |index, now, wake| {
            index.refresh_claim(facts, now, wake);
        });
    }
}
