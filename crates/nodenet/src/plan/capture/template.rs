//! References in the strings of a desired state: `{{ capture.gw.routes.running.0.next-hop-interface }}` (spec §8, §17.2).

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use super::error::{PolicyError, Source};
use super::evaluate::States;
use super::lookup::{text, value_at};

/// One reference and where its path stands in the string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Where the value comes from.
    pub source: Source,
    /// The words after the source; at least one. Keys of labels and annotations stay whole.
    pub path: Vec<String>,
    /// Position of the source's word in characters, from 0.
    pub position: usize,
}

/// A string taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Literal(String),
    Reference(Reference),
}

/// What references may refer to. A source that is absent has no value *yet*: its references are unresolved.
///
/// Values are put in once; text that looks like a reference *inside* a value stays text, so that nothing a switch or a
/// label says can name a secret.
#[derive(Clone, Default)]
pub struct Sources<'a> {
    /// Results of the captures; with `match`, also `matched`.
    pub captures: Option<&'a States>,
    /// Facts of the matched interface; its keys are what may be asked for.
    pub interface: Option<&'a Map<String, Value>>,
    /// `name`, `labels`, `annotations`, `index` of the Node.
    pub node: Option<&'a Map<String, Value>>,
    /// Values of Secrets by their name in the policy; one that is missing is waited for.
    pub secrets: BTreeMap<&'a str, &'a str>,
    /// Addresses from pools by their name in the policy: `ip`, `prefix-length`, `gateway`.
    pub addresses: BTreeMap<&'a str, &'a Map<String, Value>>,
}

/// Names only: values may be secrets.
impl fmt::Debug for Sources<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let captures: Vec<&String> = self.captures.into_iter().flat_map(BTreeMap::keys).collect();
        f.debug_struct("Sources")
            .field("captures", &captures)
            .field("interface", &self.interface.is_some())
            .field("node", &self.node.is_some())
            .field("secrets", &self.secrets.keys())
            .field("addresses", &self.addresses.keys())
            .finish()
    }
}

/// Every reference in the strings of `value`, with the string it is in.
///
/// # Errors
/// The first string that begins a reference and does not end it properly.
pub fn references(value: &Value) -> Result<Vec<(&str, Reference)>, PolicyError> {
    let mut found = Vec::new();
    collect(value, &mut found)?;
    Ok(found)
}

