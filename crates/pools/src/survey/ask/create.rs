//! Finding the pool and creating the claim.

use api::{
    capi::Version,
    names,
    pool::{AddressPoolSpec, Pool, PoolKind},
};
use kube::{
    Api, Client,
    api::PostParams,
    core::{ApiResource, DynamicObject, GroupVersionKind},
};
use runtime::answer::describe;
use serde_json::{Value, json};

use super::{AskError, Request};
use crate::{FIELD_MANAGER, controller::Served, plan::name::PoolName, survey};

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
    let Some(found) = survey::claim(client, served, claim.namespace(), claim.name()).await? else {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::name::ObjectName;

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
