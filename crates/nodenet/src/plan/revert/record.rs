//! What was before a policy, setting by setting (spec §22.1).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::plan::desired::static_only;
use crate::plan::document::leaf::{Leaf, Place, Places, is_absent, leaves};
use crate::plan::document::{covers, digest, interface, interfaces, text};

/// What a policy changed on a node. Lives in a file only root may read, for previous values may be secrets.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Record {
    /// What was set, and what was there before: the documents the settings are read from.
    pub ours: Value,
    /// The part of the state before that these settings replaced.
    pub before: Value,
    /// Interfaces that were not there before, with the type we made them.
    pub created: BTreeMap<String, String>,
    /// Interfaces that were there and that nobody managed before.
    pub taken_over: BTreeSet<String>,
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("ours", &Places(&self.ours))
            .field("before", &Places(&self.before))
            .field("created", &self.created)
            .field("taken_over", &self.taken_over)
            .finish()
    }
}

impl Record {
    /// Records the first apply of `document` to a node in the state `before`; `document` is what was applied, after
    /// masking and merging.
    #[must_use]
    pub fn of(document: &Value, before: &Value) -> Self {
        let mut record = Self::default();
        record.extend(document, before);
        record
    }

    /// Adds a later apply of the same policy: what it changes anew is recorded, what it changed before keeps the value
    /// from before the first apply.
    pub fn extend(&mut self, document: &Value, before: &Value) {
        let known: BTreeSet<Place> = leaves(&self.ours).into_iter().map(|leaf| leaf.place).collect();
        let mut ours: BTreeMap<Place, Value> = leaves(&self.ours)
            .into_iter()
            .map(|leaf| (leaf.place, leaf.value))
            .collect();
        let mut earlier: Vec<Leaf> = leaves(&self.before);
        // The state that is read into a document without one is no setting that was recorded.
        earlier.retain(|leaf| known.contains(&leaf.place));
        for entry in interfaces(document) {
            let Some(name) = text(entry, "name") else { continue };
            match interface(before, name) {
                None if !is_absent(entry) && !self.knows(name) => {
                    let kind = text(entry, "type").unwrap_or_default();
                    self.created.insert(name.to_owned(), kind.to_owned());
                }
                Some(old) if text(old, "state") == Some("ignore") && !self.knows(name) => {
                    self.taken_over.insert(name.to_owned());
                }
                _ => {}
            }
        }
        for leaf in leaves(document) {
            let previous = leaf.place.value(before).map(|value| askable(&leaf.place, value));
            let changes = !previous
                .as_ref()
                .is_some_and(|value| covers(value, &askable(&leaf.place, &leaf.value)));
            if known.contains(&leaf.place) {
                ours.insert(leaf.place, leaf.value);
            } else if changes || leaf.place.is_state() {
                if let Some(value) = previous.filter(|_| changes) {
                    earlier.push(Leaf {
                        place: leaf.place.clone(),
                        value,
                    });
                }
                ours.insert(leaf.place, leaf.value);
            }
        }
        let types = |name: &str| {
            let of = |document: &Value| {
                interface(document, name)
                    .and_then(|entry| text(entry, "type"))
                    .map(str::to_owned)
            };
            of(before)
                .or_else(|| of(document))
                .or_else(|| of(&self.before))
                .or_else(|| of(&self.ours))
        };
        let ours: Vec<Leaf> = ours
            .into_iter()
            .map(|(place, value)| Leaf { place, value })
            .collect();
        let (ours, before) = (
            crate::plan::document::leaf::assemble(&ours, &types),
            crate::plan::document::leaf::assemble(&earlier, &types),
        );
        self.ours = ours;
        self.before = before;
    }

    /// Whether an interface is in the record already.
    fn knows(&self, name: &str) -> bool {
        interface(&self.ours, name).is_some()
    }

    /// For the enactment: says whether the file on the host is the one that was written, and nothing of its content.
    #[must_use]
    pub fn digest(&self) -> String {
        digest(&serde_json::to_value(self).unwrap_or_default())
    }
}

/// A setting as it can be asked for: of addresses only those that do not come by themselves.
pub(super) fn askable(place: &Place, value: &Value) -> Value {
    match place {
        Place::Interface(_, path) if matches!(path.as_slice(), [ip, list] if ip.starts_with("ipv") && list == "address") => {
            static_only(value)
        }
        _ => value.clone(),
    }
}
