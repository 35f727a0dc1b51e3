//! What admission says about `match`, templates and `autoConfig` (spec §17.2, §17.4).

use serde_json::Value;

use super::expand::is_template;
use super::rule::Rules;
use crate::plan::bonding::BondSettings;
use crate::plan::document::{Problem, interfaces};

/// Every problem of the forms of `spec.match`, `spec.autoConfig` and the templates of `spec.desiredState`.
#[must_use]
pub fn check(spec: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    let given = |key: &str| spec.get(key).filter(|value| !value.is_null());
    let rules = given("match").map(|value| read_match(value, &mut problems));
    let bonding = match given("autoConfig").map(BondSettings::parse) {
        Some(Ok(_)) => true,
        Some(Err(found)) => {
            problems.extend(found);
            false
        }
        None => false,
    };
    let desired = given("desiredState").unwrap_or(&Value::Null);
    let templates: Vec<usize> = interfaces(desired)
        .iter()
        .enumerate()
        .filter_map(|(index, entry)| is_template(entry).then_some(index))
        .collect();
    match rules {
        Some(_) if templates.is_empty() && given("autoConfig").is_none() => problems.push(Problem::new(
            "spec.match",
            "no entry of spec.desiredState.interfaces is without a name, so nothing would be done with the matched \
             interfaces; leave out the name of one, or drop the match",
        )),
        None if bonding => problems.push(Problem::new(
            "spec.autoConfig",
            "automatic bonding needs spec.match.interfaces to say which interfaces may be bonded",
        )),
        None => problems.extend(templates.into_iter().map(|index| {
            Problem::new(
                format!("spec.desiredState.interfaces[{index}]"),
                "an entry without a name is a template and needs spec.match.interfaces; give it a name, or add a match",
            )
        })),
        Some(_) => {}
    }
    problems
}

fn read_match(value: &Value, problems: &mut Vec<Problem>) -> Option<Rules> {
    let Some(object) = value.as_object() else {
        problems.push(Problem::new(
            "spec.match",
            "must be an object with the key interfaces",
        ));
        return None;
    };
    for key in object.keys().filter(|key| key.as_str() != "interfaces") {
        problems.push(Problem::new(
            format!("spec.match.{key}"),
            "unknown key; known here is interfaces",
        ));
    }
    match Rules::parse(object.get("interfaces").unwrap_or(&Value::Null)) {
        Ok(rules) => Some(rules),
        Err(found) => {
            problems.extend(found);
            None
        }
    }
}
