//! `spec.match.interfaces`: read once, for admission and for the node (spec §17.2).

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use super::glob::Glob;
use crate::plan::document::{Problem, kind};

/// The rules of a policy; an interface matches if one of them does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// In the order written; never empty once read.
    pub rules: Vec<Rule>,
}

/// One rule: all that is given must hold; of a list, one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Interface name or alternative name.
    pub name: Option<Vec<Glob>>,
    /// nmstate type.
    pub kind: Option<Vec<String>>,
    /// `up`, `down`, `ignore`.
    pub state: Option<Vec<String>>,
    /// Present MAC address, any case.
    pub mac_address: Option<Vec<Glob>>,
    /// MAC address in the firmware, any case.
    pub permanent_mac_address: Option<Vec<Glob>>,
    /// Kernel driver.
    pub driver: Option<Vec<Glob>>,
    /// PCI address.
    pub pci_address: Option<Vec<Glob>>,
    /// Whether the link has carrier.
    pub carrier: Option<bool>,
    /// Name of the controller; empty for none.
    pub controller: Option<String>,
    /// What one neighbour must say.
    pub lldp: Option<LldpRule>,
}

/// What one and the same neighbour must say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LldpRule {
    /// One of them is announced by name or is the port VLAN.
    pub vlan_ids: Option<BTreeSet<u16>>,
    /// The port VLAN is one of them.
    pub pvid: Option<BTreeSet<u16>>,
    /// System name.
    pub system_name: Option<Vec<Glob>>,
    /// Port id.
    pub port_id: Option<Vec<Glob>>,
    /// Chassis id.
    pub chassis_id: Option<Vec<Glob>>,
    /// System description.
    pub system_description: Option<Vec<Glob>>,
}

const STATES: [&str; 3] = ["up", "down", "ignore"];

const RULE_KEYS: [&str; 10] = [
    "name",
    "type",
    "state",
    "mac-address",
    "permanent-mac-address",
    "driver",
    "pci-address",
    "carrier",
    "controller",
    "lldp",
];

const LLDP_KEYS: [&str; 6] = [
    "vlan-ids",
    "pvid",
    "system-name",
    "port-id",
    "chassis-id",
    "system-description",
];

impl Rules {
    /// Reads `spec.match.interfaces`: one rule, or a list of rules.
    ///
    /// # Errors
    /// Every unknown key and every value of a wrong kind.
    pub fn parse(value: &Value) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let path = "spec.match.interfaces";
        let rules = match value {
            Value::Object(_) => vec![Rule::parse(value, path, &mut problems)],
            Value::Array(items) if !items.is_empty() => items
                .iter()
                .enumerate()
                .map(|(index, item)| Rule::parse(item, &format!("{path}[{index}]"), &mut problems))
                .collect(),
            other => {
                let message = format!(
                    "must be a rule or a list of at least one rule, not {}",
                    kind(other)
                );
                problems.push(Problem::new(path, message));
                Vec::new()
            }
        };
        if problems.is_empty() {
            Ok(Self { rules })
        } else {
            Err(problems)
        }
    }

    /// The VLAN ids asked for by any rule; none if no rule lists any.
    #[must_use]
    pub fn vlan_ids(&self) -> Option<BTreeSet<u16>> {
        let lists: Vec<_> = self
            .rules
            .iter()
            .filter_map(|rule| rule.lldp.as_ref()?.vlan_ids.as_ref())
            .collect();
        (!lists.is_empty()).then(|| lists.into_iter().flatten().copied().collect())
    }
}

impl Rule {
    fn parse(value: &Value, path: &str, problems: &mut Vec<Problem>) -> Self {
        let mut read = Reader::new(value, path, &RULE_KEYS, problems);
        let state = read.words("state");
        for word in state
            .iter()
            .flatten()
            .filter(|word| !STATES.contains(&word.as_str()))
        {
            read.complain(
                "state",
                format!("{word:?} is no reported state; use one of {}", STATES.join(", ")),
            );
        }
        let lldp = read
            .object
            .and_then(|object| object.get("lldp"))
            .filter(|value| !value.is_null());
        let rule = Self {
            name: read.globs("name"),
            kind: read.words("type"),
            state,
            mac_address: read.globs("mac-address"),
            permanent_mac_address: read.globs("permanent-mac-address"),
            driver: read.globs("driver"),
            pci_address: read.globs("pci-address"),
            carrier: read.boolean("carrier"),
            controller: read.word("controller"),
            lldp: None,
        };
        Self {
            lldp: lldp.map(|value| LldpRule::parse(value, &format!("{path}.lldp"), problems)),
            ..rule
        }
    }
}

impl LldpRule {
    fn parse(value: &Value, path: &str, problems: &mut Vec<Problem>) -> Self {
        let mut read = Reader::new(value, path, &LLDP_KEYS, problems);
        Self {
            vlan_ids: read.ids("vlan-ids", true),
            pvid: read.ids("pvid", false),
            system_name: read.globs("system-name"),
            port_id: read.globs("port-id"),
            chassis_id: read.globs("chassis-id"),
            system_description: read.globs("system-description"),
        }
    }
}

/// Reads the keys of one object and gathers what is wrong.
struct Reader<'v, 'p> {
    object: Option<&'v serde_json::Map<String, Value>>,
    path: &'p str,
    problems: &'p mut Vec<Problem>,
}

