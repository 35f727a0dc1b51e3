//! `AdmissionReview`, versions v1 and v1beta1 (they differ in name only).

use std::panic::AssertUnwindSafe;

use axum::Json;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use futures::FutureExt;
use kube::core::DynamicObject;
use serde::Deserialize;
use serde_json::json;

pub use kube::core::admission::Operation;

use super::verdict::{Verdict, response};
use super::{ADMISSION_BODY_LIMIT, malformed};

/// What the API server asks; `object` and `old_object` keep every field, known or not.
pub type AdmissionRequest = kube::core::admission::AdmissionRequest<DynamicObject>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review {
    api_version: String,
    kind: String,
    request: Option<AdmissionRequest>,
}

/// A handler for one admission path, e.g. `router.route("/validate-…", admission(|request| async { … }))`.
///
/// The review is answered in the version it came in. `decide` runs once per request, concurrently with others.
pub fn admission<F, Fut>(decide: F) -> MethodRouter
where
    F: Fn(AdmissionRequest) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Verdict> + Send + 'static,
{
    post(move |body: Bytes| {
        let decide = decide.clone();
        async move { answer(decide, body).await }
    })
    .layer(DefaultBodyLimit::max(ADMISSION_BODY_LIMIT))
}

async fn answer<F, Fut>(decide: F, body: Bytes) -> Response
where
    F: Fn(AdmissionRequest) -> Fut,
    Fut: Future<Output = Verdict>,
{
    let review: Review = match serde_json::from_slice(&body) {
        Ok(review) => review,
        Err(error) => return malformed(&format!("the body is not an AdmissionReview: {error}")),
    };
    if review.kind != "AdmissionReview"
        || !matches!(
            review.api_version.as_str(),
            "admission.k8s.io/v1" | "admission.k8s.io/v1beta1"
        )
    {
        let (version, kind) = (&review.api_version, &review.kind);
        return malformed(&format!(
            "the body is {version} {kind}, not an AdmissionReview of admission.k8s.io/v1 or v1beta1"
        ));
    }
    let Some(request) = review.request else {
        return malformed("the AdmissionReview has no request");
    };
    let uid = request.uid.clone();
    let verdict = AssertUnwindSafe(async { decide(request).await })
        .catch_unwind()
        .await
        .unwrap_or_else(|_| {
            tracing::error!(uid, "an admission function panicked");
            Verdict::Internal("the webhook failed internally; see its log".to_owned())
        });
    let response = response(&uid, verdict);
    Json(json!({ "apiVersion": review.api_version, "kind": "AdmissionReview", "response": response }))
        .into_response()
}
