//! The document that takes a policy back (spec §22.1).

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Value, json};

use super::record::{Record, askable};
use crate::plan::desired::MASK;
use crate::plan::document::leaf::{Leaf, Place, Places, assemble, is_absent, leaves};
use crate::plan::document::{covers, interface, list, text};

/// What to apply to take a policy back.
#[derive(Clone, PartialEq)]
pub struct Restore {
    /// The desired state; without any content there is nothing to take back.
    pub document: Value,
    /// Settings that were left alone, and why.
    pub left: Vec<(String, String)>,
}

impl fmt::Debug for Restore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let document = Places(&self.document);
        f.debug_struct("Restore")
            .field("document", &document)
            .field("left", &self.left)
            .finish()
    }
}

/// Renders the way back. `keep` says of a setting whether another policy sets it now: such are left to it.
#[must_use]
pub fn restore(record: &Record, current: &Value, keep: &dyn Fn(&Place) -> bool) -> Restore {
    let mut back: Vec<Leaf> = Vec::new();
    let mut left = Vec::new();
    let mut gone = BTreeSet::new();
    for (name, kind) in &record.created {
        match interface(current, name) {
            None => {}
            Some(_) if keep(&state_of(name)) => {
                left.push((format!("interfaces.{name}"), "another policy sets it".to_owned()));
            }
            Some(entry) if !kind.is_empty() && text(entry, "type") != Some(kind) => {
                let now = text(entry, "type").unwrap_or("unknown");
                left.push((
                    format!("interfaces.{name}"),
                    format!("is no longer of type {kind} but {now}"),
                ));
            }
            Some(_) => {
                gone.insert(name.as_str());
                back.push(Leaf {
                    place: state_of(name),
                    value: json!("absent"),
                });
            }
        }
    }
    for leaf in leaves(&record.ours) {
        let name = leaf.place.interface();
        if name.is_some_and(|name| record.created.contains_key(name)) {
            continue;
        }
        if name.is_some_and(|name| interface(current, name).is_none() && !was_removed(record, name)) {
            left.push((leaf.place.to_string(), "the interface is gone".to_owned()));
            continue;
        }
        if keep(&leaf.place) {
            left.push((leaf.place.to_string(), "another policy sets it".to_owned()));
            continue;
        }
        match way_back(&leaf, record, current) {
            Ok(Some(value)) => back.push(Leaf {
                place: leaf.place,
                value,
            }),
            Ok(None) => {}
            Err(why) => left.push((leaf.place.to_string(), why.to_owned())),
        }
    }
    let types = |name: &str| {
        let of = |document: &Value| {
            interface(document, name)
                .and_then(|entry| text(entry, "type"))
                .map(str::to_owned)
        };
        of(&record.before)
            .or_else(|| of(current))
            .or_else(|| of(&record.ours))
    };
    let mut document = assemble(&back, &types);
    drop_routes_over(&mut document, &gone);
    Restore { document, left }
}

fn state_of(name: &str) -> Place {
    Place::Interface(name.to_owned(), vec!["state".to_owned()])
}

/// Whether the policy itself took the interface away.
fn was_removed(record: &Record, name: &str) -> bool {
    interface(&record.ours, name).is_some_and(is_absent)
}

/// The value to set; none if there is nothing to do.
fn way_back(leaf: &Leaf, record: &Record, current: &Value) -> Result<Option<Value>, &'static str> {
    let before = leaf.place.value(&record.before);
    let now = leaf.place.value(current);
    match &leaf.place {
        Place::Route(_) | Place::Rule(_) => Ok(entry_back(&leaf.value, before, now)),
        Place::Ovn(_) => Ok(match (before, now) {
            (Some(before), _) => Some(before.clone()),
            (None, Some(_)) => Some(with_state_absent(&leaf.value)),
            (None, None) => None,
        }),
        Place::Interface(name, _) if leaf.place.is_state() => Ok(state_back(name, leaf, before, record, now)),
        _ => {
            let still_ours = match now {
                Some(now) => {
                    covers(&askable(&leaf.place, now), &askable(&leaf.place, &leaf.value)) || hidden(now)
                }
                None => says_nothing(&leaf.value),
            };
            if !still_ours {
                return Err("somebody changed it since");
            }
            match before {
                Some(before) if hidden(before) => Err("the value before is a secret that was not read"),
                Some(before) => Ok(Some(before.clone())),
                None => neutral(leaf)
                    .map(Some)
                    .ok_or("nothing was set before, and there is no way to say so"),
            }
        }
    }
}

/// A route or a rule is there or not.
fn entry_back(ours: &Value, before: Option<&Value>, now: Option<&Value>) -> Option<Value> {
    match (is_absent(ours), before, now) {
        // We took it away; it is not there, or something else of its key is.
        (true, Some(before), None) => Some(before.clone()),
        (true, ..) => None,
        (false, Some(before), Some(now)) if covers(now, ours) && !covers(before, ours) => {
            Some(before.clone())
        }
        (false, None, Some(now)) if covers(now, ours) => Some(with_state_absent(ours)),
        _ => None,
    }
}

fn with_state_absent(entry: &Value) -> Value {
    let mut entry = entry.clone();
    entry["state"] = json!("absent");
    entry
}

/// An interface that was there goes back to the state it had; one that nobody managed is given back by removing our
/// profile from it.
fn state_back(
    name: &str,
    leaf: &Leaf,
    before: Option<&Value>,
    record: &Record,
    now: Option<&Value>,
) -> Option<Value> {
    if record.taken_over.contains(name) {
        return Some(json!("absent"));
    }
    let before = before?;
    let still_ours = now.is_none_or(|now| covers(now, &leaf.value));
    (still_ours && *before != leaf.value).then(|| before.clone())
}

/// How to say "nothing" where a setting was not there before.
fn neutral(leaf: &Leaf) -> Option<Value> {
    match (&leaf.place, &leaf.value) {
        (Place::Dns, _) => Some(json!({})),
        (Place::OvsDb(..), _) => Some(Value::Null),
        (Place::Hostname, _) => Some(json!("")),
        (_, Value::String(_)) => Some(json!("")),
        (_, Value::Array(_)) => Some(json!([])),
        (_, Value::Bool(true)) => Some(json!(false)),
        _ => None,
    }
}

fn says_nothing(value: &Value) -> bool {
    value.is_null()
        || *value == json!("")
        || *value == json!([])
        || *value == json!({})
        || *value == json!(false)
}

fn hidden(value: &Value) -> bool {
    value.as_str() == Some(MASK)
}

/// Routes over an interface that goes, go with it; naming them would fail.
fn drop_routes_over(document: &mut Value, gone: &BTreeSet<&str>) {
    if list(document, &["routes", "config"]).is_empty() {
        return;
    }
    if let Some(Value::Array(routes)) = document
        .get_mut("routes")
        .and_then(|routes| routes.get_mut("config"))
    {
        routes.retain(|route| !text(route, "next-hop-interface").is_some_and(|name| gone.contains(name)));
    }
}
