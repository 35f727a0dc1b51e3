//! A problem with one field of a spec, and who minds it.

/// One problem with one field: where, with which value, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct FieldError {
    /// Path of the field as the tables of spec §10 have it, e.g. `spec.addresses`.
    pub field: &'static str,
    /// The offending value as the user wrote it; `None` when the problem is that there is none.
    pub value: Option<String>,
    /// What is wrong with the value, which is named again, and the remedy.
    pub message: String,
}

impl FieldError {
    /// The field has a wrong value.
    pub(crate) fn new(field: &'static str, value: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field,
            value: Some(value.into()),
            message: message.into(),
        }
    }

    /// The field has no value and needs one.
    pub(crate) fn missing(field: &'static str, message: impl Into<String>) -> Self {
        Self {
            field,
            value: None,
            message: message.into(),
        }
    }
}

/// Who reads the spec.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// Somebody wants to store it: every rule counts.
    Admission,
    /// It is stored: only what leaves the allocatable set undefined counts.
    Stored,
}

/// What a problem means for a pool that is stored already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// The allocatable set is undefined.
    Unusable,
    /// The allocatable set is well defined.
    Tolerable,
}

/// Problems in the order of the rule tables.
#[derive(Default)]
pub(super) struct Findings(Vec<(Weight, FieldError)>);

impl Findings {
    pub(super) fn add(&mut self, weight: Weight, problem: FieldError) {
        self.0.push((weight, problem));
    }

    /// `Ok` when nothing found so far matters at this door.
    pub(super) fn settle(&self, door: Door) -> Result<(), Vec<FieldError>> {
        let counts = |weight| door == Door::Admission || weight == Weight::Unusable;
        let problems: Vec<_> = self
            .0
            .iter()
            .filter(|(w, _)| counts(*w))
            .map(|(_, p)| p.clone())
            .collect();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems)
        }
    }
}
