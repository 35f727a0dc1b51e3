//! What a test does to the objects of its namespace.

use api::{capi::Version, names::GROUP, pool::PoolKind};
use kube::{
    Api, Client,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::{Value, json};

/// Everything a test does, in one namespace.
#[derive(Clone)]
pub(crate) struct Ns {
    pub(crate) client: Client,
    pub(crate) name: String,
    pub(crate) version: Version,
}

fn capi_resource(kind: &str, plural: &str, version: Version) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(GROUP, version.as_str(), kind), plural)
}

impl Ns {
    pub(crate) fn claims(&self) -> Api<DynamicObject> {
        let resource = capi_resource("IPAddressClaim", "ipaddressclaims", self.version);
        Api::namespaced_with(self.client.clone(), &self.name, &resource)
    }

    pub(crate) fn addresses(&self) -> Api<DynamicObject> {
        let resource = capi_resource("IPAddress", "ipaddresses", self.version);
        Api::namespaced_with(self.client.clone(), &self.name, &resource)
    }

    pub(crate) fn clusters(&self) -> Api<DynamicObject> {
        let version = if self.version == Version::V1Beta2 {
            "v1beta2"
        } else {
            "v1beta1"
        };
        let gvk = GroupVersionKind::gvk("cluster.x-k8s.io", version, "Cluster");
        Api::namespaced_with(
            self.client.clone(),
            &self.name,
            &ApiResource::from_gvk_with_plural(&gvk, "clusters"),
        )
    }

    pub(crate) fn pools(&self, kind: PoolKind) -> Api<DynamicObject> {
        if kind.is_namespaced() {
            Api::namespaced_with(self.client.clone(), &self.name, &kind.api_resource())
        } else {
            Api::all_with(self.client.clone(), &kind.api_resource())
        }
    }

    /// Creates a pool of any kind.
    pub(crate) async fn pool_of(&self, kind: PoolKind, name: &str, spec: Value) -> DynamicObject {
        let object = json!({
            "apiVersion": format!("{GROUP}/v1alpha2"), "kind": kind.kind(),
            "metadata": {"name": name}, "spec": spec,
        });
        create(&self.pools(kind), object).await
    }

    /// Creates a pool of any kind with additional metadata.
    pub(crate) async fn pool_with(
        &self,
        kind: PoolKind,
        name: &str,
        meta: Value,
        spec: Value,
    ) -> DynamicObject {
        let mut object = json!({
            "apiVersion": format!("{GROUP}/v1alpha2"), "kind": kind.kind(),
            "metadata": {"name": name}, "spec": spec,
        });
        merge(&mut object["metadata"], meta);
        create(&self.pools(kind), object).await
    }

    /// Creates an `InClusterIPPool`.
    pub(crate) async fn pool(&self, name: &str, spec: Value) -> DynamicObject {
        self.pool_of(PoolKind::InClusterIPPool, name, spec).await
    }

    /// Creates a claim on a pool.
    pub(crate) async fn claim_on(&self, name: &str, kind: PoolKind, pool: &str) -> DynamicObject {
        self.claim_with(name, kind.kind(), pool, json!({}), json!({}))
            .await
    }

    /// Creates a claim on an `InClusterIPPool`.
    pub(crate) async fn claim(&self, name: &str, pool: &str) -> DynamicObject {
        self.claim_on(name, PoolKind::InClusterIPPool, pool).await
    }

    /// Creates a claim with additional metadata and spec fields.
    pub(crate) async fn claim_with(
        &self,
        name: &str,
        kind: &str,
        pool: &str,
        meta: Value,
        spec: Value,
    ) -> DynamicObject {
        let mut object = json!({
            "apiVersion": format!("{GROUP}/{}", self.version), "kind": "IPAddressClaim",
            "metadata": {"name": name},
            "spec": {"poolRef": {"apiGroup": GROUP, "kind": kind, "name": pool}},
        });
        merge(&mut object["metadata"], meta);
        merge(&mut object["spec"], spec);
        create(&self.claims(), object).await
    }

    /// Creates a Cluster.
    pub(crate) async fn cluster(&self, name: &str, meta: Value, spec: Value) -> DynamicObject {
        let version = if self.version == Version::V1Beta2 {
            "v1beta2"
        } else {
            "v1beta1"
        };
        let mut object = json!({
            "apiVersion": format!("cluster.x-k8s.io/{version}"), "kind": "Cluster",
            "metadata": {"name": name}, "spec": {"controlPlaneEndpoint": {"host": "192.0.2.1", "port": 6443}},
        });
        merge(&mut object["metadata"], meta);
        merge(&mut object["spec"], spec);
        create(&self.clusters(), object).await
    }

    /// Creates an IPAddress by hand.
    pub(crate) async fn address(
        &self,
        name: &str,
        kind: &str,
        pool: &str,
        address: &str,
        prefix: i64,
        meta: Value,
    ) -> DynamicObject {
        let mut object = json!({
            "apiVersion": format!("{GROUP}/{}", self.version), "kind": "IPAddress",
            "metadata": {"name": name},
            "spec": {
                "claimRef": {"name": name}, "address": address, "prefix": prefix,
                "poolRef": {"apiGroup": GROUP, "kind": kind, "name": pool},
            },
        });
        merge(&mut object["metadata"], meta);
        create(&self.addresses(), object).await
    }

    pub(crate) async fn delete_claim(&self, name: &str) {
        self.claims()
            .delete(name, &DeleteParams::default())
            .await
            .expect("the claim can be deleted");
    }

    /// Merge-patches anything.
    pub(crate) async fn patch(&self, api: &Api<DynamicObject>, name: &str, patch: Value) -> DynamicObject {
        api.patch(name, &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .expect("the patch applies")
    }
}

async fn create(api: &Api<DynamicObject>, object: Value) -> DynamicObject {
    let object: DynamicObject = serde_json::from_value(object).expect("an object");
    let name = object.metadata.name.clone();
    api.create(&PostParams::default(), &object)
        .await
        .unwrap_or_else(|e| panic!("cannot create {name:?}: {e}"))
}

fn merge(into: &mut Value, from: Value) {
    if let (Some(into), Value::Object(from)) = (into.as_object_mut(), from) {
        into.extend(from);
    }
}
