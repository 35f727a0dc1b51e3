//! A desired state against the table.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::table::{Node, TABLE};
use crate::plan::capture::references;
use crate::plan::document::{Problem, kind, text};

/// Decodes strictly: every key must be one nmstate knows at its place, every value of a kind it takes there.
///
/// Strings with references are not known yet and pass; entries of interfaces that are to be absent are only a name to
/// nmstate and pass, too. Paths begin with `spec.desiredState`.
///
/// # Errors
/// Every unknown key, with the place and the known keys that look like it, and every value of a wrong kind.
pub fn check(document: &Value) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    let path = "spec.desiredState";
    match document {
        Value::Object(document) => {
            let known = TABLE
                .sections
                .keys
                .iter()
                .flatten()
                .map(|(key, node)| (key.as_str(), node))
                .collect();
            for (key, value) in document {
                let path = format!("{path}.{key}");
                if key == "interfaces" {
                    interfaces(value, &path, &mut problems);
                } else {
                    entry(&known, key, value, &path, "a state", &mut problems);
                }
            }
        }
        Value::Null => {}
        other => problems.push(Problem::new(
            path,
            format!("must be an object, not {}", kind(other)),
        )),
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

type Known<'t> = BTreeMap<&'t str, &'t Node>;

fn interfaces(value: &Value, path: &str, problems: &mut Vec<Problem>) {
    match value {
        Value::Array(entries) => {
            for (index, entry) in entries.iter().enumerate() {
                interface(entry, &format!("{path}[{index}]"), problems);
            }
        }
        // The seed document has it so.
        Value::Null => {}
        value if is_open_text(value) => {}
        other => problems.push(Problem::new(path, format!("must be a list, not {}", kind(other)))),
    }
}

fn interface(value: &Value, path: &str, problems: &mut Vec<Problem>) {
    let Some(object) = value.as_object() else {
        if !is_open_text(value) {
            problems.push(Problem::new(
                path,
                format!("must be an object, not {}", kind(value)),
            ));
        }
        return;
    };
    if text(value, "state") == Some("absent") {
        return;
    }
    let mut known: Known<'_> = keys(&TABLE.interface);
    let what = match text(value, "type") {
        Some(word) if TABLE.types.contains_key(word) => {
            known.extend(TABLE.types.get(word).into_iter().flat_map(keys));
            format!("an interface of type {word}")
        }
        // A type of the future, or one that is not rendered yet.
        Some(_) => return,
        // nmstate will look for the interface and decode it as the type it has.
        None => {
            known.extend(TABLE.types.values().flat_map(keys));
            "an interface".to_owned()
        }
    };
    each(&known, object, path, &what, problems);
}

fn keys(node: &Node) -> Known<'_> {
    node.keys
        .iter()
        .flatten()
        .map(|(key, node)| (key.as_str(), node))
        .collect()
}

fn each(known: &Known<'_>, object: &Map<String, Value>, path: &str, what: &str, problems: &mut Vec<Problem>) {
    for (key, value) in object {
        entry(known, key, value, &format!("{path}.{key}"), what, problems);
    }
}

fn entry(known: &Known<'_>, key: &str, value: &Value, path: &str, what: &str, problems: &mut Vec<Problem>) {
    match known.get(key) {
        Some(node) => visit(node, value, path, key, problems),
        None => problems.push(Problem::new(path, unknown(key, what, known))),
    }
}

fn visit(node: &Node, value: &Value, path: &str, name: &str, problems: &mut Vec<Problem>) {
    let mut wrong =
        |what: &str| problems.push(Problem::new(path, format!("must be {what}, not {}", kind(value))));
    match value {
        Value::Null if node.null => {}
        value if is_open_text(value) => {}
        value => match node {
            Node { keys: Some(_), .. } => match value {
                Value::Object(object) => each(&keys(node), object, path, name, problems),
                _ => wrong("an object"),
            },
            Node {
                list: Some(items), ..
            } => match value {
                Value::Array(list) => {
                    for (index, item) in list.iter().enumerate() {
                        visit(items, item, &format!("{path}[{index}]"), name, problems);
                    }
                }
                _ => wrong("a list"),
            },
            Node {
                values: Some(kinds), ..
            } if !kinds.is_empty() => {
                if !kinds.iter().any(|taken| taken == kind(value)) {
                    wrong(&format!("a {}", kinds.join(" or a ")));
                } else if let (Some(words), Value::String(word)) = (&node.words, value)
                    && !words.contains(word)
                {
                    let message = format!("{word:?} is not one of {}", words.join(", "));
                    problems.push(Problem::new(path, message));
                }
            }
            Node { open: true, .. } if !value.is_object() => wrong("an object"),
            _ => {}
        },
    }
}

/// Whether a string stands for a value that is not known yet.
fn is_open_text(value: &Value) -> bool {
    value.is_string() && !references(value).is_ok_and(|found| found.is_empty())
}

/// nmstate's words, the place, and what may have been meant.
fn unknown(key: &str, what: &str, known: &Known<'_>) -> String {
    let mut near: Vec<(usize, &str)> = known.keys().map(|other| (distance(key, other), *other)).collect();
    near.sort_unstable();
    let limit = (key.chars().count() / 2).max(2);
    let close: Vec<&str> = near
        .iter()
        .filter(|(far, _)| *far <= limit)
        .map(|(_, other)| *other)
        .take(3)
        .collect();
    if !close.is_empty() {
        return format!(
            "unknown field `{key}` in {what}; did you mean {}?",
            close.join(" or ")
        );
    }
    let mut all: Vec<&str> = known.keys().copied().collect();
    all.sort_unstable();
    if all.is_empty() {
        return format!("unknown field `{key}` in {what}, which has none");
    }
    format!("unknown field `{key}` in {what}; known are {}", all.join(", "))
}

/// Levenshtein's: how many letters to add, leave out or change.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, c) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(c != *other);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
