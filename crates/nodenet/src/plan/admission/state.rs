//! What is wanted of one node alone, under review (spec §17.1).

use serde_json::Value;

use crate::plan::condition::enactment::Said;
use crate::plan::document::Problem;
use crate::plan::schema;

/// Every reason to refuse the new spec of a report of `node`; `said` is what the enactment of the stored one says.
#[must_use]
pub fn review(node: &str, old: Option<&Value>, new: &Value, said: Option<Said>) -> Vec<Problem> {
    let wanted = |spec: &Value| spec.get("desiredState").filter(|state| !state.is_null()).cloned();
    let (before, after) = (old.and_then(wanted), wanted(new));
    if before == after {
        return Vec::new();
    }
    if said == Some(Said::Progressing) {
        let message = format!("node desired state of {node} is still in progress");
        return vec![Problem::new("spec.desiredState", message)];
    }
    after
        .filter(Value::is_object)
        .and_then(|state| schema::check(&state).err())
        .unwrap_or_default()
}
