//! Entries without a name become entries for every matched interface (spec §17.2).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::lldp::Neighbour;
use crate::plan::capture::{PolicyError, Sources, fill};
use crate::plan::document::{interface, interfaces, merge, object, text};

/// Whether an entry of `interfaces` is a template: it has no name.
#[must_use]
pub fn is_template(entry: &Value) -> bool {
    entry.get("name").is_none_or(Value::is_null)
}

/// The names a desired state gives to interfaces: they are this policy's own making or are named by it.
#[must_use]
pub fn named(desired: &Value) -> BTreeSet<String> {
    interfaces(desired)
        .iter()
        .filter_map(|entry| text(entry, "name"))
        .map(str::to_owned)
        .collect()
}

/// Whether a template is meant for interfaces of this type.
#[must_use]
pub fn agrees(template: &Value, kind: &str) -> bool {
    template
        .get("type")
        .is_none_or(|wanted| wanted.is_null() || wanted == kind)
}

/// Matched interfaces for which at least one template is meant: the others do not match after all.
#[must_use]
pub fn wanted<'n>(
    desired: &Value,
    state: &Value,
    matched: impl IntoIterator<Item = &'n str>,
) -> Vec<&'n str> {
    let templates: Vec<&Value> = interfaces(desired)
        .iter()
        .filter(|entry| is_template(entry))
        .collect();
    matched
        .into_iter()
        .filter(|name| {
            let kind = interface(state, name)
                .and_then(|entry| text(entry, "type"))
                .unwrap_or_default();
            templates.iter().any(|template| agrees(template, kind))
        })
        .collect()
}

/// What a template may say about its interface: `{{ interface.name }}` and so on.
#[must_use]
pub fn facts(entry: &Value, neighbour: Option<&Neighbour>) -> Map<String, Value> {
    let keys = [
        "name",
        "type",
        "state",
        "mac-address",
        "permanent-mac-address",
        "driver",
        "pci-address",
        "mtu",
    ];
    let mut facts: Map<String, Value> = object(entry)
        .iter()
        .filter(|(key, value)| keys.contains(&key.as_str()) && !value.is_null())
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if let Some(neighbour) = neighbour {
        let said = [
            ("system-name", &neighbour.system_name),
            ("port-id", &neighbour.port_id),
            ("chassis-id", &neighbour.chassis_id),
            ("system-description", &neighbour.system_description),
        ];
        let mut lldp: Map<String, Value> = said
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), json!(value.as_ref()?))))
            .collect();
        lldp.extend(neighbour.pvid.map(|id| ("pvid".to_owned(), json!(id))));
        facts.insert("lldp".to_owned(), Value::Object(lldp));
    }
    facts
}

/// The desired state with all references filled, every template copied for the interfaces it is meant for.
///
/// `matched` gives the neighbour by interface name; interfaces that are gone from `state` get no entry. Where a named
/// entry and a template meet, the named one wins. Values are filled in once, so that nothing a switch says is read as
/// a reference.
///
/// # Errors
/// The first reference that cannot be filled.
pub fn expand(
    desired: &Value,
    state: &Value,
    matched: &BTreeMap<String, Option<Neighbour>>,
    sources: &Sources<'_>,
) -> Result<Value, PolicyError> {
    let (templates, named): (Vec<&Value>, Vec<&Value>) =
        interfaces(desired).iter().partition(|entry| is_template(entry));
    let mut list: Vec<Value> = named
        .into_iter()
        .map(|entry| fill(entry, sources))
        .collect::<Result<_, _>>()?;
    for (name, neighbour) in matched {
        let Some(entry) = interface(state, name) else {
            continue;
        };
        let kind = text(entry, "type").unwrap_or_default();
        let facts = facts(entry, neighbour.as_ref());
        let sources = Sources {
            interface: Some(&facts),
            ..sources.clone()
        };
        let mut copy: Option<Value> = None;
        for template in templates.iter().filter(|template| agrees(template, kind)) {
            let filled = fill(template, &sources)?;
            merge(copy.get_or_insert_with(|| json!({})), &filled);
        }
        let Some(mut copy) = copy else { continue };
        copy["name"] = json!(name);
        copy["type"] = json!(kind);
        match list.iter_mut().find(|entry| text(entry, "name") == Some(name)) {
            Some(named) => {
                merge(&mut copy, named);
                *named = copy;
            }
            None => list.push(copy),
        }
    }
    let mut document = Map::new();
    for (key, section) in object(desired) {
        let value = match key.as_str() {
            "interfaces" if section.is_array() => Value::Array(std::mem::take(&mut list)),
            _ => fill(section, sources)?,
        };
        document.insert(key.clone(), value);
    }
    Ok(Value::Object(document))
}
