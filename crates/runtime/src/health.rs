//! `/healthz` and `/readyz`.
//!
//! Alive means that the process answers. Ready means that every part of it said so: each part takes a
//! [`Gate`] at start and opens it when it can do its work. Take all gates before the first probe can be answered:
//! nobody can wait for a part that is not known yet.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// The gates of a process. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    gates: Arc<Mutex<BTreeMap<&'static str, GateState>>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct GateState {
    open: bool,
    reason: String,
}

impl Readiness {
    /// No gates yet, and so not ready: a process that has not even begun must not be sent any work.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a gate, closed at first. A second one of the same name is the same gate, closed again.
    #[must_use]
    pub fn gate(&self, name: &'static str) -> Gate {
        let gate = Gate {
            readiness: self.clone(),
            name,
        };
        gate.set(false, "starting");
        gate
    }

    /// True when there are gates and all of them are open.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        are_open(&self.snapshot())
    }

    fn snapshot(&self) -> BTreeMap<&'static str, GateState> {
        self.gates.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Routes `/healthz` and `/readyz`, and below them one path per gate, as controller-runtime has them.
    ///
    /// `?verbose` lists the gates also when all is well.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/healthz", get(async || text(StatusCode::OK, "ok".to_owned())))
            .route(
                "/healthz/ping",
                get(async || text(StatusCode::OK, "ok".to_owned())),
            )
            .route("/readyz", get(all))
            .route("/readyz/{gate}", get(one))
            .with_state(self.clone())
    }
}

/// One part's say in readiness. Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate {
    readiness: Readiness,
    name: &'static str,
}

impl Gate {
    /// Opens or closes the gate. `reason` is shown while it is closed, so say what is missing and why.
    pub fn set(&self, open: bool, reason: impl Into<String>) {
        let state = GateState {
            open,
            reason: reason.into(),
        };
        let mut gates = self
            .readiness
            .gates
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let before = gates.insert(self.name, state.clone());
        if before.is_some_and(|before| before.open != open) {
            tracing::info!(gate = self.name, open, reason = state.reason, "readiness changed");
        }
    }

    /// Opens the gate.
    pub fn open(&self) {
        self.set(true, "");
    }

    /// Closes the gate.
    pub fn close(&self, reason: impl Into<String>) {
        self.set(false, reason);
    }
}

fn are_open(gates: &BTreeMap<&'static str, GateState>) -> bool {
    !gates.is_empty() && gates.values().all(|gate| gate.open)
}

async fn all(State(readiness): State<Readiness>, RawQuery(query): RawQuery) -> Response {
    let gates = readiness.snapshot();
    let ready = are_open(&gates);
    let verbose = query.is_some_and(|query| {
        query
            .split('&')
            .any(|part| part.split('=').next() == Some("verbose"))
    });
    if ready && !verbose {
        return text(StatusCode::OK, "ok".to_owned());
    }
    let mut body = String::new();
    if gates.is_empty() {
        body.push_str("[-]process failed: starting\n");
    }
    for (name, gate) in &gates {
        if gate.open {
            if verbose {
                let _ = writeln!(body, "[+]{name} ok");
            }
        } else {
            let _ = writeln!(body, "[-]{name} failed: {}", gate.reason);
        }
    }
    let _ = writeln!(body, "readyz check {}", if ready { "passed" } else { "failed" });
    text(
        if ready {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        },
        body,
    )
}

async fn one(State(readiness): State<Readiness>, Path(name): Path<String>) -> Response {
    match readiness.snapshot().get(name.as_str()) {
        Some(gate) if gate.open => text(StatusCode::OK, "ok".to_owned()),
        Some(gate) => text(StatusCode::SERVICE_UNAVAILABLE, gate.reason.clone()),
        None => text(
            StatusCode::NOT_FOUND,
            format!("there is no readiness gate {name:?}"),
        ),
    }
}

fn text(status: StatusCode, body: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt;

    async fn ask(readiness: &Readiness, path: &str) -> (u16, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = readiness.router().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_process_that_has_not_named_its_parts_is_not_ready() {
        let readiness = Readiness::new();
        assert!(!readiness.is_ready());
        let failed = "[-]process failed: starting\nreadyz check failed\n";
        assert_eq!(ask(&readiness, "/readyz").await, (503, failed.into()));
        assert_eq!(ask(&readiness, "/healthz").await.0, 200, "alive all the same");
    }

    #[tokio::test]
    async fn ready_means_every_gate_is_open() {
        let readiness = Readiness::new();
        let (watches, webhook) = (readiness.gate("watches"), readiness.gate("webhook"));
        webhook.open();
        let (status, body) = ask(&readiness, "/readyz").await;
        assert_eq!(
            (status, body.as_str()),
            (503, "[-]watches failed: starting\nreadyz check failed\n")
        );
        watches.open();
        assert_eq!(ask(&readiness, "/readyz").await, (200, "ok".into()));
        let (_, body) = ask(&readiness, "/readyz?verbose").await;
        assert_eq!(body, "[+]watches ok\n[+]webhook ok\nreadyz check passed\n");
        webhook.close("the certificate has expired");
        assert!(!readiness.is_ready());
        assert_eq!(
            ask(&readiness, "/readyz/webhook").await,
            (503, "the certificate has expired".into())
        );
        assert_eq!(ask(&readiness, "/readyz/watches").await.0, 200);
        assert_eq!(ask(&readiness, "/readyz/other").await.0, 404);
        assert_eq!(
            ask(&readiness, "/healthz").await,
            (200, "ok".into()),
            "alive all the same"
        );
    }
}
