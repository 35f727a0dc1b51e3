//! What of a policy gives way to stronger ones (spec §17.3).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use api::nmstate::enactment::{Conflict, Overridden};
use serde_json::{Value, json};

use super::order::Rank;
use crate::plan::document::leaf::{Leaf, Place, Places, is_absent, leaves, wipes};
use crate::plan::document::{covers, interface, interfaces, list, object, same, text};

/// A policy's rendered state and its place among the others of the node.
#[derive(Clone, Copy)]
pub struct Layer<'a> {
    /// Priority and name.
    pub rank: Rank<'a>,
    /// The rendered state, before masking.
    pub document: &'a Value,
}

/// What is left to apply.
#[derive(Clone, PartialEq)]
pub struct Masked {
    /// The state without what stronger policies set otherwise.
    pub document: Value,
    /// What was taken out, sorted by path; each with the strongest policy that sets it.
    pub overridden: Vec<Overridden>,
    /// Other values of policies of equal priority, weaker ones, too.
    pub conflicts: Vec<Conflict>,
    /// Everything was taken out: nothing is applied, reason `Overridden`.
    pub nothing_left: bool,
}

impl fmt::Debug for Layer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let document = Places(self.document);
        f.debug_struct("Layer")
            .field("rank", &self.rank)
            .field("document", &document)
            .finish()
    }
}

impl fmt::Debug for Masked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Masked")
            .field("document", &Places(&self.document))
            .field("overridden", &self.overridden)
            .field("conflicts", &self.conflicts)
            .field("nothing_left", &self.nothing_left)
            .finish()
    }
}

/// Masks `own` by every stronger layer of `others`. The same value is no reason to give way.
#[must_use]
pub fn mask(own: &Layer<'_>, others: &[Layer<'_>]) -> Masked {
    let mut stronger: Vec<&Layer<'_>> = others.iter().filter(|other| other.rank > own.rank).collect();
    stronger.sort_by_key(|layer| layer.rank);
    let mut taken: BTreeMap<Place, &str> = BTreeMap::new();
    for layer in &stronger {
        for place in disputes(own.document, layer.document) {
            taken.insert(place, layer.rank.name);
        }
    }
    let mut conflicts = BTreeSet::new();
    for other in others
        .iter()
        .filter(|other| other.rank.priority == own.rank.priority && other.rank != own.rank)
    {
        for place in disputes(own.document, other.document) {
            conflicts.insert(Conflict {
                path: place.to_string(),
                with: other.rank.name.to_owned(),
            });
        }
    }
    let document = without(own.document, &taken);
    let nothing_left = !taken.is_empty() && says_nothing(&document, &stronger);
    let overridden: BTreeSet<Overridden> = taken
        .into_iter()
        .map(|(place, by)| Overridden {
            path: place.to_string(),
            by: by.to_owned(),
        })
        .collect();
    Masked {
        document,
        overridden: overridden.into_iter().collect(),
        conflicts: conflicts.into_iter().collect(),
        nothing_left,
    }
}

/// Settings of `own` that `other` sets to something else.
fn disputes(own: &Value, other: &Value) -> BTreeSet<Place> {
    let theirs: BTreeMap<Place, Value> = leaves(other)
        .into_iter()
        .map(|leaf| (leaf.place, leaf.value))
        .collect();
    let mine = leaves(own);
    let mut found = BTreeSet::new();
    for leaf in &mine {
        if theirs
            .get(&leaf.place)
            .is_some_and(|value| !same(value, &leaf.value))
            || cuts(leaf, &theirs)
        {
            found.insert(leaf.place.clone());
        }
    }
    // An interface that one wants gone and the other not: all of it is in dispute.
    for entry in interfaces(own) {
        let Some(name) = text(entry, "name") else { continue };
        if interface(other, name).is_some_and(|theirs| is_absent(theirs) != is_absent(entry)) {
            found.extend(
                mine.iter()
                    .map(|leaf| &leaf.place)
                    .filter(|place| place.interface() == Some(name))
                    .cloned(),
            );
        }
    }
    found.extend(wiped(own, other, &mine));
    found
}

/// Whether one of the two sets an object where the other sets a value or clears it, e.g. `bridge: {}`.
fn cuts(leaf: &Leaf, theirs: &BTreeMap<Place, Value>) -> bool {
    let Place::Interface(name, path) = &leaf.place else {
        return false;
    };
    let above = (1..path.len())
        .any(|length| theirs.contains_key(&Place::Interface(name.clone(), path[..length].to_vec())));
    let below = !matches!(&leaf.value, Value::Object(object) if object.is_empty())
        && theirs.keys().any(|place| {
            matches!(place, Place::Interface(other, longer) if other == name && longer.len() > path.len() && longer.starts_with(path))
        });
    above || below
}