fn collect<'v>(value: &'v Value, found: &mut Vec<(&'v str, Reference)>) -> Result<(), PolicyError> {
    match value {
        Value::String(line) => {
            for part in parts(line.trim())? {
                if let Part::Reference(reference) = part {
                    found.push((line, reference));
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                collect(item, found)?;
            }
        }
        Value::Object(object) => {
            for item in object.values() {
                collect(item, found)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// `value` with every reference replaced.
///
/// A string that is one reference becomes the value itself, of any kind; with text around it, the value must be text, a
/// number or a boolean. Braces that begin no reference are text.
///
/// # Errors
/// The first reference that is malformed, leads nowhere, or has no value yet ([`super::Cause::Unresolved`]).
pub fn fill(value: &Value, sources: &Sources<'_>) -> Result<Value, PolicyError> {
    Ok(match value {
        Value::String(line) => string(line, sources)?,
        Value::Array(items) => items
            .iter()
            .map(|item| fill(item, sources))
            .collect::<Result<Vec<_>, _>>()?
            .into(),
        Value::Object(object) => object
            .iter()
            .map(|(key, item)| Ok((key.clone(), fill(item, sources)?)))
            .collect::<Result<Map<_, _>, _>>()?
            .into(),
        other => other.clone(),
    })
}

fn string(line: &str, sources: &Sources<'_>) -> Result<Value, PolicyError> {
    let trimmed = line.trim();
    let found = parts(trimmed)?;
    match found.as_slice() {
        [Part::Reference(reference)] => return sources.value(reference, trimmed),
        found if !found.iter().any(|part| matches!(part, Part::Reference(_))) => {
            return Ok(Value::String(line.to_owned()));
        }
        _ => {}
    }
    let mut filled = String::new();
    for part in &found {
        match part {
            Part::Literal(literal) => filled.push_str(literal),
            Part::Reference(reference) => match sources.value(reference, trimmed)? {
                Value::Object(_) | Value::Array(_) | Value::Null => {
                    return Err(PolicyError::at(
                        "The resolved reference result is object or array, hence you cannot add prefix or postfix",
                        trimmed,
                        reference.position,
                    ));
                }
                value => filled.push_str(&text(&value)),
            },
        }
    }
    Ok(Value::String(filled))
}

impl Sources<'_> {
    fn value(&self, reference: &Reference, line: &str) -> Result<Value, PolicyError> {
        let Reference {
            source,
            path,
            position,
        } = reference;
        let (first, rest) = path
            .split_first()
            .ok_or_else(|| PolicyError::at("No property path", line, *position))?;
        let below = position + source.word().len() + 1;
        let absent = |what: String| PolicyError::unresolved(*source, what, line, *position);
        match source {
            Source::Capture => {
                let Some(state) = self.captures.and_then(|captures| captures.get(first)) else {
                    return Err(PolicyError::at(
                        format!("Failed to find capture {first}"),
                        line,
                        below,
                    ));
                };
                if rest.is_empty() {
                    return Err(PolicyError::at(
                        "Invalid capture reference string, should be in the format \
                         capture.<capture_name>.<property_path>",
                        line,
                        *position,
                    ));
                }
                let below = below + first.chars().count() + 1;
                value_at(rest, state.as_object().unwrap_or(&Map::new()), line, below)
            }
            Source::Interface => match self.interface {
                Some(facts) => value_at(path, facts, line, below),
                None => Err(absent(format!("no interface is matched here for {first}"))),
            },
            Source::Node => match self.node {
                Some(facts) => value_at(path, facts, line, below),
                None => Err(absent("the Node is not read yet".to_owned())),
            },
            Source::Secret => match (self.secrets.get(first.as_str()), rest) {
                (Some(value), []) => Ok(Value::String((*value).to_owned())),
                (_, [_, ..]) => Err(PolicyError::at(
                    "a secret is one value: secret.<name>",
                    line,
                    below,
                )),
                (None, []) => Err(absent(format!("the value of secret {first} is not there yet"))),
            },
            Source::Address => match self.addresses.get(first.as_str()) {
                Some(facts) => value_at(rest, facts, line, below + first.chars().count() + 1),
                None => Err(absent(format!("address {first} is not assigned yet"))),
            },
        }
    }
}

/// Takes a string apart. `{{` and a source's word and a dot begin a reference; anything else is literal.
pub(super) fn parts(line: &str) -> Result<Vec<Part>, PolicyError> {
    let chars: Vec<char> = line.chars().collect();
    let mut found = Vec::new();
    let mut literal = String::new();
    let mut at = 0;
    while at < chars.len() {
        let Some((source, start)) = opening(&chars, at) else {
            literal.push(chars[at]);
            at += 1;
            continue;
        };
        let Some(length) = chars[start..].windows(2).position(|pair| pair == ['}', '}']) else {
            return Err(PolicyError::at("No reference end }} found", line, at));
        };
        if !literal.is_empty() {
            found.push(Part::Literal(std::mem::take(&mut literal)));
        }
        found.push(Part::Reference(reference(
            &chars[start..start + length],
            source,
            line,
            start,
        )?));
        at = start + length + 2;
    }
    if !literal.is_empty() {
        found.push(Part::Literal(literal));
    }
    Ok(found)
}

/// The source and the position of its word, if a reference begins at `at`.
fn opening(chars: &[char], at: usize) -> Option<(Source, usize)> {
    if !chars[at..].starts_with(&['{', '{']) {
        return None;
    }
    let blank = chars[at + 2..].iter().take_while(|c| c.is_whitespace()).count();
    let start = at + 2 + blank;
    let word: String = chars[start..]
        .iter()
        .take_while(|c| c.is_ascii_alphabetic())
        .collect();
    let source = Source::of(&word)?;
    (chars.get(start + word.len()) == Some(&'.')).then_some((source, start))
}

fn reference(content: &[char], source: Source, line: &str, start: usize) -> Result<Reference, PolicyError> {
    let content: String = content.iter().collect();
    let content = content.trim_end();
    if let Some(gap) = content.chars().position(char::is_whitespace) {
        let next = content
            .chars()
            .skip(gap)
            .position(|c| !c.is_whitespace())
            .unwrap_or(0);
        return Err(PolicyError::at(
            "Only allows single property path between reference start {{ and reference end }}",
            line,
            start + gap + next,
        ));
    }
    let path = &content[source.word().len() + 1..];
    let path: Vec<String> = match path.split_once('.') {
        // The key of a label has dots of its own.
        Some((list @ ("labels" | "annotations"), key)) if source == Source::Node => {
            vec![list.to_owned(), key.to_owned()]
        }
        _ => path.split('.').map(str::to_owned).collect(),
    };
    if path.iter().any(String::is_empty) {
        return Err(PolicyError::at(
            format!("An element of the path after {source} is empty"),
            line,
            start,
        ));
    }
    Ok(Reference {
        source,
        path,
        position: start,
    })
}
