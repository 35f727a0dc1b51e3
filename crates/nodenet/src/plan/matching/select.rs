//! Which interfaces of a node match, and why the others do not.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::glob::Glob;
use super::lldp::Neighbour;
use super::rule::{LldpRule, Rule, Rules};
use crate::plan::document::{controller_of, interfaces, list, text};

/// Seconds without a change after which LLDP facts count as settled, unless the policy says otherwise: one interval of
/// 30 s between announcements, and 5 s.
pub const SETTLE_SECONDS: u32 = 35;

/// Facts of one link beside the report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkFacts {
    /// Whether it has carrier; none if unknown.
    pub carrier: Option<bool>,
    /// What our receiver heard; none to take the neighbours of the report.
    pub neighbours: Option<Vec<Neighbour>>,
    /// When what it hears last changed; none if it never heard anything.
    pub heard: Option<Timestamp>,
}

/// All that selection looks at.
#[derive(Clone, Copy, Debug)]
pub struct Candidates<'a> {
    /// The reported state of the node.
    pub state: &'a Value,
    /// Facts by interface name.
    pub links: &'a BTreeMap<String, LinkFacts>,
    /// Interfaces this policy makes itself.
    pub created: &'a BTreeSet<String>,
    /// Now.
    pub now: Timestamp,
    /// How long LLDP facts must stay unchanged, in seconds.
    pub settle_seconds: u32,
}

/// What selection found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Matching interfaces by name, with the rule that took them.
    pub matched: BTreeMap<String, Match>,
    /// Interfaces that would match, and when their LLDP facts will have settled if nothing changes.
    pub settling: BTreeMap<String, Timestamp>,
    /// Interfaces that do not match, and why.
    pub others: BTreeMap<String, String>,
}

/// Why an interface matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    /// The rule in words.
    pub reason: String,
    /// The neighbour the rule was held against; otherwise the first one, if any.
    pub neighbour: Option<Neighbour>,
}

/// When facts that last changed at `heard` are settled.
#[must_use]
pub fn settled_at(heard: Timestamp, settle_seconds: u32) -> Timestamp {
    heard
        .checked_add(jiff::SignedDuration::from_secs(i64::from(settle_seconds)))
        .unwrap_or(Timestamp::MAX)
}

/// Looks at every interface but `lo`, those nobody manages (unless asked for), and those of the policy's own making.
#[must_use]
pub fn select(rules: &Rules, candidates: &Candidates<'_>) -> Selection {
    let mut found = Selection::default();
    for entry in interfaces(candidates.state) {
        let Some(name) = text(entry, "name") else { continue };
        if name == "lo" || candidates.created.contains(name) {
            continue;
        }
        let mut why = Vec::new();
        let mut settling = None;
        for rule in &rules.rules {
            match judge(rule, name, entry, candidates) {
                Verdict::Matches(neighbour) => {
                    let reason = rule.to_string();
                    found.matched.insert(name.to_owned(), Match { reason, neighbour });
                    break;
                }
                Verdict::Settling(until) => {
                    settling = Some(settling.map_or(until, |other: Timestamp| other.min(until)));
                }
                Verdict::Differs(reason) => why.push(reason),
            }
        }
        if found.matched.contains_key(name) {
            continue;
        }
        match settling {
            Some(until) => drop(found.settling.insert(name.to_owned(), until)),
            None => drop(found.others.insert(name.to_owned(), why.join("; "))),
        }
    }
    found
}

enum Verdict {
    Matches(Option<Neighbour>),
    Settling(Timestamp),
    Differs(String),
}

fn judge(rule: &Rule, name: &str, entry: &Value, candidates: &Candidates<'_>) -> Verdict {
    let link = candidates.links.get(name);
    if let Some(why) = differs(rule, name, entry, link, candidates.state) {
        return Verdict::Differs(why);
    }
    let neighbours = match link.and_then(|link| link.neighbours.clone()) {
        Some(neighbours) => neighbours,
        None => Neighbour::all(entry),
    };
    let Some(lldp) = &rule.lldp else {
        return Verdict::Matches(neighbours.into_iter().next());
    };
    let count = neighbours.len();
    let Some(neighbour) = neighbours.into_iter().find(|neighbour| lldp.fits(neighbour)) else {
        return Verdict::Differs(match count {
            0 => "no LLDP neighbour is heard".to_owned(),
            n => format!("none of {n} LLDP neighbours says what the rule asks for"),
        });
    };
    match link
        .and_then(|link| link.heard)
        .map(|heard| settled_at(heard, candidates.settle_seconds))
    {
        Some(until) if until > candidates.now => Verdict::Settling(until),
        _ => Verdict::Matches(Some(neighbour)),
    }
}

