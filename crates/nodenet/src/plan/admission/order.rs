//! `spec.after`: names that exist, and no circle (spec §17.3). Warnings, for the others may come later.

use std::collections::{BTreeMap, BTreeSet};

use api::nmstate::{Policy, PolicySpec};

/// What is to be said about `after`.
pub(super) fn warnings(name: &str, spec: &PolicySpec, policies: &[&Policy]) -> Vec<String> {
    let mut after: BTreeMap<&str, &[String]> = policies
        .iter()
        .map(|policy| (policy.name(), policy.spec.after.as_slice()))
        .collect();
    after.insert(name, &spec.after);
    let unknown = spec
        .after
        .iter()
        .filter(|other| !after.contains_key(other.as_str()));
    let mut warnings: Vec<String> = unknown
        .map(|other| {
            format!("spec.after names {other}, which does not exist; the policy waits until it does")
        })
        .collect();
    if let Some(circle) = circle(name, &after) {
        warnings.push(format!(
            "spec.after goes in a circle ({}); none of these policies will be applied",
            circle.join(" after ")
        ));
    }
    warnings
}

/// A way from `name` back to it. Cost: O(policies + entries).
fn circle<'a>(name: &'a str, after: &BTreeMap<&'a str, &'a [String]>) -> Option<Vec<&'a str>> {
    let mut seen = BTreeSet::new();
    let mut ways = vec![vec![name]];
    while let Some(way) = ways.pop() {
        let last = way.last().copied().unwrap_or(name);
        for next in after.get(last).into_iter().flat_map(|list| list.iter()) {
            let mut longer = way.clone();
            longer.push(next);
            if next == name {
                return Some(longer);
            }
            if seen.insert(next.as_str()) {
                ways.push(longer);
            }
        }
    }
    None
}
