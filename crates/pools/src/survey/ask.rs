//! Asking for an address as a person does: create a claim, wait, read the answer.

use std::{pin::pin, time::Duration};

use api::{
    capi::{Address, Claim, READY, Version},
    names,
    pool::{AddressPoolSpec, Pool, PoolKind},
};
use futures::StreamExt as _;
use kube::{
    Api, Client,
    api::PostParams,
    core::{ApiResource, DynamicObject, GroupVersionKind},
    runtime::{WatchStreamExt as _, watcher},
};
use runtime::answer::describe;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::{Error, Reach};
use crate::{
    FIELD_MANAGER,
    controller::Served,
    plan::{
        explain,
        name::{ObjectName, PoolName},
        snapshot::PoolKey,
    },
};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Namespace and name of the claim.
    pub claim: ObjectName,
    /// The pool to draw from.
    pub pool: PoolName,
    /// The cluster the claim is to belong to, if any.
    pub cluster: Option<String>,
}

/// A bound claim. Field names are those of the JSON output and do not change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bound {
    /// Namespace of claim and address.
    pub namespace: String,
    /// Name of claim and address.
    pub name: String,
    /// The pool.
    pub pool: PoolKey,
    /// The address, or the base address of the prefix.
    pub address: String,
    /// Prefix length; null only for objects written past the schema.
    pub prefix: Option<i64>,
    /// Gateway; null when the pool has none.
    pub gateway: Option<String>,
}

/// Why there is no address.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No pool, or several, by that name.
    #[error("{0}")]
    Pool(String),
    /// The claim was refused.
    #[error("cannot create IPAddressClaim {claim}: {why}")]
    Create {
        /// The claim.
        claim: ObjectName,
        /// The API server's words.
        why: String,
    },
    /// A claim of that name asks for something else.
    #[error("IPAddressClaim {claim} exists already and draws from {pool}; choose another name or delete it")]
    Taken {
        /// The claim.
        claim: ObjectName,
        /// Its pool, in words.
        pool: String,
    },
    /// Somebody deleted the claim.
    #[error("IPAddressClaim {0} was deleted while it waited for its address")]
    Deleted(ObjectName),
    /// The time is over. The claim stays.
    #[error("IPAddressClaim {claim} has no address after {} s: {why}", waited.as_secs())]
    NotInTime {
        /// The claim.
        claim: ObjectName,
        /// How long it waited.
        waited: Duration,
        /// What it waits for.
        why: String,
    },
    /// The API server could not be asked.
    #[error(transparent)]
    Look(#[from] Error),
}

/// The pool a claim in `namespace` means by a bare name: the one pool, of whatever kind, that is called so.
///
/// # Errors
/// When there is none or more than one, or nobody can say.
pub async fn find_pool(client: &Client, namespace: &str, name: &str) -> Result<PoolName, AskError> {
    let looks = PoolKind::ALL.map(|kind| has_pool(client, kind, namespace, name));
    let answers = futures::future::join_all(looks).await;
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    for (kind, answer) in PoolKind::ALL.into_iter().zip(answers) {
        match answer {
            Ok(true) => found.push(PoolName::new(kind, namespace, name)),
            Ok(false) => {}
            Err(error) => unknown.push(format!("{kind}: {}", describe(&error))),
        }
    }
    match &*found {
        [pool] => Ok(pool.clone()),
        [] if !unknown.is_empty() => Err(AskError::Pool(format!(
            "cannot look for pool {name}: {}",
            unknown.join("; ")
        ))),
        [] => Err(AskError::Pool(format!(
            "there is no pool {name} in namespace {namespace} and no global one; `cadastre pools -A` lists them"
        ))),
        several => {
            let kinds: Vec<_> = several.iter().map(|pool| pool.kind().kind()).collect();
            let kinds = kinds.join(", ");
            Err(AskError::Pool(format!(
                "several pools are called {name}: {kinds}; choose one with --kind"
            )))
        }
    }
}

async fn has_pool(client: &Client, kind: PoolKind, namespace: &str, name: &str) -> Result<bool, kube::Error> {
    // Only metadata is asked for, so the sort of spec does not matter.
    let api: Api<Pool<AddressPoolSpec>> = if kind.is_namespaced() {
        Api::namespaced_with(client.clone(), namespace, &kind)
    } else {
        Api::all_with(client.clone(), &kind)
    };
    api.get_metadata_opt(name).await.map(|found| found.is_some())
}

