//! The load: claims created by many writers at once, and one observer that notes when each is bound.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use anyhow::{Context, Result, bail};
use futures::{StreamExt as _, TryStreamExt as _};
use kube::{
    Client,
    api::{PostParams, WatchParams},
    core::{Request, WatchEvent},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Claims created at the same time (spec §22).
const WRITERS: usize = 50;
/// Allocatable addresses of a /18 with one gateway.
pub(crate) const POOL_SIZE: usize = 16_381;

const CLAIMS: &str = "/apis/ipam.cluster.x-k8s.io/v1beta2/namespaces/bench/ipaddressclaims";
const ADDRESSES: &str = "/apis/ipam.cluster.x-k8s.io/v1beta2/namespaces/bench/ipaddresses";

/// As little of a claim as an observer needs.
#[derive(Clone, Debug, Deserialize)]
struct Seen {
    metadata: Name,
    #[serde(default)]
    status: Option<Status>,
}

#[derive(Clone, Debug, Deserialize)]
struct Name {
    name: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    #[serde(default)]
    address_ref: Option<Name>,
}

/// An address, for the correctness gate.
#[derive(Clone, Debug, Deserialize)]
struct Address {
    spec: AddressSpec,
}

#[derive(Clone, Debug, Deserialize)]
struct AddressSpec {
    address: String,
}

#[derive(Deserialize)]
struct List<T> {
    #[serde(default = "Vec::new")]
    items: Vec<T>,
    #[serde(default)]
    metadata: ListMeta,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMeta {
    #[serde(default)]
    resource_version: String,
}

/// Creates all claims, as fast as the API server takes them. Sends the name and answer of each.
pub(crate) async fn create_claims(
    client: &Client,
    count: usize,
    created: tokio::sync::mpsc::UnboundedSender<(String, Instant, Value)>,
) -> Result<()> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let (client, next, created) = (client.clone(), next.clone(), created.clone());
        writers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return anyhow::Ok(());
                }
                let name = format!("claim-{number:05}");
                let body = json!({
                    "apiVersion": "ipam.cluster.x-k8s.io/v1beta2", "kind": "IPAddressClaim",
                    "metadata": {"name": name, "namespace": "bench"},
                    "spec": {"poolRef": {
                        "apiGroup": "ipam.cluster.x-k8s.io", "kind": "InClusterIPPool", "name": "bench",
                    }},
                });
                let answer = post(&client, CLAIMS, &body).await?;
                let _ = created.send((name, Instant::now(), answer));
            }
        });
    }
    while let Some(result) = writers.join_next().await {
        result??;
    }
    Ok(())
}

/// `POST`.
pub(crate) async fn post(client: &Client, path: &str, body: &Value) -> Result<Value> {
    let request = Request::new(path).create(&PostParams::default(), serde_json::to_vec(body)?)?;
    client
        .request(request)
        .await
        .with_context(|| format!("POST {path}"))
}

/// Follows the claims from the start and notes when each has its `addressRef`. Ends when `count` have.
///
/// A watch that falls behind is cut off by the API server; then the list says what was missed.
pub(crate) async fn observe(client: Client, count: usize) -> Result<HashMap<String, Instant>> {
    let mut bound = HashMap::with_capacity(count);
    loop {
        let list: List<Seen> = client
            .request(Request::new(CLAIMS).list(&kube::api::ListParams::default())?)
            .await?;
        list.items.into_iter().for_each(|seen| note(seen, &mut bound));
        let version = list.metadata.resource_version;
        let request = Request::new(CLAIMS).watch(&WatchParams::default().timeout(290), &version)?;
        let mut events = client.request_events::<Seen>(request).await?.boxed();
        while bound.len() < count {
            match events.try_next().await {
                Ok(Some(WatchEvent::Added(seen) | WatchEvent::Modified(seen))) => note(seen, &mut bound),
                Ok(Some(WatchEvent::Bookmark(_))) => {}
                Ok(Some(WatchEvent::Deleted(_))) => bail!("a claim was deleted during the run"),
                Ok(Some(WatchEvent::Error(_)) | None) | Err(_) => break,
            }
        }
        if bound.len() >= count {
            return Ok(bound);
        }
    }
}

