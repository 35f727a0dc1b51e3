//! Waiting for the answer.

use std::{pin::pin, time::Duration};

use api::capi::{Address, Claim, READY};
use futures::StreamExt as _;
use kube::{
    Api, Client,
    runtime::{WatchStreamExt as _, watcher},
};
use tokio::time::{Instant, timeout_at};

use super::{AskError, Bound, Request};
use crate::{
    controller::Served,
    plan::{explain, name::ObjectName},
    survey::{self, Error, Reach},
};

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
        let Ok(Some(sight)) = timeout_at(end, sights.next()).await else {
            return Err(not_in_time(client, served, request, limit).await);
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
    let Some(claim) = survey::claim(client, served, namespace, name).await? else {
        return Ok("it was deleted".to_owned());
    };
    if let Some(said) = not_ready(&claim) {
        return Ok(said);
    }
    let snapshot = survey::take(client, served, Reach::for_pool(&request.pool, namespace), &()).await?;
    let next = explain::explain(&snapshot, &claim).next;
    Ok(match next.says.strip_prefix("waits: ") {
        _ if next.is_due => format!("no controller has served it; its next step: {}", next.says),
        Some(why) => why.to_owned(),
        None => next.says,
    })
}
