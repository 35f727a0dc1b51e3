//! One expression against one state.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::error::PolicyError;
use super::expression::{CaptureName, Expression, Form, Operand, Path};
use super::lookup::{text, value_at};
use super::select::Test;
use super::token::Operator;
use crate::plan::document;

/// Results of captures by name.
pub type States = BTreeMap<String, Value>;

/// The list an expression works on.
#[derive(Clone, Copy)]
enum Root {
    Interfaces,
    Routes(&'static str),
    Rules,
}

impl Root {
    /// The root `path` begins with, and what of the path is below an item of it. `verb` is nmstate's word for the action.
    fn of<'p>(
        path: &'p Path,
        line: &str,
        verb: &str,
        doing: &str,
    ) -> Result<(Self, &'p [String], usize), PolicyError> {
        let (first, below) = path
            .elements
            .split_first()
            .ok_or_else(|| PolicyError::argument("Invalid empty keyword"))?;
        match first.as_str() {
            "interfaces" => Ok((Self::Interfaces, below, path.position + "interfaces.".len())),
            "routes" => {
                let position = path.position + "routes.".len();
                let [table, _] = below else {
                    return Err(PolicyError::at(
                        format!("No route {verb} pattern found"),
                        line,
                        position,
                    ));
                };
                let table = match table.as_str() {
                    "running" => "running",
                    "config" => "config",
                    _ => {
                        let message = if verb == "search" {
                            "Only support 'running' or 'config' keyword for route searching"
                        } else {
                            "Only support 'running' or 'config' keyword for replacing routes"
                        };
                        return Err(PolicyError::at(message, line, position));
                    }
                };
                Ok((Self::Routes(table), &below[1..], position))
            }
            "route-rules" => {
                let position = path.position + "route-rules.".len();
                match below {
                    [list, _] if list == "config" => Ok((Self::Rules, &below[1..], position)),
                    [_, _] => Err(PolicyError::at(
                        format!("Only support 'config' keyword for {doing} route rules"),
                        line,
                        position,
                    )),
                    _ => Err(PolicyError::at(
                        format!("No route rule {verb} pattern found"),
                        line,
                        position,
                    )),
                }
            }
            other => Err(PolicyError::argument(format!(
                "Unsupported capture keyword '{other}'"
            ))),
        }
    }

    /// What nmstate calls an item.
    fn item_name(self) -> &'static str {
        match self {
            Self::Interfaces => "interface",
            Self::Routes(_) => "route",
            Self::Rules => "route_rule",
        }
    }

    fn items(self, state: &Value) -> &[Value] {
        let list = match self {
            Self::Interfaces => state.get("interfaces"),
            Self::Routes(table) => state.get("routes").and_then(|routes| routes.get(table)),
            Self::Rules => state.get("route-rules").and_then(|rules| rules.get("config")),
        };
        list.and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    fn state(self, items: Vec<Value>) -> Value {
        match self {
            Self::Interfaces => json!({ "interfaces": by_name(items) }),
            Self::Routes(table) => json!({ "interfaces": [], "routes": { table: items } }),
            Self::Rules => json!({ "interfaces": [], "route-rules": { "config": items } }),
        }
    }
}

