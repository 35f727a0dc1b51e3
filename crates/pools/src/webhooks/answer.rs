//! The plan's verdicts in the words of the transport.

use api::{names::GROUP, pool::PoolKind};
use runtime::webhook::{CauseReason, FieldCause, Verdict};
use serde_json::Value;

use crate::plan::{
    admission::{self, PatchOp},
    domain::FieldError,
};

pub(super) fn of(verdict: admission::Verdict, kind: PoolKind, name: &str) -> Verdict {
    match verdict {
        admission::Verdict::Allow { warnings, patch } => match json_patch(&patch) {
            Ok(patch) => Verdict::Allow { patch, warnings },
            Err(e) => Verdict::Internal(format!("cannot write the patch: {e}")),
        },
        admission::Verdict::Invalid(problems) => Verdict::Invalid {
            group: GROUP.to_owned(),
            kind: kind.kind().to_owned(),
            name: name.to_owned(),
            causes: problems.into_iter().map(cause).collect(),
        },
        admission::Verdict::Refused(message) => Verdict::Refused(message),
        admission::Verdict::Unknown(message) => Verdict::Internal(message),
    }
}

fn json_patch(steps: &[PatchOp]) -> Result<Option<json_patch::Patch>, serde_json::Error> {
    if steps.is_empty() {
        return Ok(None);
    }
    serde_json::from_value(Value::Array(steps.iter().map(PatchOp::to_json).collect())).map(Some)
}

fn cause(problem: FieldError) -> FieldCause {
    let FieldError {
        field,
        value,
        message,
    } = problem;
    match value {
        Some(value) => FieldCause::invalid(field, value, message),
        None => FieldCause {
            field: field.into(),
            value: None,
            message,
            reason: CauseReason::Required,
        },
    }
}
