//! What these test programs share: the binary, and pools, claims and addresses as people write them.

use std::time::Duration;

use api::{capi::Version, names::GROUP, pool::PoolKind};
use kube::{
    Api, Client,
    api::{DynamicObject, PostParams},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::{Value, json};

/// The program under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_cadastre");
/// Longest wait for anything that should take milliseconds; the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// The version of Cluster API's kinds that the tests speak.
pub(crate) const CAPI: Version = Version::V1Beta2;

/// JSON as an object of Kubernetes.
pub(crate) fn object(value: Value) -> DynamicObject {
    serde_json::from_value(value).expect("an object has metadata")
}

/// A pool of any kind.
pub(crate) fn pool(kind: PoolKind, name: &str, spec: &Value) -> DynamicObject {
    let version = format!("{GROUP}/v1alpha2");
    object(json!({"apiVersion": version, "kind": kind.kind(), "metadata": {"name": name}, "spec": spec}))
}

/// A claim on a pool.
pub(crate) fn claim(name: &str, kind: PoolKind, pool: &str) -> DynamicObject {
    object(json!({
        "apiVersion": format!("{GROUP}/{CAPI}"), "kind": "IPAddressClaim", "metadata": {"name": name},
        "spec": {"poolRef": {"apiGroup": GROUP, "kind": kind.kind(), "name": pool}},
    }))
}

/// A kind of Cluster API.
pub(crate) fn capi(kind: &str, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(GROUP, CAPI.as_str(), kind), plural)
}

/// Claims of a namespace.
pub(crate) fn claims(client: &Client, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(
        client.clone(),
        namespace,
        &capi("IPAddressClaim", "ipaddressclaims"),
    )
}

/// Pools of a kind; of a namespace, if the kind has them.
pub(crate) fn pools(client: &Client, namespace: &str, kind: PoolKind) -> Api<DynamicObject> {
    if kind.is_namespaced() {
        Api::namespaced_with(client.clone(), namespace, &kind.api_resource())
    } else {
        Api::all_with(client.clone(), &kind.api_resource())
    }
}

/// Creates what must be accepted.
pub(crate) async fn create(api: &Api<DynamicObject>, object: &DynamicObject) -> DynamicObject {
    let name = object.metadata.name.as_deref().unwrap_or_default();
    let created = api.create(&PostParams::default(), object).await;
    created.unwrap_or_else(|error| panic!("cannot create {name}: {error}"))
}