/// As nmstate keeps them, so that an index means the same interface every time.
fn by_name(mut items: Vec<Value>) -> Vec<Value> {
    let key = |item: &Value| {
        let of = |key: &str| {
            item.get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        (of("name"), of("type"))
    };
    items.sort_by_cached_key(key);
    items
}

impl Expression {
    /// Evaluates against `current` and the captures evaluated before. With `optional`, nothing found is an empty list.
    pub(super) fn evaluate(
        &self,
        current: &Value,
        done: &States,
        optional: bool,
    ) -> Result<Value, PolicyError> {
        let input = self
            .input
            .as_ref()
            .map_or(Ok(current), |name| self.capture(name, done))?;
        match &self.form {
            Form::Keep => Ok(whole(input.clone())),
            Form::Project(path) => Ok(whole(project(input, &path.elements))),
            Form::Select {
                path,
                operator,
                operand,
            } => {
                let value = self.operand(operand, current, done)?;
                self.select(input, path, *operator, operand, value.as_deref(), optional)
            }
            Form::Replace { path, operand } => {
                let value = self.operand(operand, current, done)?;
                self.replace(input, path, value.as_deref())
            }
        }
    }

    fn capture<'s>(&self, name: &CaptureName, done: &'s States) -> Result<&'s Value, PolicyError> {
        done.get(&name.name).ok_or_else(|| {
            PolicyError::at(
                format!("Capture {} not found", name.name),
                &self.line,
                name.position,
            )
        })
    }

    /// The text of the right side; none for `null`.
    fn operand(
        &self,
        operand: &Operand,
        current: &Value,
        done: &States,
    ) -> Result<Option<String>, PolicyError> {
        let (path, state) = match operand {
            Operand::Text(value) => return Ok(Some(value.clone())),
            Operand::Null | Operand::Pattern(_) => return Ok(None),
            Operand::Path(path) => (path, current),
            Operand::Captured(name, path) => (path, self.capture(name, done)?),
        };
        let value = match state.as_object() {
            Some(state) => value_at(&path.elements, state, &self.line, path.position)?,
            None => Value::Null,
        };
        Ok((!value.is_null()).then(|| text(&value)))
    }

    fn select(
        &self,
        input: &Value,
        path: &Path,
        operator: Operator,
        operand: &Operand,
        value: Option<&str>,
        optional: bool,
    ) -> Result<Value, PolicyError> {
        let (root, below, position) = Root::of(path, &self.line, "search", "searching")?;
        let (test, shown) = match (operator, operand) {
            (Operator::Match, Operand::Pattern(regex)) => (Test::Match(regex), regex.as_str()),
            (Operator::NotEqual, _) => (Test::NotEqual(value), value.unwrap_or("null")),
            _ => (Test::Equal(value), value.unwrap_or_default()),
        };
        let kept: Vec<Value> = root
            .items(input)
            .iter()
            .filter(|item| item.as_object().is_some_and(|item| test.keeps(item, below)))
            .cloned()
            .collect();
        if kept.is_empty() && !optional {
            let sign = match operator {
                Operator::Equal => "=",
                other => other.text(),
            };
            let message = format!(
                "{} with '{}{sign}{shown}' not found",
                root.item_name(),
                below.join(".")
            );
            return Err(PolicyError::not_found(message, &self.line, position));
        }
        Ok(root.state(kept))
    }

    fn replace(&self, input: &Value, path: &Path, value: Option<&str>) -> Result<Value, PolicyError> {
        let (root, below, _) = Root::of(path, &self.line, "replace", "replacing")?;
        let mut items = Vec::new();
        for item in root.items(input).iter().filter_map(Value::as_object) {
            let mut item = item.clone();
            set(&mut item, below, value)?;
            items.push(Value::Object(item));
        }
        Ok(root.state(items))
    }
}

/// Sets the property, creating objects on the way; without a value, removes it.
fn set(item: &mut Map<String, Value>, path: &[String], value: Option<&str>) -> Result<(), PolicyError> {
    let Some((first, rest)) = path.split_first() else {
        return Err(PolicyError::argument("No property to replace after 'interfaces'"));
    };
    match value {
        Some(value) if rest.is_empty() => {
            item.insert(first.clone(), Value::String(value.to_owned()));
            return Ok(());
        }
        None if rest.is_empty() => {
            item.remove(first);
            return Ok(());
        }
        None if !item.contains_key(first) => return Ok(()),
        _ => {}
    }
    let leaf = item
        .entry(first.clone())
        .or_insert_with(|| Value::Object(Map::new()));
    match leaf {
        Value::Object(leaf) => set(leaf, rest, value),
        leaf => Err(PolicyError::argument(format!(
            "The {first} leaf data {} is not a object",
            document::kind(leaf)
        ))),
    }
}

/// Only the key of each element of the path, as far as objects go; below a list everything stays.
fn project(value: &Value, path: &[String]) -> Value {
    match (value, path.split_first()) {
        (Value::Object(object), Some((first, rest))) => object
            .get(first)
            .map_or_else(|| json!({}), |leaf| json!({ first: project(leaf, rest) })),
        _ => value.clone(),
    }
}

/// A state always has its list of interfaces, as nmstate writes it.
fn whole(state: Value) -> Value {
    let mut state = match state {
        Value::Object(state) => state,
        _ => Map::new(),
    };
    state.entry("interfaces").or_insert_with(|| json!([]));
    Value::Object(state)
}
