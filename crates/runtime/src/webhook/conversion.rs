//! `ConversionReview` of apiextensions.k8s.io/v1.

use std::panic::{AssertUnwindSafe, catch_unwind};

use axum::Json;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{CONVERSION_BODY_LIMIT, malformed};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review {
    api_version: String,
    kind: String,
    request: Option<Request>,
}

#[derive(Deserialize)]
struct Request {
    uid: String,
    #[serde(rename = "desiredAPIVersion")]
    desired: String,
    #[serde(default)]
    objects: Vec<Value>,
}

/// A handler for the conversion path of CRDs.
///
/// `convert` gets the wanted `apiVersion` and one object, and returns the object in that version. It must keep
/// `metadata` but for labels and annotations, as the API server checks. One failure fails the review, since
/// the server would discard the rest anyway; its text reaches the user.
pub fn conversion<F>(convert: F) -> MethodRouter
where
    F: Fn(&str, Value) -> Result<Value, String> + Clone + Send + Sync + 'static,
{
    post(move |body: Bytes| {
        let answer = answer(&convert, &body);
        async move { answer }
    })
    .layer(DefaultBodyLimit::max(CONVERSION_BODY_LIMIT))
}

fn answer<F>(convert: &F, body: &[u8]) -> Response
where
    F: Fn(&str, Value) -> Result<Value, String>,
{
    let review: Review = match serde_json::from_slice(body) {
        Ok(review) => review,
        Err(error) => return malformed(&format!("the body is not a ConversionReview: {error}")),
    };
    if review.kind != "ConversionReview" || review.api_version != "apiextensions.k8s.io/v1" {
        let (version, kind) = (&review.api_version, &review.kind);
        return malformed(&format!(
            "the body is {version} {kind}, not an apiextensions.k8s.io/v1 ConversionReview"
        ));
    }
    let Some(request) = review.request else {
        return malformed("the ConversionReview has no request");
    };
    let all = || {
        request
            .objects
            .into_iter()
            .map(|object| one(convert, &request.desired, object))
            .collect()
    };
    let result: Result<Vec<Value>, String> = catch_unwind(AssertUnwindSafe(all)).unwrap_or_else(|_| {
        tracing::error!(uid = request.uid, "a conversion function panicked");
        Err("the conversion failed internally; see the log of the webhook".to_owned())
    });
    let response = match result {
        Ok(objects) => {
            json!({ "uid": request.uid, "result": { "status": "Success" }, "convertedObjects": objects })
        }
        Err(message) => json!({ "uid": request.uid, "result": { "status": "Failure", "message": message } }),
    };
    Json(json!({ "apiVersion": review.api_version, "kind": "ConversionReview", "response": response }))
        .into_response()
}

fn one<F>(convert: &F, desired: &str, object: Value) -> Result<Value, String>
where
    F: Fn(&str, Value) -> Result<Value, String>,
{
    let text = |path: &str| {
        object
            .pointer(path)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let (version, kind, name) = (text("/apiVersion"), text("/kind"), text("/metadata/name"));
    let namespace = text("/metadata/namespace");
    if version == desired {
        return Ok(object);
    }
    convert(desired, object).map_err(|problem| {
        let slash = if namespace.is_empty() { "" } else { "/" };
        format!("cannot convert {kind} {namespace}{slash}{name} from {version} to {desired}: {problem}")
    })
}
