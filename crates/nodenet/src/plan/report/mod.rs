//! The report of a node, NodeNetworkState `status.currentState` (spec §11.2).

mod filter;
mod settings;
mod shrink;
#[cfg(test)]
mod tests;

use serde_json::Value;

pub use filter::{Links, filter, foreign};
pub use settings::{ReportSettings, Section};
pub use shrink::{Shrunk, shrink, size};

use super::document::digest;

/// What is written, and by what it is known to be the same as before.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// `status.currentState`, and what it lacks.
    pub shrunk: Shrunk,
    /// Digest of `currentState`; equal ⇒ nothing is written.
    pub digest: String,
}

/// The report of a queried state.
#[must_use]
pub fn report(state: &Value, settings: &ReportSettings, links: &Links) -> Report {
    let shrunk = shrink(filter(state, settings, links), settings.max_bytes);
    let digest = digest(&shrunk.report);
    Report { shrunk, digest }
}

/// Digest of a report as the API server gives it back, to compare over a restart.
#[must_use]
pub fn stored_digest(current_state: Option<&Value>) -> String {
    digest(current_state.unwrap_or(&Value::Null))
}
