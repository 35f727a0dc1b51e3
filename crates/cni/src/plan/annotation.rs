//! The text of a node annotation that describes an `ipam` section (spec cni-ipam §6.3).
//!
//! The replaced program hands the text to a jq program, so people write keys bare or as JSON strings. Values
//! are plain JSON here: whoever may annotate a node must not run programs on it.

mod syntax;

#[cfg(test)]
mod tests;

use std::fmt;

use super::parse_cidr;
use crate::json::{Json, Object};

/// Why a text is no annotation, and where: a byte offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Bytes before the place.
    pub offset: usize,
    /// What was expected or is not allowed.
    pub problem: String,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "at byte {}: {}", self.offset, self.problem)
    }
}

impl std::error::Error for SyntaxError {}

/// The members that `text` adds to an `ipam` section, in order; of repeated keys the last value, in the place
/// of the first.
///
/// Accepted are members (`ranges: [[…]], "dataDir": "…"`), a whole object in braces, a list of ranges, and a
/// comma-separated list of CIDRs. An empty text has no members.
///
/// # Errors
/// A [`SyntaxError`]; also for a `dataDir` that is not an absolute path without `..`.
pub fn parse(text: &str) -> Result<Object, SyntaxError> {
    let members = match text.trim_start_matches(syntax::is_space).chars().next() {
        Some('{') => syntax::object(text)?,
        Some('[') => vec![("ranges".to_owned(), syntax::value(text)?)],
        _ => match cidr_list(text) {
            Some(ranges) => vec![("ranges".to_owned(), ranges)],
            None => syntax::members(text)?,
        },
    };
    if members
        .iter()
        .any(|(key, value)| key.eq_ignore_ascii_case("dataDir") && !is_safe_directory(value))
    {
        let problem = "dataDir must be an absolute path without \"..\"".to_owned();
        return Err(SyntaxError { offset: 0, problem });
    }
    Ok(members.into_iter().collect())
}

/// The `ipam` section of `type` with these members; a `type` among them wins (spec §6.3).
#[must_use]
pub fn section(kind: &str, members: &Object) -> Object {
    let own = ("type".to_owned(), Json::from(kind));
    let mut section: Vec<(String, Json)> = vec![own];
    for (key, value) in members.iter() {
        syntax::put(&mut section, key.to_owned(), value.clone());
    }
    section.into_iter().collect()
}

/// Makes `ranges` a list of lists: a list of ranges means one set per range. For the built-in allocator only.
pub fn nest_ranges(section: &mut Object) {
    let Some(Json::List(sets)) = section.get("ranges") else {
        return;
    };
    if !sets.iter().any(|set| matches!(set, Json::Object(_))) {
        return;
    }
    let nest = |set: &Json| match set {
        Json::Object(_) => Json::List(vec![set.clone()]),
        other => other.clone(),
    };
    let nested: Vec<Json> = sets.iter().map(nest).collect();
    section.set("ranges", Json::List(nested));
}

/// `10.0.0.0/24, fd00::/64` as ranges, one set each; `None` when the text is something else.
fn cidr_list(text: &str) -> Option<Json> {
    let sets: Option<Vec<Json>> = text.split(',').map(|item| range_set(item.trim())).collect();
    sets.map(Json::List)
}

fn range_set(cidr: &str) -> Option<Json> {
    parse_cidr(cidr)?;
    let range = Object::from_iter([("subnet", Json::from(cidr))]);
    Some(Json::List(vec![Json::Object(range)]))
}

/// A path that is written by root, named by whoever may annotate a node.
fn is_safe_directory(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::String(path) => {
            path.starts_with('/') && !path.contains('\0') && path.split('/').all(|part| part != "..")
        }
        Json::Bool(_) | Json::Number(_) | Json::List(_) | Json::Object(_) => false,
    }
}
