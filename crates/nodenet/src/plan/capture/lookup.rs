//! A property path through a document (spec §8).

use serde_json::{Map, Value};

use super::error::PolicyError;

/// The text two values are compared by: the string itself, or the JSON of anything else.
pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The value at `path` below `data`.
///
/// A number after a key is an index into its list; any other key below a list collects that property of all objects in
/// it. `position` is where the path stands in `line`.
pub(super) fn value_at(
    path: &[String],
    data: &Map<String, Value>,
    line: &str,
    position: usize,
) -> Result<Value, PolicyError> {
    let Some((first, rest)) = path.split_first() else {
        return Err(PolicyError::at("No property path", line, position));
    };
    let Some(value) = data.get(first) else {
        let message = if rest.is_empty() {
            format!(
                "Failed to find property {first}, exists properties are {}",
                keys(data)
            )
        } else {
            format!(
                "Failed to find leaf {first} data, allowed keys are {}",
                keys(data)
            )
        };
        return Err(PolicyError::not_found(message, line, position));
    };
    let Some((second, below)) = rest.split_first() else {
        return Ok(value.clone());
    };
    let width = first.chars().count();
    if let Ok(index) = second.parse::<usize>() {
        let position = position + width + second.chars().count() + 2;
        return item(first, below, value, index, line, position);
    }
    match value {
        Value::Object(leaf) => value_at(rest, leaf, line, position + width),
        Value::Array(items) => Ok(Value::Array(
            items
                .iter()
                .filter_map(Value::as_object)
                .filter_map(|object| value_at(rest, object, line, position + width + 1).ok())
                .collect(),
        )),
        _ => Err(PolicyError::not_found(
            format!("The {first} leaf data is not a object"),
            line,
            position,
        )),
    }
}

fn item(
    list: &str,
    path: &[String],
    value: &Value,
    index: usize,
    line: &str,
    position: usize,
) -> Result<Value, PolicyError> {
    let Some(found) = value.as_array().and_then(|items| items.get(index)) else {
        return Err(PolicyError::not_found(
            format!("Failed to find index {index} from {list}"),
            line,
            position,
        ));
    };
    match found {
        found if path.is_empty() => Ok(found.clone()),
        Value::Object(object) => value_at(path, object, line, position + index.to_string().len() + 1),
        _ => Err(PolicyError::not_found(
            format!("The {list} index {index} leaf data is not a object"),
            line,
            position,
        )),
    }
}

fn keys(data: &Map<String, Value>) -> String {
    let mut keys: Vec<&str> = data.keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys.join(",")
}