/// Creates the claim. Says whether it is new: a claim that asks for the same is taken as it is.
///
/// # Errors
/// When the API server refuses it, or a claim of that name draws from another pool.
pub async fn create(client: &Client, served: &Served, request: &Request) -> Result<bool, AskError> {
    let claim = &request.claim;
    let gvk = GroupVersionKind::gvk(names::GROUP, served.version.as_str(), "IPAddressClaim");
    let resource = ApiResource::from_gvk_with_plural(&gvk, "ipaddressclaims");
    let refused = |why| AskError::Create {
        claim: claim.clone(),
        why,
    };
    let object: DynamicObject = serde_json::from_value(object(request, served.version))
        .map_err(|error| refused(error.to_string()))?;
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), claim.namespace(), &resource);
    let params = PostParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PostParams::default()
    };
    match api.create(&params, &object).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 409 && status.reason == "AlreadyExists" => {
            existing(client, served, request).await.map(|()| false)
        }
        Err(error) => Err(refused(describe(&error))),
    }
}

async fn existing(client: &Client, served: &Served, request: &Request) -> Result<(), AskError> {
    let claim = &request.claim;
    let Some(found) = super::claim(client, served, claim.namespace(), claim.name()).await? else {
        return Err(AskError::Deleted(claim.clone()));
    };
    let pool = PoolName::of_claim(claim.namespace(), &found.spec.pool_ref);
    if pool.as_ref() == Some(&request.pool) {
        return Ok(());
    }
    let pool = match pool {
        Some(pool) => pool.to_string(),
        None => format!(
            "{} {} of another provider",
            found.spec.pool_ref.kind, found.spec.pool_ref.name
        ),
    };
    Err(AskError::Taken {
        claim: claim.clone(),
        pool,
    })
}

/// The claim as an object of the version in use (spec §14).
fn object(request: &Request, version: Version) -> Value {
    let mut metadata = json!({"name": request.claim.name(), "namespace": request.claim.namespace()});
    let pool = &request.pool;
    let mut spec =
        json!({"poolRef": {"apiGroup": names::GROUP, "kind": pool.kind().kind(), "name": pool.name()}});
    if let Some(cluster) = &request.cluster {
        // Older versions know only the label; `clusterctl move` follows it in all of them.
        metadata["labels"] = json!({names::CLUSTER_NAME: cluster});
        if version != Version::V1Alpha1 {
            spec["clusterName"] = json!(cluster);
        }
    }
    json!({
        "apiVersion": format!("{}/{version}", names::GROUP),
        "kind": "IPAddressClaim",
        "metadata": metadata,
        "spec": spec,
    })
}

/// Waits until the claim is bound and reads its address. `news` is told, once each, what the claim says it waits for.
///
/// # Errors
/// When the time is over, with what the claim waits for; when the claim is deleted; when nobody can be asked.
pub async fn wait(
    client: &Client,
    served: &Served,
    request: &Request,
    limit: Duration,
    news: impl Fn(&str),
) -> Result<Bound, AskError> {
    let claim = &request.claim;
    let claims: Api<Claim> = Api::namespaced_with(client.clone(), claim.namespace(), &served.version);
    let mut sights = pin!(watcher::watch_object(claims, claim.name()).default_backoff());
    let end = Instant::now() + limit;
    let mut said = String::new();
    loop {
        let sight = match timeout_at(end, sights.next()).await {
            Ok(Some(sight)) => sight,
            Ok(None) | Err(_) => return Err(not_in_time(client, served, request, limit).await),
        };
        let seen = match sight {
            Ok(Some(seen)) if seen.metadata.deletion_timestamp.is_none() => seen,
            Ok(_) => return Err(AskError::Deleted(claim.clone())),
            Err(error) if is_final(&error) => {
                return Err(AskError::Look(Error::Read {
                    kind: "IPAddressClaim",
                    name: claim.to_string(),
                    why: runtime::answer::chain(&error),
                }));
            }
            // The stream tries again by itself, ever more slowly.
            Err(_) => continue,
        };
        if let Some(bound) = bound(client, served, request, &seen).await? {
            return Ok(bound);
        }
        if let Some(why) = not_ready(&seen).filter(|why| *why != said) {
            news(&why);
            said = why;
        }
    }
}

