//! Whether a policy's content changed, or only how it is rolled out (spec D22, §3.1 V2).

use serde_json::{Map, Value};

use crate::plan::document::{digest, is_empty_section};

/// Keys of `spec` that only say how a policy is rolled out; a change of these alone is accepted while it is in progress.
pub const ROLLOUT_KNOBS: [&str; 4] = ["maxUnavailable", "probes", "onDelete", "drift"];

/// Keys of `spec` that say where and when, not what.
const PLACE: [&str; 3] = ["nodeSelector", "nodeSelectorTerms", "after"];

/// Digest of what a policy wants of a node: `spec` without roll-out knobs and selectors. A key we do not know counts as
/// content. Absent, null and empty are equal.
#[must_use]
pub fn content_digest(spec: &Value) -> String {
    digest(&Value::Object(without(spec, |key| {
        ROLLOUT_KNOBS.contains(&key) || PLACE.contains(&key)
    })))
}

/// Whether two specs differ in roll-out knobs only, or not at all.
#[must_use]
pub fn same_but_knobs(old: &Value, new: &Value) -> bool {
    let of = |spec| digest(&Value::Object(without(spec, |key| ROLLOUT_KNOBS.contains(&key))));
    of(old) == of(new)
}

fn without(spec: &Value, skip: impl Fn(&str) -> bool) -> Map<String, Value> {
    let object = spec.as_object().into_iter().flatten();
    object
        .filter(|(key, value)| !skip(key) && !is_empty_section(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}
