//! What of a queried state is reported (spec §11.2).

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::settings::{ReportSettings, Section};
use crate::plan::desired::mask;
use crate::plan::document::{at, at_mut, interfaces, list, list_mut, text};

/// What is known of interfaces beside the queried state.
#[derive(Clone, Debug, Default)]
pub struct Links {
    /// Veths whose peer is in another network namespace and that have no profile: as good as `state: ignore`.
    pub plumbing: BTreeSet<String>,
    /// Interfaces the kernel back end does not manage.
    pub unmanaged: BTreeSet<String>,
}

/// The report of `state`: what is kept, without secrets and without values that change by themselves.
#[must_use]
pub fn filter(state: &Value, settings: &ReportSettings, links: &Links) -> Value {
    let mut report = Map::new();
    let kept: Vec<Value> = interfaces(state)
        .iter()
        .filter(|entry| !is_left_out(entry, settings, links))
        .map(|entry| tidy(entry, settings))
        .collect();
    let names: BTreeSet<&str> = kept.iter().filter_map(|entry| text(entry, "name")).collect();
    let mut routes = Map::new();
    for table in ["config", "running"] {
        if table == "running" && settings.exclude_sections.contains(&Section::RunningRoutes) {
            continue;
        }
        let Some(all) = at(state, &["routes", table]).and_then(Value::as_array) else {
            continue;
        };
        let over_kept =
            |route: &&Value| text(route, "next-hop-interface").is_none_or(|name| names.contains(name));
        routes.insert(table.to_owned(), all.iter().filter(over_kept).cloned().collect());
    }
    if !routes.is_empty() {
        report.insert("routes".to_owned(), Value::Object(routes));
    }
    let mut dns = Map::new();
    for part in ["config", "running"] {
        if let Some(Value::Object(all)) = at(state, &["dns-resolver", part]) {
            let known = |key: &str| matches!(key, "search" | "server" | "options");
            let part_of = all.iter().filter(|(key, value)| known(key) && !value.is_null());
            dns.insert(
                part.to_owned(),
                part_of.map(|(key, value)| (key.clone(), value.clone())).collect(),
            );
        }
    }
    if !dns.is_empty() {
        report.insert("dns-resolver".to_owned(), Value::Object(dns));
    }
    if let Some(mappings) = at(state, &["ovn", "bridge-mappings"]) {
        report.insert("ovn".to_owned(), json!({ "bridge-mappings": mappings }));
    }
    for key in ["route-rules", "hostname"] {
        if let Some(section) = at(state, &[key]) {
            report.insert(key.to_owned(), section.clone());
        }
    }
    report.insert("interfaces".to_owned(), Value::Array(kept));
    let mut report = Value::Object(report);
    mask(&mut report);
    report
}

fn is_left_out(entry: &Value, settings: &ReportSettings, links: &Links) -> bool {
    let name = text(entry, "name").unwrap_or_default();
    let ignored = text(entry, "state") == Some("ignore") || links.plumbing.contains(name);
    let veth = text(entry, "type") == Some("veth");
    let nobodys = ignored || links.unmanaged.contains(name);
    (veth && ignored) || (nobodys && settings.exclude_interfaces.iter().any(|glob| glob.matches(name)))
}

/// Without timers that run and lives that end, or every look would differ from the one before.
fn tidy(entry: &Value, settings: &ReportSettings) -> Value {
    let mut entry = entry.clone();
    if let Some(Value::Object(options)) = at_mut(&mut entry, &["bridge", "options"]) {
        options.remove("gc-timer");
        options.remove("hello-timer");
    }
    for family in ["ipv4", "ipv6"] {
        let addresses = list_mut(&mut entry, &[family, "address"]).into_iter().flatten();
        for address in addresses.filter_map(Value::as_object_mut) {
            address.remove("preferred-life-time");
            address.remove("valid-life-time");
        }
    }
    if let Some(object) = entry.as_object_mut() {
        if settings.exclude_sections.contains(&Section::Ethtool) {
            object.remove("ethtool");
        }
        if settings.exclude_sections.contains(&Section::Mptcp) {
            object.remove("mptcp");
        }
        if settings.exclude_sections.contains(&Section::LldpNeighbors)
            && let Some(Value::Object(lldp)) = object.get_mut("lldp")
        {
            lldp.remove("neighbors");
        }
    }
    entry
}

/// Links that are up in the kernel while nmstate shows them down, because NetworkManager has no active profile for them
/// (spec §18.7): for the report's condition `ForeignManager`.
#[must_use]
pub fn foreign(state: &Value, up_in_kernel: &BTreeSet<String>) -> Vec<String> {
    let down = interfaces(state)
        .iter()
        .filter(|entry| text(entry, "state") == Some("down"));
    let mut names: Vec<String> = down
        .filter_map(|entry| text(entry, "name"))
        .filter(|name| up_in_kernel.contains(*name))
        .map(str::to_owned)
        .collect();
    names.sort_unstable();
    names
}

/// How many running routes a report has.
pub(super) fn running_routes(report: &Value) -> usize {
    list(report, &["routes", "running"]).len()
}
