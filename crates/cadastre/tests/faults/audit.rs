//! The truth, computed anew from what the API server holds once things have come to rest.

use std::{collections::HashMap, time::Duration};

use addr::AddrSet;
use api::{
    capi::{Address, Claim},
    meta::has_finalizer,
    names::{ALLOCATION, PROTECT_ADDRESS, RELEASE_ADDRESS},
    pool::{AddressCounts, AddressPool},
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Api, Client, ResourceExt as _, api::ListParams};
use testkit::eventually;

use crate::{ground::Plot, rig::CAPI};

/// Waits until everything is as it should be; what is wrong otherwise is the message of the failure.
pub(crate) async fn settled(client: &Client, plots: &[Plot], within: Duration) {
    settled_while(client, plots, within, || {}).await;
}

/// As [`settled`], and does this before every look.
pub(crate) async fn settled_while(
    client: &Client,
    plots: &[Plot],
    within: Duration,
    mut meanwhile: impl FnMut(),
) {
    let summary = eventually(within, "everything is bound, released and counted", || {
        meanwhile();
        async {
            let (problems, summary) = audit(client, plots).await.map_err(|e| e.to_string())?;
            if problems.is_empty() {
                return Ok(summary);
            }
            let (count, first) = (problems.len(), problems.into_iter().take(12).collect::<Vec<_>>());
            Err(format!("{summary}; {count} problems: {first:#?}"))
        }
    })
    .await;
    eprintln!("settled: {summary}");
}

struct Seen {
    claims: HashMap<(String, String), Claim>,
    addresses: HashMap<(String, String), Address>,
}

async fn audit(client: &Client, plots: &[Plot]) -> kube::Result<(Vec<String>, String)> {
    let all = ListParams::default();
    let claims = Api::<Claim>::all_with(client.clone(), &CAPI).list(&all).await?;
    let addresses = Api::<Address>::all_with(client.clone(), &CAPI).list(&all).await?;
    let seen = Seen {
        claims: claims
            .into_iter()
            .map(|c| ((c.namespace().unwrap_or_default(), c.name_any()), c))
            .collect(),
        addresses: addresses
            .into_iter()
            .map(|a| ((a.namespace().unwrap_or_default(), a.name_any()), a))
            .collect(),
    };
    let mut problems = Vec::new();
    for plot in plots {
        let api: Api<AddressPool> = if plot.kind.is_namespaced() {
            Api::namespaced_with(client.clone(), &plot.namespaces[0], &plot.kind)
        } else {
            Api::all_with(client.clone(), &plot.kind)
        };
        audit_pool(plot, &api.get(&plot.name).await?, &seen, &mut problems);
    }
    for (key, address) in &seen.addresses {
        if !seen.claims.contains_key(key) {
            problems.push(format!("address {key:?} ({}) has no claim", address.spec.address));
        }
    }
    Ok((
        problems,
        format!("{} claims, {} addresses", seen.claims.len(), seen.addresses.len()),
    ))
}

