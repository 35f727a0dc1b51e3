//! What an admission function may answer.

use serde_json::{Map, Value, json};

/// The API recommends to keep a warning within 120 characters and cuts all of them at 4096 together.
const WARNING_BYTES: usize = 256;

/// The answer to an admission request.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Let it pass.
    Allow {
        /// Changes to make first (mutating webhooks only); an empty patch is none.
        patch: Option<json_patch::Patch>,
        /// Shown to the user by kubectl. Cut to 256 bytes each.
        warnings: Vec<String>,
    },
    /// The object breaks rules: HTTP 422, reason `Invalid`, one cause per problem.
    Invalid {
        /// API group of the object.
        group: String,
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
        /// Every problem found, never only the first.
        causes: Vec<FieldCause>,
    },
    /// The object is fine but the state of the world forbids it: HTTP 400, reason `BadRequest`.
    Refused(String),
    /// We could not decide: HTTP 500. Never "allowed".
    Internal(String),
}

impl Verdict {
    /// Let it pass, unchanged and without a word.
    #[must_use]
    pub fn allow() -> Self {
        Self::Allow {
            patch: None,
            warnings: Vec::new(),
        }
    }
}

/// One field that breaks a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldCause {
    /// Path as users write it, e.g. `spec.addresses`.
    pub field: String,
    /// The offending value, shown in the message; `None` where there is none to show.
    pub value: Option<Value>,
    /// What is wrong and what to do.
    pub message: String,
    /// Which kind of problem.
    pub reason: CauseReason,
}

/// Kinds of field problems, as `k8s.io/apimachinery/pkg/util/validation/field` has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CauseReason {
    /// `FieldValueRequired`
    Required,
    /// `FieldValueInvalid`
    Invalid,
    /// `FieldValueForbidden`
    Forbidden,
    /// `FieldValueNotSupported`
    NotSupported,
    /// `FieldValueDuplicate`
    Duplicate,
}

impl CauseReason {
    fn machine(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Invalid => "FieldValueInvalid",
            Self::Forbidden => "FieldValueForbidden",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Duplicate => "FieldValueDuplicate",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Required => "Required value",
            Self::Invalid => "Invalid value",
            Self::Forbidden => "Forbidden",
            Self::NotSupported => "Unsupported value",
            Self::Duplicate => "Duplicate value",
        }
    }
}

impl FieldCause {
    /// An invalid value.
    #[must_use]
    pub fn invalid(field: impl Into<String>, value: impl Into<Value>, message: impl Into<String>) -> Self {
        let (field, message) = (field.into(), message.into());
        Self {
            field,
            value: Some(value.into()),
            message,
            reason: CauseReason::Invalid,
        }
    }

    /// The text after the field, as `field.Error.ErrorBody` writes it.
    fn body(&self) -> String {
        let words = self.reason.words();
        // Go shows no value where there can be none.
        let shown = match (self.reason, &self.value) {
            (CauseReason::Required | CauseReason::Forbidden, _) | (_, None) => words.to_owned(),
            (_, Some(value)) => format!("{words}: {value}"),
        };
        if self.message.is_empty() {
            shown
        } else {
            format!("{shown}: {}", self.message)
        }
    }
}

/// The `response` of a review.
pub(super) fn response(uid: &str, verdict: Verdict) -> Value {
    let mut response = Map::new();
    response.insert("uid".into(), json!(uid));
    response.insert("allowed".into(), json!(matches!(verdict, Verdict::Allow { .. })));
    match verdict {
        Verdict::Allow { patch, warnings } => {
            if let Some(patch) = patch.filter(|patch| !patch.0.is_empty()) {
                use base64::Engine;
                let text = json!(patch).to_string();
                response.insert("patchType".into(), json!("JSONPatch"));
                response.insert(
                    "patch".into(),
                    json!(base64::engine::general_purpose::STANDARD.encode(text)),
                );
            }
            let warnings: Vec<&str> = warnings
                .iter()
                .map(|text| cut(text))
                .filter(|text| !text.is_empty())
                .collect();
            if !warnings.is_empty() {
                response.insert("warnings".into(), json!(warnings));
            }
        }
        Verdict::Invalid {
            group,
            kind,
            name,
            causes,
        } => {
            response.insert("status".into(), invalid(&group, &kind, &name, &causes));
        }
        Verdict::Refused(message) => {
            response.insert("status".into(), failure(400, "BadRequest", &message));
        }
        Verdict::Internal(message) => {
            response.insert("status".into(), failure(500, "InternalError", &message));
        }
    }
    Value::Object(response)
}

fn failure(code: u16, reason: &str, message: &str) -> Value {
    json!({ "status": "Failure", "code": code, "reason": reason, "message": message })
}

/// The status `apierrors.NewInvalid` makes.
fn invalid(group: &str, kind: &str, name: &str, causes: &[FieldCause]) -> Value {
    let lines: Vec<String> = causes
        .iter()
        .map(|cause| format!("{}: {}", cause.field, cause.body()))
        .collect();
    let all = match lines.as_slice() {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    };
    let qualified = if group.is_empty() {
        kind.to_owned()
    } else {
        format!("{kind}.{group}")
    };
    let mut status = failure(422, "Invalid", &format!("{qualified} {name:?} is invalid: {all}"));
    let causes: Vec<Value> = causes
        .iter()
        .map(|cause| json!({ "reason": cause.reason.machine(), "message": cause.body(), "field": cause.field }))
        .collect();
    status["details"] = json!({ "name": name, "group": group, "kind": kind, "causes": causes });
    status
}

/// At most [`WARNING_BYTES`] bytes, cut between characters.
fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(WARNING_BYTES))
        .unwrap_or_default()
}
