//! The status to write to a claim, in the shape of the API version in use (spec §11.3 step 11, §18).

use api::capi::{AnyCondition, READY, ReadyReason};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::facts::{ClaimFacts, ConditionHome};

/// A merge patch for the claim's status subresource, guarded by the state it was decided on.
///
/// `bind` also writes `status.addressRef`. Other conditions of the list are written back as they were.
#[must_use]
pub fn patch(
    claim: &ClaimFacts,
    home: ConditionHome,
    reason: ReadyReason,
    message: &str,
    bind: bool,
    now: Timestamp,
) -> Value {
    let mut conditions: Vec<AnyCondition> = claim.other_conditions.to_vec();
    conditions.push(condition(claim, home, reason, message, now));
    let mut status = match home {
        ConditionHome::Status | ConditionHome::Old => json!({"conditions": conditions}),
        ConditionHome::Nested => json!({"v1beta2": {"conditions": conditions}}),
    };
    if bind {
        status["addressRef"] = json!({"name": claim.name.name()});
    }
    json!({
        "metadata": {"uid": claim.version.uid, "resourceVersion": claim.version.resource_version},
        "status": status,
    })
}

fn condition(
    claim: &ClaimFacts,
    home: ConditionHome,
    reason: ReadyReason,
    message: &str,
    now: Timestamp,
) -> AnyCondition {
    let status = if reason.is_ready() { "True" } else { "False" };
    let old = claim.ready.as_ref().filter(|c| c.status == status);
    let since = old.and_then(|c| c.last_transition_time.clone());
    let is_new_style = home != ConditionHome::Old;
    AnyCondition {
        type_: READY.to_owned(),
        status: status.to_owned(),
        // Old-style conditions say nothing when all is well.
        reason: (is_new_style || !reason.is_ready()).then(|| reason.to_string()),
        message: (is_new_style || !reason.is_ready()).then(|| message.to_owned()),
        severity: (!is_new_style && !reason.is_ready()).then(|| "Error".to_owned()),
        last_transition_time: Some(since.unwrap_or_else(|| seconds(now).to_string())),
        observed_generation: is_new_style.then_some(claim.generation),
    }
}

/// Kubernetes times have whole seconds, and never lie ahead: `metav1.Time` cuts the rest off.
fn seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[cfg(test)]
mod tests;