/// The first thing, LLDP aside, that is not as the rule asks.
fn differs(
    rule: &Rule,
    name: &str,
    entry: &Value,
    link: Option<&LinkFacts>,
    state: &Value,
) -> Option<String> {
    let one_of = |words: &Option<Vec<String>>, value: &str| {
        words
            .as_ref()
            .is_none_or(|words| words.iter().any(|w| w == value))
    };
    let reported = text(entry, "state").unwrap_or_default();
    if reported == "ignore"
        && !rule
            .state
            .as_ref()
            .is_some_and(|states| states.iter().any(|s| s == "ignore"))
    {
        return Some("state is ignore: nobody manages it".to_owned());
    }
    let mut names = vec![name];
    names.extend(
        list(entry, &["alt-names"])
            .iter()
            .filter_map(|entry| text(entry, "name")),
    );
    if let Some(globs) = &rule.name
        && !globs
            .iter()
            .any(|glob| names.iter().any(|name| glob.matches(name)))
    {
        return Some(format!("name is {}", names.join(" or ")));
    }
    for (key, words, value) in [
        ("type", &rule.kind, text(entry, "type").unwrap_or_default()),
        ("state", &rule.state, reported),
    ] {
        if !one_of(words, value) {
            return Some(format!("{key} is {value}"));
        }
    }
    for (key, globs) in [
        ("mac-address", &rule.mac_address),
        ("permanent-mac-address", &rule.permanent_mac_address),
    ] {
        if let Some(why) = unlike(entry, key, globs.as_ref(), Glob::matches_ignoring_case) {
            return Some(why);
        }
    }
    for (key, globs) in [("driver", &rule.driver), ("pci-address", &rule.pci_address)] {
        if let Some(why) = unlike(entry, key, globs.as_ref(), Glob::matches) {
            return Some(why);
        }
    }
    if let Some(wanted) = rule.carrier {
        let carrier = link.and_then(|link| link.carrier);
        if carrier != Some(wanted) {
            return Some(carrier.map_or_else(
                || "carrier is unknown".to_owned(),
                |carrier| format!("carrier is {carrier}"),
            ));
        }
    }
    let wanted = rule.controller.as_deref()?;
    let controller = controller_of(state, name).unwrap_or_default();
    (controller != wanted).then(|| match controller {
        "" => "it has no controller".to_owned(),
        name => format!("controller is {name}"),
    })
}

fn unlike(
    entry: &Value,
    key: &str,
    globs: Option<&Vec<Glob>>,
    fits: fn(&Glob, &str) -> bool,
) -> Option<String> {
    let globs = globs?;
    match text(entry, key) {
        None => Some(format!("it has no {key}")),
        Some(value) if globs.iter().any(|glob| fits(glob, value)) => None,
        Some(value) => Some(format!("{key} is {value}")),
    }
}

impl LldpRule {
    /// Whether one neighbour says all of it.
    #[must_use]
    pub fn fits(&self, neighbour: &Neighbour) -> bool {
        let says = |globs: &Option<Vec<Glob>>, value: &Option<String>| {
            globs.as_ref().is_none_or(|globs| {
                value
                    .as_ref()
                    .is_some_and(|value| globs.iter().any(|glob| glob.matches(value)))
            })
        };
        self.vlan_ids
            .as_ref()
            .is_none_or(|ids| neighbour.announced().any(|(id, _)| ids.contains(&id)))
            && self
                .pvid
                .as_ref()
                .is_none_or(|ids| neighbour.pvid.is_some_and(|id| ids.contains(&id)))
            && says(&self.system_name, &neighbour.system_name)
            && says(&self.port_id, &neighbour.port_id)
            && says(&self.chassis_id, &neighbour.chassis_id)
            && says(&self.system_description, &neighbour.system_description)
    }
}
