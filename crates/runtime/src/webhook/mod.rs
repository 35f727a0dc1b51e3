//! Admission and conversion webhooks: the transport, not the rules.
//!
//! [`admission`] and [`conversion`] turn a function into an axum handler for one path. They never panic and
//! never say "allowed" by accident: a body that cannot be read is a 400, a function that panics is an internal
//! failure, and both are refusals to the API server.

mod admission;
mod conversion;
mod verdict;

pub use admission::{AdmissionRequest, Operation, admission};
pub use conversion::conversion;
pub use verdict::{CauseReason, FieldCause, Verdict};

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Largest body of an admission review. Objects are at most about 3 MiB in a request, and there can be two.
pub const ADMISSION_BODY_LIMIT: usize = 8 << 20;

/// Largest body of a conversion review. The API server sends the objects of a whole list page at once.
pub const CONVERSION_BODY_LIMIT: usize = 64 << 20;

/// A body that is not the review we expected. The API server treats it as a failed call.
fn malformed(problem: &str) -> Response {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "reason": "BadRequest", "code": 400, "message": problem,
    });
    (StatusCode::BAD_REQUEST, Json(status)).into_response()
}

#[cfg(test)]
mod tests;
