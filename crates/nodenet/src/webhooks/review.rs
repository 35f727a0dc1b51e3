//! From an admission request to the rule that decides it.

use api::nmstate::{GROUP, NmstateKind, Policy};
use jiff::Timestamp;
use runtime::webhook::{AdmissionRequest, CauseReason, FieldCause, Operation, Verdict};
use serde_json::{Value, json};

use super::Surroundings;
use crate::names::TIMESTAMP_ANNOTATION;
use crate::plan::admission;
use crate::plan::document::Problem;

/// Sets the time of the change, in nanoseconds since the epoch (spec §3.2).
pub(super) fn timestamp(request: &AdmissionRequest, now: Timestamp) -> Verdict {
    let Some(object) = &request.object else {
        return Verdict::allow();
    };
    let time = now.as_nanosecond().to_string();
    let path = format!(
        "/metadata/annotations/{}",
        TIMESTAMP_ANNOTATION.replace('~', "~0").replace('/', "~1")
    );
    let operations = if object.metadata.annotations.is_some() {
        json!([{"op": "add", "path": path, "value": time}])
    } else {
        json!([{"op": "add", "path": "/metadata/annotations", "value": {TIMESTAMP_ANNOTATION: time}}])
    };
    Verdict::Allow {
        patch: Some(serde_json::from_value(operations).expect("every operation is one of JSON Patch")),
        warnings: Vec::new(),
    }
}

/// The spec before and after; `None` where the request changes none: metadata may always be changed.
fn specs(request: &AdmissionRequest) -> Option<(Option<&Value>, &Value)> {
    static NOTHING: Value = Value::Null;
    let object = request.object.as_ref()?;
    let new = object.data.get("spec").unwrap_or(&NOTHING);
    let old = match request.operation {
        Operation::Update => Some(
            request
                .old_object
                .as_ref()
                .and_then(|old| old.data.get("spec"))
                .unwrap_or(&NOTHING),
        ),
        _ => None,
    };
    (old != Some(new)).then_some((old, new))
}

/// Reviews a policy.
pub(super) fn policy(request: &AdmissionRequest, around: &dyn Surroundings) -> Verdict {
    let Some((_, spec)) = specs(request) else {
        return Verdict::allow();
    };
    let (nodes, policies) = (around.nodes(), around.policies());
    let policies: Option<Vec<&Policy>> = policies.as_ref().map(|all| all.iter().map(|p| &**p).collect());
    let known = admission::Surroundings {
        nodes: nodes.as_ref(),
        policies: policies.as_deref(),
    };
    let review = admission::review(&request.name, spec, known);
    if review.problems.is_empty() {
        return Verdict::Allow {
            patch: None,
            warnings: review.warnings,
        };
    }
    refuse(NmstateKind::Policy, request, review.problems)
}

/// Reviews what is wanted of one node alone.
pub(super) fn state(request: &AdmissionRequest, around: &dyn Surroundings) -> Verdict {
    let Some((old, new)) = specs(request) else {
        return Verdict::allow();
    };
    let problems = admission::review_state(&request.name, old, new, around.own_state(&request.name));
    if problems.is_empty() {
        return Verdict::allow();
    }
    refuse(NmstateKind::State, request, problems)
}

fn refuse(kind: NmstateKind, request: &AdmissionRequest, problems: Vec<Problem>) -> Verdict {
    let causes = problems
        .into_iter()
        .map(|problem| FieldCause {
            field: problem.path,
            // The value may be a secret, and the message names what matters of it.
            value: None,
            message: problem.message,
            reason: CauseReason::Invalid,
        })
        .collect();
    Verdict::Invalid {
        group: GROUP.to_owned(),
        kind: kind.kind().to_owned(),
        name: request.name.clone(),
        causes,
    }
}