/// Whether asking again cannot help.
fn is_final(error: &watcher::Error) -> bool {
    let status = match error {
        watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error) => match error {
            kube::Error::Api(status) => status,
            _ => return false,
        },
        watcher::Error::WatchError(status) => status,
        _ => return false,
    };
    matches!(status.code, 401 | 403 | 404)
}

async fn bound(
    client: &Client,
    served: &Served,
    request: &Request,
    claim: &Claim,
) -> Result<Option<Bound>, AskError> {
    let name = claim
        .status
        .as_ref()
        .and_then(|s| s.address_ref.as_ref())
        .map(|r| r.name.as_str());
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    let namespace = request.claim.namespace();
    let api: Api<Address> = Api::namespaced_with(client.clone(), namespace, &served.version);
    let address = api.get_opt(name).await;
    let address =
        address.map_err(|error| Error::read("IPAddress", &ObjectName::new(namespace, name), &error))?;
    Ok(address.map(|address| Bound {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        pool: (&request.pool).into(),
        address: address.spec.address,
        prefix: address.spec.prefix,
        gateway: address.spec.gateway.filter(|gateway| !gateway.is_empty()),
    }))
}

/// What the claim says about not being ready: `Reason: message`.
fn not_ready(claim: &Claim) -> Option<String> {
    let conditions = explain::conditions(claim);
    let ready = conditions
        .into_iter()
        .find(|c| c.type_ == READY && c.status == "False")?;
    let reason = ready.reason.unwrap_or_default();
    Some(match ready.message.filter(|message| !message.is_empty()) {
        Some(message) => format!("{reason}: {message}"),
        None => reason,
    })
}

/// The claim's own words, or, where it says nothing (nobody writes to a paused claim), what the plan thinks of it.
async fn not_in_time(client: &Client, served: &Served, request: &Request, waited: Duration) -> AskError {
    let claim = request.claim.clone();
    let why = match why(client, served, request).await {
        Ok(why) => why,
        Err(error) => format!("and the reason is not known: {error}"),
    };
    AskError::NotInTime { claim, waited, why }
}

async fn why(client: &Client, served: &Served, request: &Request) -> Result<String, Error> {
    let (namespace, name) = (request.claim.namespace(), request.claim.name());
    let Some(claim) = super::claim(client, served, namespace, name).await? else {
        return Ok("it was deleted".to_owned());
    };
    if let Some(said) = not_ready(&claim) {
        return Ok(said);
    }
    let snapshot = super::take(client, served, Reach::for_pool(&request.pool, namespace), &()).await?;
    let next = explain::explain(&snapshot, &claim).next;
    Ok(match next.says.strip_prefix("waits: ") {
        _ if next.is_due => format!("no controller has served it; its next step: {}", next.says),
        Some(why) => why.to_owned(),
        None => next.says,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(cluster: Option<&str>) -> Request {
        Request {
            claim: ObjectName::new("team-a", "node-1"),
            pool: PoolName::new(PoolKind::GlobalInClusterIPPool, "team-a", "shared"),
            cluster: cluster.map(str::to_owned),
        }
    }

    #[test]
    fn a_claim_names_its_cluster_in_every_way_its_version_knows() {
        let new = object(&request(Some("c1")), Version::V1Beta2);
        assert_eq!(new["apiVersion"], "ipam.cluster.x-k8s.io/v1beta2");
        assert_eq!(new["spec"]["clusterName"], "c1");
        assert_eq!(new["metadata"]["labels"][names::CLUSTER_NAME], "c1");
        let old = object(&request(Some("c1")), Version::V1Alpha1);
        assert_eq!(old["spec"].get("clusterName"), None);
        assert_eq!(old["metadata"]["labels"][names::CLUSTER_NAME], "c1");
    }

    #[test]
    fn a_claim_without_cluster_has_neither_label_nor_field() {
        let object = object(&request(None), Version::V1Beta2);
        let pool = json!({"apiGroup": names::GROUP, "kind": "GlobalInClusterIPPool", "name": "shared"});
        assert_eq!(object["spec"], json!({"poolRef": pool}));
        assert_eq!(
            object["metadata"],
            json!({"name": "node-1", "namespace": "team-a"})
        );
    }
}