fn note(seen: Seen, bound: &mut HashMap<String, Instant>) {
    if seen
        .status
        .and_then(|s| s.address_ref)
        .is_some_and(|r| !r.name.is_empty())
    {
        bound.entry(seen.metadata.name).or_insert_with(Instant::now);
    }
}

/// The three writes a claim needs, and nothing else: what the API server can do at best (spec §21, floor).
pub(crate) async fn write_bare(client: &Client, name: &str, claim: &Value, number: usize) -> Result<()> {
    let uid = &claim["metadata"]["uid"];
    let version = &claim["metadata"]["resourceVersion"];
    let path = format!("{CLAIMS}/{name}");
    let finalizer = json!({"metadata": {
        "uid": uid, "resourceVersion": version, "finalizers": ["ipam.cluster.x-k8s.io/ReleaseAddress"],
    }});
    let claim = merge(client, &path, &finalizer).await?;
    // The pool's gateway 10.0.0.1 and network address are left out, as the controller does.
    let value = u32::from(std::net::Ipv4Addr::new(10, 0, 0, 2)) + u32::try_from(number)?;
    let body = json!({
        "apiVersion": "ipam.cluster.x-k8s.io/v1beta2", "kind": "IPAddress",
        "metadata": {
            "name": name, "namespace": "bench", "finalizers": ["ipam.cluster.x-k8s.io/ProtectAddress"],
            "ownerReferences": [
                {"apiVersion": "ipam.cluster.x-k8s.io/v1beta2", "kind": "IPAddressClaim", "name": name, "uid": uid,
                 "controller": true, "blockOwnerDeletion": true},
                {"apiVersion": "ipam.cluster.x-k8s.io/v1alpha2", "kind": "InClusterIPPool", "name": "bench",
                 "uid": uid, "controller": false, "blockOwnerDeletion": true},
            ],
        },
        "spec": {
            "claimRef": {"name": name}, "address": std::net::Ipv4Addr::from(value), "prefix": 18,
            "gateway": "10.0.0.1",
            "poolRef": {"apiGroup": "ipam.cluster.x-k8s.io", "kind": "InClusterIPPool", "name": "bench"},
        },
    });
    post(client, ADDRESSES, &body).await?;
    let status = json!({
        "metadata": {"uid": uid, "resourceVersion": claim["metadata"]["resourceVersion"]},
        "status": {
            "addressRef": {"name": name},
            "conditions": [{"type": "Ready", "status": "True", "reason": "AddressAllocated", "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1}],
        },
    });
    merge(client, &format!("{path}/status"), &status).await?;
    Ok(())
}

async fn merge(client: &Client, path: &str, body: &Value) -> Result<Value> {
    let request = http::Request::patch(path)
        .header("content-type", "application/merge-patch+json")
        .body(serde_json::to_vec(body)?)?;
    client
        .request(request)
        .await
        .with_context(|| format!("PATCH {path}"))
}

/// The correctness gate: every address of the run. Fails on a duplicate or a wrong number; returns the duplicates.
pub(crate) async fn duplicates(client: &Client, claims: usize) -> Result<usize> {
    let list: List<Address> = client
        .request(Request::new(ADDRESSES).list(&kube::api::ListParams::default())?)
        .await?;
    if list.items.len() != claims {
        bail!("{} addresses exist for {claims} claims", list.items.len());
    }
    let distinct: HashSet<&str> = list.items.iter().map(|a| a.spec.address.as_str()).collect();
    Ok(claims - distinct.len())
}

/// p50, p95, p99 and maximum of the times from creation to binding, in milliseconds.
pub(crate) fn latencies(created: &BTreeMap<String, Instant>, bound: &HashMap<String, Instant>) -> [f64; 4] {
    let mut times: Vec<f64> = created
        .iter()
        .filter_map(|(name, at)| Some(bound.get(name)?.saturating_duration_since(*at).as_secs_f64() * 1e3))
        .collect();
    times.sort_by(f64::total_cmp);
    [50, 95, 99, 100].map(|p| {
        times
            .get((times.len() * p / 100).min(times.len().saturating_sub(1)))
            .copied()
            .unwrap_or(0.0)
    })
}