/// Routes and rules that an absent entry without all its keys covers, in either direction.
fn wiped(own: &Value, other: &Value, mine: &[Leaf]) -> BTreeSet<Place> {
    let mut found = BTreeSet::new();
    for path in [&["routes", "config"][..], &["route-rules", "config"]] {
        let theirs = list(other, path);
        for entry in list(own, path) {
            if theirs
                .iter()
                .any(|their| wipes(entry, their) || wipes(their, entry))
            {
                found.extend(
                    mine.iter()
                        .filter(|leaf| leaf.value == *entry)
                        .map(|leaf| leaf.place.clone()),
                );
            }
        }
    }
    found
}

/// `document` without the settings in `taken`; entries that say nothing more are gone.
fn without(document: &Value, taken: &BTreeMap<Place, &str>) -> Value {
    let mut left = document.clone();
    if taken.is_empty() {
        return left;
    }
    let gone = |entry: &Value, of: &dyn Fn(&Place) -> bool| {
        taken
            .keys()
            .filter(|place| of(place))
            .any(|place| place.value(&single(place, entry)).is_some())
    };
    if let Some(Value::Array(list)) = left.get_mut("interfaces") {
        for entry in list.iter_mut() {
            let Some(name) = text(entry, "name").map(str::to_owned) else {
                continue;
            };
            for place in taken.keys() {
                if let Place::Interface(other, path) = place
                    && *other == name
                {
                    remove(entry, path);
                }
            }
        }
        list.retain(|entry| {
            text(entry, "name").is_none_or(|name| {
                let touched = taken.keys().any(|place| place.interface() == Some(name));
                !touched
                    || object(entry)
                        .keys()
                        .any(|key| !matches!(key.as_str(), "name" | "type"))
            })
        });
    }
    for (section, key) in [
        ("routes", "config"),
        ("route-rules", "config"),
        ("ovn", "bridge-mappings"),
    ] {
        if let Some(Value::Array(list)) = left.get_mut(section).and_then(|value| value.get_mut(key)) {
            list.retain(|entry| !gone(entry, &|place| !matches!(place, Place::Interface(..))));
        }
    }
    for place in taken.keys() {
        match place {
            Place::Dns => remove(&mut left, &["dns-resolver".to_owned(), "config".to_owned()]),
            Place::Hostname => remove(&mut left, &["hostname".to_owned(), "config".to_owned()]),
            Place::OvsDb(section, key) => {
                remove(&mut left, &["ovs-db".to_owned(), section.clone(), key.clone()]);
            }
            _ => {}
        }
    }
    prune(&mut left, document);
    left
}

/// A document in which the place of a list's entry is found, if it is that of `entry`.
fn single(place: &Place, entry: &Value) -> Value {
    match place {
        Place::Route(_) => json!({ "routes": { "config": [entry] } }),
        Place::Rule(_) => json!({ "route-rules": { "config": [entry] } }),
        Place::Ovn(_) => json!({ "ovn": { "bridge-mappings": [entry] } }),
        _ => Value::Null,
    }
}

/// Removes a key, and the objects around it that are empty without it.
fn remove(value: &mut Value, path: &[String]) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    let Some(object) = value.as_object_mut() else {
        return;
    };
    if rest.is_empty() {
        object.remove(first);
        return;
    }
    if let Some(below) = object.get_mut(first) {
        remove(below, rest);
        if below.as_object().is_some_and(serde_json::Map::is_empty) {
            object.remove(first);
        }
    }
}

/// Sections that masking emptied are gone; those that were empty before stay.
fn prune(left: &mut Value, before: &Value) {
    let Some(sections) = left.as_object_mut() else {
        return;
    };
    sections.retain(|key, section| {
        let empty = match &*section {
            Value::Array(list) => list.is_empty(),
            Value::Object(keys) => keys
                .values()
                .all(|value| value.as_array().is_some_and(Vec::is_empty)),
            _ => false,
        };
        !empty || before.get(key) == Some(section)
    });
}

/// Whether what is left repeats what stronger policies say anyway, such as that the interface is up.
fn says_nothing(document: &Value, stronger: &[&Layer<'_>]) -> bool {
    leaves(document).iter().all(|leaf| {
        leaf.place.is_state()
            && stronger.iter().any(|layer| {
                leaf.place.value(layer.document).map_or_else(
                    || {
                        leaf.place
                            .interface()
                            .is_some_and(|name| interface(layer.document, name).is_some())
                    },
                    |value| covers(value, &leaf.value),
                )
            })
    })
}
