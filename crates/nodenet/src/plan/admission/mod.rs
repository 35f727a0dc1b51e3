//! What may be asked of a node's network (spec §3).
//!
//! Two doors: a `ValidatingAdmissionPolicy`, which the API server evaluates by itself ([`manifest`]), and a webhook for
//! what its language cannot say ([`review`]). The webhook may be absent; whoever applies a policy checks again.

mod claims;
pub mod manifest;
mod order;
mod policy;
mod state;

pub use policy::{Review, Surroundings, review};
pub use state::review as review_state;

#[cfg(test)]
mod tests;
