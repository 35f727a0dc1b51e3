//! Reading what the controller did.

use kube::{Api, Client, api::DynamicObject};
use serde_json::Value;
use testkit::eventually;

use crate::rig::{PATIENCE, capi, claims};

/// Addresses of a namespace.
pub(crate) fn addresses(client: &Client, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), namespace, &capi("IPAddress", "ipaddresses"))
}

/// Text at a JSON pointer.
pub(crate) fn text<'a>(object: &'a DynamicObject, pointer: &str) -> &'a str {
    object
        .data
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// Waits until a claim is bound; returns its address.
pub(crate) async fn bound(client: &Client, namespace: &str, claim: &str) -> String {
    eventually(
        PATIENCE,
        &format!("claim {namespace}/{claim} is bound"),
        || async {
            let object = claims(client, namespace)
                .get(claim)
                .await
                .map_err(|e| e.to_string())?;
            let name = text(&object, "/status/addressRef/name");
            if name.is_empty() {
                return Err(format!("its status is {}", object.data["status"]));
            }
            let address = addresses(client, namespace)
                .get(name)
                .await
                .map_err(|e| e.to_string())?;
            Ok(text(&address, "/spec/address").to_owned())
        },
    )
    .await
}
