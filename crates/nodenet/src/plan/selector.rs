//! Which nodes a policy is for: `nodeSelector` and `nodeSelectorTerms` (spec §2.1, §22.17).

use std::collections::BTreeMap;
use std::fmt;

use api::nmstate::PolicySpec;
use k8s_openapi::api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm};

/// Labels of a node.
pub type Labels = BTreeMap<String, String>;

/// Why a node is not selected: the first condition that fails, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// An entry of `nodeSelector`.
    Label {
        /// Its key.
        key: String,
        /// Its value.
        wanted: String,
        /// What the node has.
        found: Option<String>,
    },
    /// None of `nodeSelectorTerms` holds.
    Terms,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label {
                key,
                wanted,
                found: None,
            } => write!(
                f,
                "the node has no label {key}; nodeSelector wants {key}={wanted}"
            ),
            Self::Label {
                key,
                wanted,
                found: Some(found),
            } => write!(f, "the node has {key}={found}; nodeSelector wants {key}={wanted}"),
            Self::Terms => write!(f, "none of nodeSelectorTerms holds for the node"),
        }
    }
}

/// Whether the policy is for a node of this name with these labels.
///
/// # Errors
/// The first condition that does not hold.
pub fn select(spec: &PolicySpec, node: &str, labels: &Labels) -> Result<(), Mismatch> {
    for (key, wanted) in &spec.node_selector {
        let found = labels.get(key);
        if found != Some(wanted) {
            return Err(Mismatch::Label {
                key: key.clone(),
                wanted: wanted.clone(),
                found: found.cloned(),
            });
        }
    }
    let terms = &spec.node_selector_terms;
    if terms.is_empty() || terms.iter().any(|term| holds(term, node, labels)) {
        Ok(())
    } else {
        Err(Mismatch::Terms)
    }
}

/// As the scheduler does: all requirements of a term must hold, and an empty term holds for nobody.
fn holds(term: &NodeSelectorTerm, node: &str, labels: &Labels) -> bool {
    let expressions = term.match_expressions.as_deref().unwrap_or_default();
    let fields = term.match_fields.as_deref().unwrap_or_default();
    if expressions.is_empty() && fields.is_empty() {
        return false;
    }
    let label = |one: &NodeSelectorRequirement| required(one, labels.get(&one.key).map(String::as_str));
    let field = |one: &NodeSelectorRequirement| one.key == "metadata.name" && required(one, Some(node));
    expressions.iter().all(label) && fields.iter().all(field)
}

fn required(one: &NodeSelectorRequirement, found: Option<&str>) -> bool {
    let values = one.values.as_deref().unwrap_or_default();
    let listed = found.is_some_and(|found| values.iter().any(|value| value == found));
    match one.operator.as_str() {
        "In" => listed,
        "NotIn" => !listed,
        "Exists" => found.is_some(),
        "DoesNotExist" => found.is_none(),
        "Gt" => compared(found, values).is_some_and(|(found, value)| found > value),
        "Lt" => compared(found, values).is_some_and(|(found, value)| found < value),
        // An operator of the future: a node is not touched for what we do not understand.
        _ => false,
    }
}

/// Both sides as integers; `Gt` and `Lt` take exactly one value.
fn compared(found: Option<&str>, values: &[String]) -> Option<(i64, i64)> {
    match values {
        [value] => Some((found?.parse().ok()?, value.parse().ok()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn chosen(spec: Value) -> bool {
        let spec: PolicySpec = serde_json::from_value(spec).expect("a spec");
        let labels = [("zone", "a"), ("cores", "16"), ("empty", "")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        select(&spec, "n1", &labels).is_ok()
    }

    #[test]
    fn all_entries_of_the_selector_must_be_equal() {
        assert!(chosen(json!({})));
        assert!(chosen(json!({"nodeSelector": {"zone": "a", "empty": ""}})));
        assert!(!chosen(json!({"nodeSelector": {"zone": "a", "absent": ""}})));
        assert!(!chosen(json!({"nodeSelector": {"zone": "A"}})));
    }

    #[test]
    fn one_term_must_hold_besides() {
        let table = [
            (
                json!({"key": "zone", "operator": "In", "values": ["a", "b"]}),
                true,
            ),
            (
                json!({"key": "zone", "operator": "NotIn", "values": ["a"]}),
                false,
            ),
            (
                json!({"key": "absent", "operator": "NotIn", "values": ["a"]}),
                true,
            ),
            (json!({"key": "zone", "operator": "Exists"}), true),
            (json!({"key": "zone", "operator": "DoesNotExist"}), false),
            (json!({"key": "cores", "operator": "Gt", "values": ["8"]}), true),
            (json!({"key": "cores", "operator": "Lt", "values": ["8"]}), false),
            (json!({"key": "zone", "operator": "Gt", "values": ["8"]}), false),
            (
                json!({"key": "cores", "operator": "Gt", "values": ["8", "9"]}),
                false,
            ),
            (json!({"key": "zone", "operator": "Like", "values": ["a"]}), false),
        ];
        for (requirement, want) in table {
            let term = json!({"matchExpressions": [requirement]});
            assert_eq!(
                chosen(json!({"nodeSelectorTerms": [term]})),
                want,
                "{requirement}"
            );
            let both = json!({"nodeSelectorTerms": [{}, term], "nodeSelector": {"zone": "a"}});
            assert_eq!(chosen(both), want, "or: {requirement}");
            let neither = json!({"nodeSelectorTerms": [term], "nodeSelector": {"zone": "b"}});
            assert!(!chosen(neither), "and: {requirement}");
        }
        let name = |name: &str| json!({"key": "metadata.name", "operator": "In", "values": [name]});
        assert!(chosen(
            json!({"nodeSelectorTerms": [{"matchFields": [name("n1")]}]})
        ));
        assert!(!chosen(
            json!({"nodeSelectorTerms": [{"matchFields": [name("n2")]}]})
        ));
        assert!(
            !chosen(json!({"nodeSelectorTerms": [{}]})),
            "an empty term selects nobody"
        );
    }

    #[test]
    fn a_mismatch_names_both_sides() {
        let spec = serde_json::from_value(json!({"nodeSelector": {"zone": "b"}})).expect("a spec");
        let text = |labels: Labels| select(&spec, "n1", &labels).unwrap_err().to_string();
        assert_eq!(
            text(Labels::new()),
            "the node has no label zone; nodeSelector wants zone=b"
        );
        let labels = [("zone".to_owned(), "a".to_owned())].into();
        assert_eq!(text(labels), "the node has zone=a; nodeSelector wants zone=b");
    }
}
