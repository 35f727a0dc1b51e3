//! The webhooks of the pools over HTTP: eight admission paths (spec §10) and `/convert` (spec §4).
//!
//! The rules are in [`plan::admission`](crate::plan::admission) and [`plan::convert`](crate::plan::convert), the
//! transport is in [`runtime::webhook`]. Here requests are read, questions about the cluster passed on, and verdicts
//! put into the words of the API server.

mod answer;
mod review;

use std::sync::Arc;

use api::pool::PoolKind;
use axum::Router;
use runtime::webhook::{admission, conversion};

use crate::plan::{
    admission::{InUse, Neighbour, Overlap},
    convert::convert,
    name::PoolName,
};

/// Path of the conversion webhook in every CRD.
pub const CONVERT_PATH: &str = "/convert";

/// Path of the validating webhook of a kind.
#[must_use]
pub fn validate_path(kind: PoolKind) -> String {
    format!("/validate-ipam-cluster-x-k8s-io-v1alpha2-{}", kind.singular())
}

/// Path of the mutating webhook of a kind.
#[must_use]
pub fn mutate_path(kind: PoolKind) -> String {
    format!("/mutate-ipam-cluster-x-k8s-io-v1alpha2-{}", kind.singular())
}

/// What the webhooks ask about the cluster. Answers come from memory: they are asked for while a user waits.
///
/// `None` means "not known yet" and makes the webhook answer with an internal error, never with a yes.
pub trait Surroundings: Send + Sync + 'static {
    /// All in-use objects of a pool (spec §1): every `IPAddress` that names it, also one whose address is no address.
    fn in_use(&self, pool: &PoolName) -> Option<Vec<InUse>>;

    /// All pools but this one, of any kind and namespace, with what they may hand out. Asked only when overlap is
    /// looked at.
    fn neighbours(&self, pool: &PoolName) -> Option<Vec<Neighbour>>;
}

/// The webhooks of all four kinds, ready to be served over TLS.
pub fn router(surroundings: &Arc<dyn Surroundings>, overlap: Overlap) -> Router {
    let mut router = Router::new().route(CONVERT_PATH, conversion(convert_one));
    for kind in PoolKind::ALL {
        let surroundings = Arc::clone(surroundings);
        let validate = admission(move |request| {
            std::future::ready(review::validate(kind, &request, &*surroundings, overlap))
        });
        let mutate = admission(move |request| std::future::ready(review::mutate(kind, &request)));
        router = router
            .route(&validate_path(kind), validate)
            .route(&mutate_path(kind), mutate);
    }
    router
}

/// The transport names object and versions itself.
fn convert_one(desired: &str, object: serde_json::Value) -> Result<serde_json::Value, String> {
    convert(object, desired).map_err(|e| e.problem())
}

#[cfg(test)]
mod tests;
