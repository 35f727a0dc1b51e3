//! What these test programs share: the binary, and pools, claims and addresses as people write them.

use std::time::Duration;

use api::{capi::Version, names::GROUP, pool::PoolKind};
use kube::{
    Api, Client,
    api::{DynamicObject, PostParams},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::{Value, json};
use testkit::eventually;

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

fn capi(kind: &str, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(GROUP, CAPI.as_str(), kind), plural)
}

/// Claims of a namespace.
pub(crate) fn claims(client: &Client, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), namespace, &capi("IPAddressClaim", "ipaddressclaims"))
}

/// Addresses of a namespace.
pub(crate) fn addresses(client: &Client, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), namespace, &capi("IPAddress", "ipaddresses"))
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

/// Text at a JSON pointer.
pub(crate) fn text<'a>(object: &'a DynamicObject, pointer: &str) -> &'a str {
    object.data.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Waits until a claim is bound; returns its address.
pub(crate) async fn bound(client: &Client, namespace: &str, claim: &str) -> String {
    eventually(PATIENCE, &format!("claim {namespace}/{claim} is bound"), || async {
        let object = claims(client, namespace).get(claim).await.map_err(|e| e.to_string())?;
        let name = text(&object, "/status/addressRef/name");
        if name.is_empty() {
            return Err(format!("its status is {}", object.data["status"]));
        }
        let address = addresses(client, namespace).get(name).await.map_err(|e| e.to_string())?;
        Ok(text(&address, "/spec/address").to_owned())
    })
    .await
}

/// Waits until one of these claims is bound; returns its name.
pub(crate) async fn winner<'a>(client: &Client, namespace: &str, names: &[&'a str]) -> &'a str {
    eventually(PATIENCE, &format!("one of {names:?} is bound"), || async {
        for name in names {
            let object = claims(client, namespace).get(name).await.map_err(|e| e.to_string())?;
            if !text(&object, "/status/addressRef/name").is_empty() {
                return Ok(*name);
            }
        }
        Err("none is".to_owned())
    })
    .await
}