impl<'v, 'p> Reader<'v, 'p> {
    fn new(value: &'v Value, path: &'p str, known: &[&str], problems: &'p mut Vec<Problem>) -> Self {
        match value.as_object() {
            None => problems.push(Problem::new(
                path,
                format!("must be an object, not {}", kind(value)),
            )),
            Some(object) if object.is_empty() => {
                problems.push(Problem::new(
                    path,
                    format!("is empty; give at least one of {}", known.join(", ")),
                ));
            }
            Some(object) => {
                for key in object.keys().filter(|key| !known.contains(&key.as_str())) {
                    let message = format!("unknown key; known here are {}", known.join(", "));
                    problems.push(Problem::new(format!("{path}.{key}"), message));
                }
            }
        }
        Self {
            object: value.as_object(),
            path,
            problems,
        }
    }

    fn get(&self, key: &str) -> Option<&'v Value> {
        self.object?.get(key).filter(|value| !value.is_null())
    }

    fn complain(&mut self, key: &str, message: impl Into<String>) {
        self.problems
            .push(Problem::new(format!("{}.{key}", self.path), message));
    }

    fn word(&mut self, key: &str) -> Option<String> {
        let value = self.get(key)?;
        let word = value.as_str().map(str::to_owned);
        if word.is_none() {
            self.complain(key, format!("must be text, not {}", kind(value)));
        }
        word
    }

    fn words(&mut self, key: &str) -> Option<Vec<String>> {
        let value = self.get(key)?;
        let items = match value {
            Value::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        let words: Option<Vec<String>> = items
            .iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect();
        match words {
            Some(words) if !words.is_empty() => Some(words),
            _ => {
                self.complain(key, "must be text or a list of texts");
                None
            }
        }
    }

    fn globs(&mut self, key: &str) -> Option<Vec<Glob>> {
        let words = self.words(key)?;
        let mut globs = Vec::new();
        for word in words {
            match Glob::parse(&word) {
                Ok(glob) => globs.push(glob),
                Err(error) => self.complain(key, error.to_string()),
            }
        }
        Some(globs)
    }

    fn boolean(&mut self, key: &str) -> Option<bool> {
        let value = self.get(key)?;
        if value.as_bool().is_none() {
            self.complain(key, format!("must be true or false, not {}", kind(value)));
        }
        value.as_bool()
    }

    fn ids(&mut self, key: &str, must_be_list: bool) -> Option<BTreeSet<u16>> {
        let value = self.get(key)?;
        let items = match value {
            Value::Array(items) => items.as_slice(),
            one if !must_be_list => std::slice::from_ref(one),
            _ => &[],
        };
        let id = |item: &Value| {
            item.as_u64()
                .and_then(|id| u16::try_from(id).ok())
                .filter(|id| (1..=4094).contains(id))
        };
        let ids: Option<BTreeSet<u16>> = items.iter().map(id).collect();
        match ids {
            Some(ids) if !ids.is_empty() => Some(ids),
            _ => {
                let what = if must_be_list {
                    "a list of"
                } else {
                    "one or a list of"
                };
                self.complain(key, format!("must be {what} VLAN ids from 1 to 4094"));
                None
            }
        }
    }
}

/// What the rule asks for, for `status.matchedInterfaces` and for people.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said: Vec<String> = Vec::new();
        let globs = |key: &str, globs: &Option<Vec<Glob>>| {
            globs.as_ref().map(|globs| {
                format!(
                    "{key} {}",
                    globs
                        .iter()
                        .map(ToString::to_string)
                        .collect::<Vec<_>>()
                        .join("|")
                )
            })
        };
        said.extend(globs("name", &self.name));
        said.extend(
            self.kind
                .as_ref()
                .map(|kinds| format!("type {}", kinds.join("|"))),
        );
        said.extend(
            self.state
                .as_ref()
                .map(|states| format!("state {}", states.join("|"))),
        );
        said.extend(globs("mac-address", &self.mac_address));
        said.extend(globs("permanent-mac-address", &self.permanent_mac_address));
        said.extend(globs("driver", &self.driver));
        said.extend(globs("pci-address", &self.pci_address));
        said.extend(self.carrier.map(|carrier| format!("carrier {carrier}")));
        said.extend(self.controller.as_ref().map(|name| match name.as_str() {
            "" => "no controller".to_owned(),
            name => format!("controller {name}"),
        }));
        if let Some(lldp) = &self.lldp {
            let ids = |key: &str, ids: &Option<BTreeSet<u16>>| {
                ids.as_ref().map(|ids| {
                    format!(
                        "lldp {key} {}",
                        ids.iter().map(ToString::to_string).collect::<Vec<_>>().join("|")
                    )
                })
            };
            said.extend(ids("vlan-ids", &lldp.vlan_ids));
            said.extend(ids("pvid", &lldp.pvid));
            said.extend(globs("lldp system-name", &lldp.system_name));
            said.extend(globs("lldp port-id", &lldp.port_id));
            said.extend(globs("lldp chassis-id", &lldp.chassis_id));
            said.extend(globs("lldp system-description", &lldp.system_description));
        }
        f.write_str(&said.join(", "))
    }
}
