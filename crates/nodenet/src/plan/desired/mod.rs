//! What happens to a desired state before it is applied or shown (spec §7).

mod addresses;
mod bridge;
mod digest;
mod mask;
mod render;
#[cfg(test)]
mod render_tests;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

pub use addresses::{Ours, merge_addresses, remember_addresses, static_only};
pub use bridge::trunk_by_default;
pub use digest::{ROLLOUT_KNOBS, content_digest, same_but_knobs};
pub use mask::{MASK, mask, masked, scrub};
pub use render::{Kept, Outcome, RenderError, Rendered, Request, has_templates, render};

use super::document::{is_empty_section, list_mut};

/// The document to work with: null is read as absent (spec §17.1), and absent as empty.
#[must_use]
pub fn given(desired: Option<&Value>) -> Value {
    let object = desired.and_then(Value::as_object).into_iter().flatten();
    let kept: Map<String, Value> = object
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    Value::Object(kept)
}

/// Whether there is nothing to apply: a successful no-op, not an error (spec §7.3, D8).
#[must_use]
pub fn is_empty(document: &Value) -> bool {
    is_empty_section(document)
}

/// Settings that come from the installation or the policy's annotations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// Whether bridge ports without `vlan` become trunks (D25).
    pub bridge_trunk: bool,
}

impl Default for Defaults {
    fn default() -> Self {
        Self { bridge_trunk: true }
    }
}

impl Defaults {
    /// From NMState's `spec.compatibility.bridgeTrunkDefault` and the policy's annotation
    /// [`crate::names::BRIDGE_VLAN_DEFAULT_ANNOTATION`].
    #[must_use]
    pub fn of(bridge_trunk_default: Option<bool>, annotation: Option<&str>) -> Self {
        Self {
            bridge_trunk: bridge_trunk_default.unwrap_or(true) && annotation != Some("none"),
        }
    }
}

/// Completes a rendered document: an interface without `state` is to be up, and bridge ports get their default.
#[must_use]
pub fn complete(mut document: Value, defaults: Defaults) -> Value {
    for entry in list_mut(&mut document, &["interfaces"]).into_iter().flatten() {
        if let Value::Object(entry) = entry {
            let state = entry.entry("state").or_insert(Value::Null);
            if state.is_null() {
                *state = json!("up");
            }
        }
    }
    if defaults.bridge_trunk {
        trunk_by_default(&mut document);
    }
    document
}
