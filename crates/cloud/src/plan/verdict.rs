//! What a decision says about itself, for people.

use std::fmt;

/// One rule that was applied: which, to what, with which result.
///
/// Verdicts are the raw material of `--explain`; no decision ever reads one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The rule, in words that can be searched for in the documentation.
    pub rule: &'static str,
    /// What it looked at.
    pub input: String,
    /// What came out.
    pub result: String,
}

impl Verdict {
    /// A verdict.
    #[must_use]
    pub fn new(rule: &'static str, input: impl fmt::Display, result: impl fmt::Display) -> Self {
        Self {
            rule,
            input: input.to_string(),
            result: result.to_string(),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} -> {}", self.rule, self.input, self.result)
    }
}
