//! The revert document of the nmstate crate, made usable (spec §18.7).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::plan::document::leaf::is_absent;
use crate::plan::document::{interface, interfaces, list_mut, text};

/// Repairs what `generate_revert` gets wrong: veths it calls ethernet, ports nobody managed that it would take down, and
/// routes over interfaces it removes.
#[must_use]
pub fn repair(mut revert: Value, before: &Value) -> Value {
    let gone: BTreeSet<String> = interfaces(&revert)
        .iter()
        .filter(|entry| is_absent(entry))
        .filter_map(|entry| text(entry, "name"))
        .map(str::to_owned)
        .collect();
    if let Some(list) = list_mut(&mut revert, &["interfaces"]) {
        list.retain(|entry| {
            let old = text(entry, "name").and_then(|name| interface(before, name));
            let nobodys = old.is_some_and(|old| text(old, "state") == Some("ignore"));
            !(nobodys && text(entry, "state") == Some("down"))
        });
        for entry in list {
            let old = text(entry, "name").and_then(|name| interface(before, name));
            let was_veth = old.is_some_and(|old| text(old, "type") == Some("veth"));
            if was_veth && text(entry, "type") == Some("ethernet") {
                entry["type"] = json!("veth");
            }
        }
    }
    if let Some(routes) = list_mut(&mut revert, &["routes", "config"]) {
        routes.retain(|route| !text(route, "next-hop-interface").is_some_and(|name| gone.contains(name)));
    }
    revert
}