fn audit_pool(plot: &Plot, pool: &AddressPool, seen: &Seen, problems: &mut Vec<String>) {
    let mut problem = |text: String| problems.push(format!("{} {}: {text}", plot.kind, plot.name));
    let allocatable = plot.allocatable();
    let is_here = |kind: &str, name: &str, namespace: &str| {
        kind == plot.kind.kind()
            && name == plot.name
            && (!plot.kind.is_namespaced() || namespace == plot.namespaces[0])
    };
    let mut used = AddrSet::new();
    let mut objects = 0;
    for (key, address) in &seen.addresses {
        if !is_here(&address.spec.pool_ref.kind, &address.spec.pool_ref.name, &key.0) {
            continue;
        }
        objects += 1;
        match addr::parse_address(&address.spec.address) {
            Ok(ip) if used.contains(ip) => problem(format!("{ip} is there twice, once as {key:?}")),
            Ok(ip) if !allocatable.contains(ip) => problem(format!("{ip} of {key:?} is not allocatable")),
            Ok(ip) => {
                used.insert(ip.into());
            }
            Err(error) => problem(format!("{key:?}: {error}")),
        }
        if let Some(claim) = seen.claims.get(key) {
            audit_address(address, claim, plot, pool, |text| {
                problem(format!("address {key:?}: {text}"));
            });
        }
    }
    let mut bound = 0;
    let mut waiting = Vec::new();
    for (key, claim) in &seen.claims {
        if !is_here(&claim.spec.pool_ref.kind, &claim.spec.pool_ref.name, &key.0) {
            continue;
        }
        if claim.metadata.deletion_timestamp.is_some() {
            problem(format!("claim {key:?} is still terminating"));
        } else if !has_finalizer(&claim.metadata, RELEASE_ADDRESS) {
            problem(format!("claim {key:?} lacks the finalizer"));
        } else if bound_name(claim) == Some(&*key.1) && seen.addresses.contains_key(key) {
            bound += 1;
        } else {
            waiting.push(key);
        }
    }
    let capacity = allocatable.count();
    if !waiting.is_empty() && bound < capacity {
        problem(format!(
            "{bound} of {capacity} addresses are given, and yet these wait: {waiting:?}"
        ));
    }
    audit_status(pool, objects, &used, &allocatable, problem);
}

/// Spec §12.
fn audit_address(
    address: &Address,
    claim: &Claim,
    plot: &Plot,
    pool: &AddressPool,
    mut problem: impl FnMut(String),
) {
    let owner =
        |kind: &str, name: String, uid: Option<String>, version: String, controller: bool| OwnerReference {
            api_version: format!("ipam.cluster.x-k8s.io/{version}"),
            kind: kind.to_owned(),
            name,
            uid: uid.unwrap_or_default(),
            controller: Some(controller),
            block_owner_deletion: Some(true),
        };
    let owners = vec![
        owner(
            "IPAddressClaim",
            claim.name_any(),
            claim.uid(),
            CAPI.to_string(),
            true,
        ),
        owner(
            plot.kind.kind(),
            pool.name_any(),
            pool.uid(),
            "v1alpha2".to_owned(),
            false,
        ),
    ];
    if address.owner_references() != owners {
        problem(format!(
            "owners are {:?}, should be {owners:?}",
            address.owner_references()
        ));
    }
    if !has_finalizer(&address.metadata, PROTECT_ADDRESS) {
        problem("lacks the finalizer".to_owned());
    }
    if address.metadata.deletion_timestamp.is_some() {
        problem("is terminating".to_owned());
    }
    if address.spec.claim_ref.name != claim.name_any() {
        problem(format!("names claim {}", address.spec.claim_ref.name));
    }
    if address.spec.prefix != Some(plot.spec.prefix) || address.spec.gateway != plot.spec.gateway {
        problem(format!(
            "prefix {:?}, gateway {:?}",
            address.spec.prefix, address.spec.gateway
        ));
    }
}

/// Spec §9, and no promise left over.
fn audit_status(
    pool: &AddressPool,
    objects: i64,
    used: &AddrSet,
    allocatable: &AddrSet,
    mut problem: impl FnMut(String),
) {
    let status = pool.status.clone().unwrap_or_default();
    let total = addr::saturating_i64(allocatable.count());
    let truth = AddressCounts {
        total,
        free: total - addr::saturating_i64(used.count()),
        used: objects,
        out_of_range: 0,
    };
    if status.ip_addresses != Some(truth) {
        problem(format!(
            "status is {:?}, should be {truth:?}",
            status.ip_addresses
        ));
    }
    let left = status.allocation.map(|a| a.reservations).unwrap_or_default();
    if !left.is_empty() {
        problem(format!("promises left over: {left:?}"));
    }
    if pool.annotations().contains_key(ALLOCATION) {
        problem("keeps its journal in an annotation although the CRD has a field for it".to_owned());
    }
}

/// The address a claim is bound to, by name.
fn bound_name(claim: &Claim) -> Option<&str> {
    let reference = claim.status.as_ref()?.address_ref.as_ref()?;
    Some(reference.name.as_str()).filter(|name| !name.is_empty())
}
