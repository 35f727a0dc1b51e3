//! The answer to one admission request.

use serde_json::{Value, json};

use crate::plan::domain::FieldError;

/// The answer to one admission request.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub enum Verdict {
    /// The write may happen.
    Allow {
        /// Shown to the person who writes.
        warnings: Vec<String>,
        /// Changes to the object, in order; empty for validation.
        patch: Vec<PatchOp>,
    },
    /// Fields are wrong: HTTP 422, reason `Invalid`. Never empty.
    Invalid(Vec<FieldError>),
    /// The state of the cluster forbids it: HTTP 400, reason `BadRequest`.
    Refused(String),
    /// It cannot be decided now: HTTP 500. Never taken for a yes.
    Unknown(String),
}

/// One step of a JSON patch (RFC 6902).
#[derive(Clone, Debug, PartialEq)]
pub enum PatchOp {
    /// Sets the member at this JSON pointer, whether it is there or not; its parent must be.
    Set(&'static str, Value),
    /// Removes the member at this JSON pointer, which must be there.
    Remove(&'static str),
}

impl PatchOp {
    /// The step as RFC 6902 writes it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Set(path, value) => json!({ "op": "add", "path": path, "value": value }),
            Self::Remove(path) => json!({ "op": "remove", "path": path }),
        }
    }
}

impl Verdict {
    /// Yes, without a word.
    pub(super) const fn allow() -> Self {
        Self::Allow {
            warnings: Vec::new(),
            patch: Vec::new(),
        }
    }

    /// Adds warnings to a yes; anything else stays what it is.
    pub(super) fn and_warn(mut self, more: Vec<String>) -> Self {
        if let Self::Allow { warnings, .. } = &mut self {
            warnings.extend(more);
        }
        self
    }
}
