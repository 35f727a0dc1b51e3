//! The diagnostics server: `/metrics`, `/debug/pprof/*`, `/debug/flags/v`.
//!
//! Secured as Cluster API secures it: every request carries a bearer token, which a TokenReview turns into a
//! user and a SubjectAccessReview allows to use that path. [`insecure_router`] is the plain variant with
//! `/metrics` alone.

mod access;
mod pprof;

use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

pub use access::{Access, Reviewer};

use crate::logging::Verbosity;
use crate::metrics::Metrics;

/// Answers of the API server about a token are used again for this long.
pub const CACHE_TIME: Duration = Duration::from_secs(10);

/// `/metrics` alone, without any check: `--insecure-diagnostics`.
pub fn insecure_router(metrics: Metrics) -> Router {
    Router::new().route("/metrics", get(async move || metrics.response()))
}

/// Everything, each request checked by `reviewer` first, unknown paths included.
pub fn secure_router(metrics: Metrics, verbosity: Verbosity, reviewer: Reviewer) -> Router {
    let router = insecure_router(metrics)
        .merge(pprof::router())
        .route(
            "/debug/flags/v",
            get(read_level).put(write_level).with_state(verbosity),
        )
        .fallback(async || {
            (
                StatusCode::NOT_FOUND,
                "not found; see /metrics and /debug/pprof/\n",
            )
        });
    guarded(router, reviewer)
}

/// `router`, with each request checked by `reviewer` first, unknown paths included if it has a fallback.
pub fn guarded(router: Router, reviewer: Reviewer) -> Router {
    router.layer(from_fn_with_state(reviewer, check))
}

async fn read_level(State(verbosity): State<Verbosity>) -> String {
    format!("{}\n", verbosity.get())
}

async fn write_level(State(verbosity): State<Verbosity>, body: String) -> Response {
    let Ok(level) = body.trim().parse::<u8>() else {
        let problem = format!(
            "{:?} is not a verbosity; send a number from 0 to 255\n",
            body.trim()
        );
        return (StatusCode::BAD_REQUEST, problem).into_response();
    };
    match verbosity.set(level) {
        Ok(()) => format!("successfully set klog.logging.verbosity to {level}\n").into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

async fn check(State(reviewer): State<Reviewer>, request: Request, next: Next) -> Response {
    let Some(token) = bearer(&request) else {
        let headers = [(header::WWW_AUTHENTICATE, "Bearer")];
        return (
            StatusCode::UNAUTHORIZED,
            headers,
            "Unauthorized: send a bearer token\n",
        )
            .into_response();
    };
    let verb = request.method().as_str().to_ascii_lowercase();
    let path = request.uri().path().to_owned();
    match reviewer.review(&token, &verb, &path).await {
        Ok(Access::Allowed) => next.run(request).await,
        Ok(Access::Unauthenticated) => (StatusCode::UNAUTHORIZED, "Unauthorized\n").into_response(),
        Ok(Access::Denied { user }) => {
            let text = format!(
                "Forbidden: user {user:?} may not {verb} {path}; grant it with a ClusterRole on nonResourceURLs\n"
            );
            (StatusCode::FORBIDDEN, text).into_response()
        }
        // Not asked is not allowed.
        Err(problem) => {
            tracing::warn!(error = problem, path, "cannot check a request for diagnostics");
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                "the API server could not be asked about this request\n",
            )
                .into_response()
        }
    }
}

fn bearer(request: &Request) -> Option<String> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| token.to_owned())
}

#[cfg(test)]
mod tests;
