//! Captures and templates: nmstate's policy language, and ours behind the same syntax (spec §8, §17.2, §22.2, §22.6).
//!
//! A capture selects from the node's state once; templates put what it found into the desired state. The evaluator works
//! on documents, so that admission, the command line and the node's process say the same; `handler` compares it with
//! the nmstate crate on random states and expressions.

mod check;
mod error;
mod evaluate;
mod expression;
mod lookup;
mod select;
mod template;
#[cfg(test)]
mod tests;
mod token;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

pub use check::{Declared, check};
pub use error::{Cause, ErrorKind, PolicyError, Source};
pub use evaluate::States;
pub use expression::Expression;
pub(crate) use select::is_mac;
pub use template::{Reference, Sources, fill, references};
pub use token::Operator;

use super::document::Problem;

/// The built-in capture that holds the matched interfaces (spec §17.2).
pub const MATCHED: &str = "matched";

/// The captures of one policy, read.
#[derive(Clone, Debug, Default)]
pub struct Captures {
    by_name: BTreeMap<String, Capture>,
}

#[derive(Clone, Debug)]
struct Capture {
    expression: Expression,
    /// A `?` after the name: finding nothing is an answer.
    optional: bool,
}

impl Captures {
    /// Reads `spec.capture`. A `?` at the end of a name is not part of it: it makes "nothing found" an empty result.
    ///
    /// # Errors
    /// Every capture that cannot be read, by its key.
    pub fn parse<'a>(
        captures: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, Vec<(String, PolicyError)>> {
        let (mut by_name, mut wrong) = (BTreeMap::new(), Vec::new());
        for (key, text) in captures {
            let name = Self::name_of(key);
            match Expression::parse(text) {
                Err(error) => wrong.push((key.to_owned(), error)),
                Ok(_) if name.is_empty() || name.contains('.') => wrong.push((
                    key.to_owned(),
                    PolicyError::argument(format!("capture name {key:?} must be a word without a dot")),
                )),
                Ok(expression) => {
                    let capture = Capture {
                        expression,
                        optional: name != key,
                    };
                    if by_name.insert(name.to_owned(), capture).is_some() {
                        let message = format!("capture {name} is given twice, with and without '?'");
                        wrong.push((key.to_owned(), PolicyError::argument(message)));
                    }
                }
            }
        }
        if wrong.is_empty() {
            Ok(Self { by_name })
        } else {
            Err(wrong)
        }
    }

    /// The name a key declares.
    #[must_use]
    pub fn name_of(key: &str) -> &str {
        key.strip_suffix('?').unwrap_or(key)
    }

    /// Whether there is nothing to evaluate.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Evaluates all against `current`, each after those it reads from. `given` are results that exist already, such as
    /// [`MATCHED`]; they are in the answer, too.
    ///
    /// # Errors
    /// The first that fails; a cycle, with nmstate's words.
    pub fn evaluate(&self, current: &Value, given: States) -> Result<States, PolicyError> {
        let order = self.order(&given)?;
        let mut done = given;
        for name in order {
            let Some(capture) = self.by_name.get(&name) else {
                continue;
            };
            let state = capture.expression.evaluate(current, &done, capture.optional)?;
            done.insert(name, state);
        }
        Ok(done)
    }

    /// The results a policy works with: those kept from its first evaluation, if they are for these captures, or new
    /// ones (spec §8: once evaluated, they stay, also when the network they were taken from is gone).
    ///
    /// # Errors
    /// As [`Self::evaluate`].
    pub fn results(&self, kept: &States, current: &Value, given: States) -> Result<States, PolicyError> {
        if self.is_empty() || !self.by_name.keys().all(|name| kept.contains_key(name)) {
            return self.evaluate(current, given);
        }
        let mut states = kept.clone();
        states.extend(given);
        Ok(states)
    }

    /// Names in an order in which each comes after those it reads from.
    fn order(&self, given: &States) -> Result<Vec<String>, PolicyError> {
        let mut order: Vec<String> = Vec::new();
        let mut placed: BTreeSet<&str> = given.keys().map(String::as_str).collect();
        while order.len() < self.by_name.len() {
            let next = self.by_name.iter().find(|(name, capture)| {
                !placed.contains(name.as_str())
                    && capture.expression.reads().all(|read| {
                        // An unknown name is an error of the capture itself, where it can be pointed at.
                        placed.contains(read.name.as_str()) || !self.by_name.contains_key(&read.name)
                    })
            });
            let Some((name, _)) = next else {
                return Err(PolicyError::argument(
                    "Failed to sort the policy capture in 10 round of rotation, please order the capture in desire \
                     policy by placing capture before its consumer",
                ));
            };
            placed.insert(name);
            order.push(name.clone());
        }
        Ok(order)
    }

    /// Captures that read from captures that are not declared, and cycles.
    fn dangling(&self, matches: bool) -> Vec<Problem> {
        let given = matches
            .then(|| (MATCHED.to_owned(), Value::Null))
            .into_iter()
            .collect();
        let mut problems = Vec::new();
        for (name, capture) in &self.by_name {
            for read in capture.expression.reads() {
                let built_in = matches && read.name == MATCHED;
                if !built_in && !self.by_name.contains_key(&read.name) {
                    let error = PolicyError::at(
                        format!("Failed to find capture {}: declare it in spec.capture", read.name),
                        &capture.expression.line,
                        read.position,
                    );
                    problems.push(Problem::new(format!("spec.capture.{name}"), error.to_string()));
                }
            }
        }
        if let Err(error) = self.order(&given) {
            problems.push(Problem::new("spec.capture", error.to_string()));
        }
        problems
    }
}
