//! What an `IPAddress` of ours looks like (spec §12).

use api::{capi::Version, names, pool::VERSION as POOL_VERSION};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde_json::{Map, Value, json};

use super::{
    facts::{ClaimFacts, is_reference},
    index::Granted,
};

/// The object to create for a claim.
#[must_use]
pub fn object(claim: &ClaimFacts, granted: &Granted, version: Version) -> Value {
    let name = claim.name.name();
    let mut metadata = json!({
        "name": name,
        "namespace": claim.name.namespace(),
        "finalizers": [names::PROTECT_ADDRESS],
        "ownerReferences": [claim_owner(claim, version), pool_owner(claim, &granted.pool_uid)],
    });
    if let Some(label) = claim.address_label() {
        metadata["labels"] = json!({names::CLUSTER_NAME: label});
    }
    let mut spec = json!({
        "claimRef": {"name": name},
        "poolRef": {"apiGroup": names::GROUP, "kind": claim.pool.kind().kind(), "name": claim.pool.name()},
        "address": granted.address,
        "prefix": granted.prefix,
    });
    if let Some(gateway) = &granted.gateway {
        spec["gateway"] = json!(gateway);
    }
    json!({
        "apiVersion": format!("{}/{version}", names::GROUP),
        "kind": "IPAddress",
        "metadata": metadata,
        "spec": spec,
    })
}

/// A merge patch that completes an existing object: what is missing is added, what others put there stays, in front.
#[must_use]
pub fn adoption(meta: &ObjectMeta, claim: &ClaimFacts, pool_uid: &str, version: Version) -> Value {
    let mut owners = meta.owner_references.clone().unwrap_or_default();
    let is_claim = |o: &OwnerReference| is_reference(o, "IPAddressClaim", claim.name.name());
    if !owners.iter().any(|o| o.controller == Some(true) && !is_claim(o)) {
        upsert(&mut owners, is_claim, claim_owner(claim, version));
    }
    let is_pool = |o: &OwnerReference| is_reference(o, claim.pool.kind().kind(), claim.pool.name());
    upsert(&mut owners, is_pool, pool_owner(claim, pool_uid));

    let mut finalizers = meta.finalizers.clone().unwrap_or_default();
    // Nothing may be added to the finalizers of a terminating object.
    if meta.deletion_timestamp.is_none() && !finalizers.iter().any(|f| f == names::PROTECT_ADDRESS) {
        finalizers.push(names::PROTECT_ADDRESS.to_owned());
    }
    let mut patch = Map::new();
    patch.insert("uid".into(), json!(meta.uid));
    patch.insert("resourceVersion".into(), json!(meta.resource_version));
    patch.insert("ownerReferences".into(), json!(owners));
    patch.insert("finalizers".into(), json!(finalizers));
    if let Some(label) = claim.address_label() {
        patch.insert("labels".into(), json!({names::CLUSTER_NAME: label}));
    }
    json!({"metadata": patch})
}

fn upsert(owners: &mut Vec<OwnerReference>, same: impl Fn(&OwnerReference) -> bool, new: OwnerReference) {
    match owners.iter_mut().find(|o| same(o)) {
        Some(old) => *old = new,
        None => owners.push(new),
    }
}

fn claim_owner(claim: &ClaimFacts, version: Version) -> OwnerReference {
    OwnerReference {
        api_version: format!("{}/{version}", names::GROUP),
        kind: "IPAddressClaim".to_owned(),
        name: claim.name.name().to_owned(),
        uid: claim.version.uid.to_string(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

fn pool_owner(claim: &ClaimFacts, uid: &str) -> OwnerReference {
    OwnerReference {
        api_version: format!("{}/{POOL_VERSION}", names::GROUP),
        kind: claim.pool.kind().kind().to_owned(),
        name: claim.pool.name().to_owned(),
        uid: uid.to_owned(),
        controller: Some(false),
        block_owner_deletion: Some(true),
    }
}
