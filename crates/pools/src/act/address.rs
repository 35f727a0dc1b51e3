//! Writes to addresses.

use api::{
    capi::Address,
    meta::has_finalizer,
    names::{GROUP, PROTECT_ADDRESS},
};
use kube::api::{DeleteParams, Patch, PostParams, Preconditions};
use runtime::client::{Outcome, outcome};
use serde_json::json;

use super::{Error, must_lead, params};
use crate::{
    plan::{
        address,
        facts::{AddressFacts, ClaimFacts},
        index::{Granted, Settled},
        name::{ObjectName, PoolName},
    },
    world::World,
};

/// Creates the address of a claim. Never fails: an error is an outcome.
pub async fn create(world: &World, claim: &ClaimFacts, granted: &Granted) -> Settled {
    if must_lead(world).is_err() {
        return Settled::NotExecuted;
    }
    let body = address::object(claim, granted, world.version);
    match post(world, claim.name.namespace(), &body).await {
        Ok(()) => Settled::Created,
        Err(kube::Error::Api(status)) if status.code == 409 && status.reason == "AlreadyExists" => {
            Settled::Exists
        }
        Err(error) => {
            let settled = match outcome(&error) {
                Outcome::Refused => Settled::Refused(words(&error)),
                Outcome::NotSent => Settled::NotExecuted,
                Outcome::Unknown => Settled::Unknown,
            };
            tracing::debug!(claim = %claim.name, %error, ?settled, "create of an address did not succeed");
            settled
        }
    }
}

/// `Api::create` wants a typed object; ours is JSON already, and the answer is not needed.
async fn post(world: &World, namespace: &str, body: &serde_json::Value) -> Result<(), kube::Error> {
    #[derive(Clone, Debug, serde::Deserialize)]
    struct Ignored {}

    let path = format!(
        "/apis/{GROUP}/{}/namespaces/{namespace}/ipaddresses",
        world.version
    );
    let bytes = serde_json::to_vec(body).map_err(kube::Error::SerdeError)?;
    let params = PostParams {
        field_manager: Some(crate::FIELD_MANAGER.to_owned()),
        ..PostParams::default()
    };
    let request = kube::core::Request::new(path)
        .create(&params, bytes)
        .map_err(kube::Error::BuildRequest)?;
    world.client.request::<Ignored>(request).await.map(|_| ())
}

fn words(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}

/// Completes an existing address of the claim: owners, label, finalizer (spec §11.3 step 9). One read, since what
/// others put there must stay; the watch then shows the result.
pub async fn adopt(world: &World, claim: &ClaimFacts, pool_uid: &str, uid: &str) -> Result<(), Error> {
    let api = world.address_api(claim.name.namespace());
    let live = api.get(claim.name.name()).await?;
    if live.metadata.uid.as_deref() != Some(uid) {
        return Ok(());
    }
    must_lead(world)?;
    let body = address::adoption(&live.metadata, claim, pool_uid, world.version);
    api.patch(claim.name.name(), &params(), &Patch::Merge(&body))
        .await?;
    Ok(())
}

/// What became of an address that was to be released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    /// Deleted, or held only by finalizers of others.
    Yes,
    /// There was none.
    NotThere,
    /// It belongs to another claim or pool: left alone.
    NotOurs,
}

/// Removes our finalizer from the address of a claim and deletes it (spec §11.5 step 3).
///
/// With `seen`, the state the watch showed, this takes two writes; without it, or when others hold it too, the object
/// is read first.
pub async fn release(
    world: &World,
    name: &ObjectName,
    pool: &PoolName,
    claim: &str,
    seen: Option<&AddressFacts>,
) -> Result<Released, Error> {
    if let Some(seen) = seen.filter(|s| !s.has_other_finalizers) {
        let doomed = Doomed {
            uid: seen.version.uid.to_string(),
            resource_version: seen.version.resource_version.to_string(),
            protected: seen.has_finalizer,
            deleting: seen.deleting,
            other_finalizers: Vec::new(),
        };
        return delete(world, name, &doomed).await;
    }
    let Some(live) = world.address_api(name.namespace()).get_opt(name.name()).await? else {
        return Ok(Released::NotThere);
    };
    let is_ours = PoolName::of_address(name.namespace(), &live.spec.pool_ref).as_ref() == Some(pool)
        && live.spec.claim_ref.name == claim;
    if !is_ours {
        return Ok(Released::NotOurs);
    }
    delete(world, name, &Doomed::read(&live)).await
}

struct Doomed {
    uid: String,
    resource_version: String,
    protected: bool,
    deleting: bool,
    other_finalizers: Vec<String>,
}

impl Doomed {
    fn read(live: &Address) -> Self {
        let meta = &live.metadata;
        Self {
            uid: meta.uid.clone().unwrap_or_default(),
            resource_version: meta.resource_version.clone().unwrap_or_default(),
            protected: has_finalizer(meta, PROTECT_ADDRESS),
            deleting: meta.deletion_timestamp.is_some(),
            other_finalizers: meta
                .finalizers
                .iter()
                .flatten()
                .filter(|f| *f != PROTECT_ADDRESS)
                .cloned()
                .collect(),
        }
    }
}

async fn delete(world: &World, name: &ObjectName, doomed: &Doomed) -> Result<Released, Error> {
    let api = world.address_api(name.namespace());
    let mut resource_version = doomed.resource_version.clone();
    if doomed.protected {
        must_lead(world)?;
        let body = json!({"metadata": {
            "uid": doomed.uid,
            "resourceVersion": doomed.resource_version,
            "finalizers": doomed.other_finalizers,
        }});
        match api.patch(name.name(), &params(), &Patch::Merge(&body)).await {
            Ok(answer) => resource_version = answer.metadata.resource_version.unwrap_or_default(),
            Err(error) if is_gone(&error) => return Ok(Released::Yes),
            Err(error) => return Err(error.into()),
        }
    }
    if !doomed.deleting {
        must_lead(world)?;
        // Exactly the state that was judged: meanwhile a new leader may have given it to a new claim of that name.
        let same = Preconditions {
            uid: Some(doomed.uid.clone()),
            resource_version: Some(resource_version),
        };
        let params = DeleteParams {
            preconditions: Some(same),
            ..DeleteParams::default()
        };
        if let Err(error) = api.delete(name.name(), &params).await
            && !is_gone(&error)
        {
            return Err(error.into());
        }
    }
    Ok(Released::Yes)
}

fn is_gone(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}
