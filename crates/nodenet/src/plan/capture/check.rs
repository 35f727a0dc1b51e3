//! What admission says about captures and templates (spec §3.1 R, cases 15 and 72).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::error::{PolicyError, Source};
use super::template::{Reference, references};
use super::{Captures, MATCHED};
use crate::plan::document::Problem;

/// What a policy declares for its templates to use.
#[derive(Clone, Debug, Default)]
pub struct Declared<'a> {
    /// `spec.capture`.
    pub captures: BTreeMap<&'a str, &'a str>,
    /// Names in `spec.secrets`.
    pub secrets: BTreeSet<&'a str>,
    /// Names in `spec.addresses`.
    pub addresses: BTreeSet<&'a str>,
    /// Whether there is a `spec.match`: it brings the capture `matched` and the values of the matched interface.
    pub matches: bool,
}

/// Every problem of the captures and of the references in `desired`.
#[must_use]
pub fn check(declared: &Declared<'_>, desired: &Value) -> Vec<Problem> {
    let mut problems = captures(declared);
    let interfaces = desired.get("interfaces").and_then(Value::as_array);
    for (index, entry) in interfaces.into_iter().flatten().enumerate() {
        let template = declared.matches && entry.get("name").is_none();
        strings(
            declared,
            entry,
            &format!("spec.desiredState.interfaces[{index}]"),
            template,
            &mut problems,
        );
    }
    for (key, section) in desired.as_object().into_iter().flatten() {
        if key != "interfaces" || !section.is_array() {
            strings(
                declared,
                section,
                &format!("spec.desiredState.{key}"),
                false,
                &mut problems,
            );
        }
    }
    problems
}

fn captures(declared: &Declared<'_>) -> Vec<Problem> {
    if declared.matches && declared.captures.contains_key(MATCHED) {
        return vec![Problem::new(
            format!("spec.capture.{MATCHED}"),
            "the name is taken: it holds the matched interfaces; choose another",
        )];
    }
    match Captures::parse(declared.captures.iter().map(|(name, text)| (*name, *text))) {
        Err(errors) => errors
            .into_iter()
            .map(|(name, error)| Problem::new(format!("spec.capture.{name}"), error.to_string()))
            .collect(),
        Ok(captures) => captures.dangling(declared.matches),
    }
}

fn strings(declared: &Declared<'_>, value: &Value, path: &str, template: bool, problems: &mut Vec<Problem>) {
    match value {
        Value::Object(object) => {
            for (key, item) in object {
                strings(declared, item, &format!("{path}.{key}"), template, problems);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                strings(declared, item, &format!("{path}[{index}]"), template, problems);
            }
        }
        Value::String(line) => {
            let wrong = match references(value) {
                Err(error) => vec![error],
                Ok(found) => found
                    .into_iter()
                    .filter_map(|(_, reference)| declared.lacks(&reference, line.trim(), template))
                    .collect(),
            };
            problems.extend(
                wrong
                    .into_iter()
                    .map(|error| Problem::new(path, error.to_string())),
            );
        }
        _ => {}
    }
}

impl Declared<'_> {
    /// The complaint about a reference to what is not declared.
    fn lacks(&self, reference: &Reference, line: &str, template: bool) -> Option<PolicyError> {
        let name = reference.path.first()?.as_str();
        let message = match reference.source {
            Source::Capture if self.has_capture(name) => return None,
            Source::Capture => format!("Failed to find capture {name}: declare it in spec.capture"),
            Source::Secret if self.secrets.contains(name) => return None,
            Source::Secret => format!("Failed to find secret {name}: declare it in spec.secrets"),
            Source::Address if self.addresses.contains(name) => return None,
            Source::Address => format!("Failed to find address {name}: declare it in spec.addresses"),
            Source::Interface if template => return None,
            Source::Interface => {
                "interface values are known only in an entry without a name, in a policy with spec.match"
                    .to_owned()
            }
            Source::Node => return wrong_node_value(reference, line),
        };
        let position = reference.position + reference.source.word().len() + 1;
        Some(PolicyError::at(message, line, position))
    }

    fn has_capture(&self, name: &str) -> bool {
        (self.matches && name == MATCHED) || self.captures.keys().any(|key| Captures::name_of(key) == name)
    }
}

fn wrong_node_value(reference: &Reference, line: &str) -> Option<PolicyError> {
    match reference
        .path
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["name" | "index"] | ["labels" | "annotations", _] => None,
        _ => Some(PolicyError::at(
            "a node has name, index, labels.KEY and annotations.KEY",
            line,
            reference.position,
        )),
    }
}
