//! A policy under review.

use std::collections::{BTreeMap, BTreeSet};

use api::nmstate::{Policy, PolicySpec};
use serde::Deserialize;
use serde_json::Value;

use super::{claims, order};
use crate::plan::capture::{self, Declared};
use crate::plan::document::Problem;
use crate::plan::limit::limit;
use crate::plan::selector::{Labels, select};
use crate::plan::{matching, probe, schema};

/// What admission knows of the cluster; warnings only, so `None` is "not known" and says nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Surroundings<'a> {
    /// Nodes with their labels.
    pub nodes: Option<&'a BTreeMap<String, Labels>>,
    /// All policies, this one too if it exists.
    pub policies: Option<&'a [&'a Policy]>,
}

/// What is to be said about a policy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Review {
    /// Why it is refused; empty: it is not.
    pub problems: Vec<Problem>,
    /// What its author should hear.
    pub warnings: Vec<String>,
}

/// Reviews the spec of a policy of this name. Every problem is found, not only the first.
#[must_use]
pub fn review(name: &str, spec: &Value, around: Surroundings<'_>) -> Review {
    let desired = spec.get("desiredState").unwrap_or(&Value::Null);
    let mut problems = Vec::new();
    if desired.is_object() {
        problems.extend(schema::check(desired).err().into_iter().flatten());
    }
    problems.extend(capture::check(&declared(spec), desired));
    problems.extend(matching::check(spec));
    problems.extend(twice(spec, "secrets"));
    // A spec the types cannot take is refused by the server's schema, with better words than ours.
    let typed = PolicySpec::deserialize(spec).ok();
    let probes = typed.as_ref().and_then(|spec| spec.probes.as_ref());
    problems.extend(
        probes
            .into_iter()
            .flat_map(|probes| probe::check(probes, "spec.probes")),
    );
    let warnings = typed
        .map(|spec| warnings(name, &spec, around))
        .unwrap_or_default();
    Review { problems, warnings }
}

fn declared(spec: &Value) -> Declared<'_> {
    let captures = spec.get("capture").and_then(Value::as_object);
    Declared {
        captures: captures
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
            .collect(),
        secrets: names(spec, "secrets"),
        addresses: names(spec, "addresses"),
        matches: spec.get("match").is_some_and(|value| !value.is_null()),
    }
}

fn entries<'v>(spec: &'v Value, list: &str) -> impl Iterator<Item = (usize, &'v str)> {
    let items = spec.get(list).and_then(Value::as_array).into_iter().flatten();
    items
        .enumerate()
        .filter_map(|(index, item)| Some((index, item.get("name")?.as_str()?)))
}

fn names<'v>(spec: &'v Value, list: &str) -> BTreeSet<&'v str> {
    entries(spec, list).map(|(_, name)| name).collect()
}

/// Two entries of one name: a reference could mean either.
fn twice(spec: &Value, list: &str) -> Vec<Problem> {
    let mut seen = BTreeSet::new();
    entries(spec, list)
        .filter(|(_, name)| !seen.insert(*name))
        .map(|(index, name)| {
            Problem::new(
                format!("spec.{list}[{index}].name"),
                format!("{name:?} is the name of an earlier entry; choose another"),
            )
        })
        .collect()
}

fn warnings(name: &str, spec: &PolicySpec, around: Surroundings<'_>) -> Vec<String> {
    let mut warnings: Vec<String> = limit(1, spec.max_unavailable.as_ref())
        .problem
        .into_iter()
        .collect();
    if let Some(nodes) = around.nodes {
        let anybody = nodes
            .iter()
            .any(|(node, labels)| select(spec, node, labels).is_ok());
        if !anybody {
            warnings.push(
                "the policy matches no node now; compare spec.nodeSelector with the labels of nodes".into(),
            );
        }
    }
    if let Some(policies) = around.policies {
        warnings.extend(order::warnings(name, spec, policies));
        if let Some(nodes) = around.nodes {
            warnings.extend(claims::warnings(name, spec, policies, nodes));
        }
    }
    warnings
}
