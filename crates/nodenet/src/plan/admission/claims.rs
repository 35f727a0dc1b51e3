//! Two policies of one priority that set the same interface on the same node (spec §3.1, §17.3).

use std::collections::{BTreeMap, BTreeSet};

use api::nmstate::{Policy, PolicySpec};
use serde_json::Value;

use crate::plan::document;
use crate::plan::selector::{Labels, select};

/// One warning per other policy.
pub(super) fn warnings(
    name: &str,
    spec: &PolicySpec,
    policies: &[&Policy],
    nodes: &BTreeMap<String, Labels>,
) -> Vec<String> {
    let mine = interfaces(spec);
    let priority = spec.priority.unwrap_or_default();
    let mut warnings = Vec::new();
    for other in policies.iter().filter(|other| other.name() != name) {
        if other.spec.priority.unwrap_or_default() != priority {
            continue;
        }
        let theirs = interfaces(&other.spec);
        let Some(shared) = mine.intersection(&theirs).next() else {
            continue;
        };
        let both = |node: &str, labels: &Labels| {
            select(spec, node, labels).is_ok() && select(&other.spec, node, labels).is_ok()
        };
        if let Some((node, _)) = nodes.iter().find(|(node, labels)| both(node, labels)) {
            let other = other.name();
            warnings.push(format!(
                "policy {other} has the same priority and also sets interface {shared} on node {node}; give one of them \
                 another spec.priority"
            ));
        }
    }
    warnings
}

/// Names of the interfaces a policy sets, as far as they are known before it is resolved.
fn interfaces(spec: &PolicySpec) -> BTreeSet<&str> {
    let desired = spec.desired_state.as_ref().unwrap_or(&Value::Null);
    let names = document::interfaces(desired)
        .iter()
        .filter_map(|entry| entry.get("name")?.as_str());
    names.filter(|name| !name.contains("{{")).collect()
}
