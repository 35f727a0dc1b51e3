//! Admission over HTTP (spec §3). The rules are in [`crate::plan::admission`], the transport in [`runtime::webhook`].

mod observe;
mod review;

use std::collections::BTreeMap;
use std::sync::Arc;

use api::nmstate::Policy;
use axum::Router;
use jiff::Timestamp;
use runtime::webhook::admission;

use crate::plan::admission::manifest::{MUTATE_POLICY, VALIDATE_POLICY, VALIDATE_STATE};
use crate::plan::condition::enactment::Said;
use crate::plan::selector::Labels;

pub use observe::Observed;

/// What the webhooks ask about the cluster. Answers come from memory: they are asked for while a user waits.
///
/// `None` means "not known yet": what would be said about it is left unsaid.
pub trait Surroundings: Send + Sync + 'static {
    /// Labels of all nodes.
    fn nodes(&self) -> Option<BTreeMap<String, Labels>>;

    /// All policies.
    fn policies(&self) -> Option<Vec<Arc<Policy>>>;

    /// What the enactment of a node's own desired state says.
    fn own_state(&self, node: &str) -> Option<Said>;
}

/// All admission paths, ready to be served over TLS. `clock` tells the time of a change.
pub fn router(surroundings: &Arc<dyn Surroundings>, clock: fn() -> Timestamp) -> Router {
    let mutate = admission(move |request| std::future::ready(review::timestamp(&request, clock())));
    let (policies, states) = (Arc::clone(surroundings), Arc::clone(surroundings));
    let policy = admission(move |request| std::future::ready(review::policy(&request, &*policies)));
    let state = admission(move |request| std::future::ready(review::state(&request, &*states)));
    Router::new()
        .route(MUTATE_POLICY, mutate)
        .route(VALIDATE_POLICY, policy)
        .route(VALIDATE_STATE, state)
}
