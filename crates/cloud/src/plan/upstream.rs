//! What the replaced controller would do with the same facts, for people who are about to switch (§13).

mod address;
mod causes;
mod instance;

use std::fmt;

use super::address::list;
use super::facts::{GuestAnswer, NodeAddress, NodeFacts, Ready};
use super::identity::Resolution;
use super::labels;
use super::node::{Decision, Write};
use super::notice::Reason;
use super::provider_id::ProviderId;
use super::settings::{NetworkSettings, Settings};
use crate::names::{self, PROVIDER_SCHEME};

/// What a controller would do with one Node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Leaves it as it is.
    Untouched,
    /// Tries for ever; the Node stays tainted, or keeps its addresses. With the reason.
    Fails(String),
    /// Removes the taint of a Node it knows nothing about: no labels, no addresses.
    UntaintsBlindly,
    /// Deletes the Node.
    Deletes,
    /// Has these addresses in `status.addresses`.
    Publishes(Vec<NodeAddress>),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untouched => f.write_str("leaves the Node as it is"),
            Self::Fails(why) => write!(f, "cannot do anything: {why}"),
            Self::UntaintsBlindly => f.write_str("removes the taint and sets nothing"),
            Self::Deletes => f.write_str("deletes the Node"),
            Self::Publishes(entries) => write!(f, "publishes [{}]", list(entries)),
        }
    }
}

/// One listed difference that is behind two different outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Its number in the list of deliberate differences, as `D12`.
    pub id: &'static str,
    /// What differs.
    pub text: &'static str,
    /// The setting that restores the other behaviour, if there is one.
    pub switch: Option<&'static str>,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.id, self.text)?;
        match self.switch {
            Some(switch) => write!(f, " (restored by {switch})"),
            None => Ok(()),
        }
    }
}

/// The same Node under both controllers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// What the replaced controller does.
    pub upstream: Outcome,
    /// What we do.
    pub ours: Outcome,
    /// What we write besides and the replaced controller does not, or the other way round.
    pub besides: Vec<String>,
    /// Why the outcomes differ; empty when they do not.
    pub causes: Vec<Cause>,
}

impl Comparison {
    /// Whether switching changes something for this Node.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.upstream != self.ours || !self.besides.is_empty()
    }
}

/// The facts both controllers are given.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The Node.
    pub node: &'a NodeFacts,
    /// Which machine it is, as we resolved it.
    pub resolution: &'a Resolution,
    /// What the guest said.
    pub guest: Option<&'a GuestAnswer>,
    /// Our settings.
    pub settings: &'a Settings,
    /// `features.network` as the replaced controller reads the same file.
    pub upstream_network: &'a NetworkSettings,
}

/// Compares what both controllers make of the same facts; `decision` is ours.
#[must_use]
pub fn compare(facts: &Facts<'_>, decision: &Decision) -> Comparison {
    let (upstream, ours) = (theirs(facts, decision), ours(facts, decision));
    let besides = match facts.resolution {
        Resolution::Foreign => left_alone(facts.node, &upstream),
        _ => besides(facts, decision),
    };
    let causes = if upstream == ours {
        Vec::new()
    } else {
        causes::find(facts, &upstream, &ours)
    };
    Comparison {
        upstream,
        ours,
        besides,
        causes,
    }
}

/// Labels of a Node of another cloud that the replaced controller writes, on each event once the taint is gone (§6.3).
fn left_alone(node: &NodeFacts, upstream: &Outcome) -> Vec<String> {
    if node.is_tainted() && *upstream != Outcome::UntaintsBlindly {
        return Vec::new();
    }
    let follow = labels::followers(node).into_iter();
    follow
        .filter_map(|(key, value)| {
            let value = value?;
            Some(format!(
                "leaves label {key} as it is instead of setting it to {value}, because the Node is not ours (D7)"
            ))
        })
        .collect()
}

/// Labels and annotations that only we write.
fn besides(facts: &Facts<'_>, decision: &Decision) -> Vec<String> {
    let mut found = Vec::new();
    let change = match &decision.write {
        Write::Initialise(change) | Write::Update(change) => change,
        Write::Nothing | Write::Untaint => return found,
    };
    let removed = change.labels.iter().filter(|(_, value)| value.is_none());
    found.extend(removed.map(|(key, _)| format!("removes label {key}, because the group is gone (D23)")));
    if !facts.node.provider_id.is_empty() {
        let id = change.instance_id.iter();
        found.extend(id.map(|id| format!("sets annotation {} to {id}", names::INSTANCE_ID)));
    }
    let (key, Resolution::Found(machine)) = (names::INSTANCE_TYPE, facts.resolution) else {
        return found;
    };
    let at_first = facts.node.is_tainted().then(|| instance::name(machine)).flatten();
    let theirs = at_first.as_deref().or(facts.node.label(key)).unwrap_or("(none)");
    if let Some(Some(ours)) = change
        .labels
        .get(key)
        .filter(|ours| ours.as_deref() != Some(theirs))
    {
        found.push(format!(
            "sets the instance type to {ours} instead of {theirs} (D11)"
        ));
    }
    found
}

fn ours(facts: &Facts<'_>, decision: &Decision) -> Outcome {
    match (&decision.write, &decision.addresses) {
        (Write::Untaint, _) => Outcome::UntaintsBlindly,
        (Write::Nothing | Write::Update(_), None) => stays(facts, decision),
        (Write::Nothing, Some(_)) if facts.node.is_tainted() => stays(facts, decision),
        (_, Some(planned)) => Outcome::Publishes(planned.addresses.clone()),
        (Write::Initialise(_), None) => Outcome::Untouched,
    }
}

/// A tainted Node of ours that stays tainted is a failure, an initialised one is just left alone.
fn stays(facts: &Facts<'_>, decision: &Decision) -> Outcome {
    let waits = facts.node.is_tainted() && *facts.resolution != Resolution::Foreign;
    match decision.notices.last().filter(|_| waits) {
        Some(notice) => Outcome::Fails(notice.reason.to_string()),
        None if waits => Outcome::Fails("not yet".to_owned()),
        None => Outcome::Untouched,
    }
}

fn theirs(facts: &Facts<'_>, decision: &Decision) -> Outcome {
    match facts.resolution {
        Resolution::Foreign
            if facts
                .node
                .provider_id
                .starts_with(PROVIDER_SCHEME.trim_end_matches("://")) =>
        {
            Outcome::Fails("takes the provider ID for its own and looks the machine up by name".to_owned())
        }
        Resolution::Foreign => not_known(facts),
        Resolution::NotFound(_) | Resolution::NameMismatch(_) if deletes(facts) => Outcome::Deletes,
        Resolution::NotFound(_) | Resolution::NameMismatch(_) | Resolution::Inaccessible(_) => {
            not_known(facts)
        }
        Resolution::RegionUnknown(_) | Resolution::Unknown(_) => failing(facts, "the region does not answer"),
        Resolution::Ambiguous(ids) => {
            let first = ids.iter().min_by_key(|id| id.vmid.to_string());
            failing(
                facts,
                &format!(
                    "takes the first one, {}",
                    first.map(ToString::to_string).unwrap_or_default()
                ),
            )
        }
        Resolution::Found(found) if facts.node.is_tainted() && instance::is_refused(found) => {
            Outcome::Fails("the SKU makes an invalid label".to_owned())
        }
        Resolution::Found(_) => known(facts, decision),
    }
}

/// Every answer "no such machine" deletes a Node that is not ready (D9).
fn deletes(facts: &Facts<'_>) -> bool {
    facts.node.ready != Ready::True
        && !facts.node.deleting
        && ProviderId::parse(&facts.node.provider_id).is_named()
}

/// Empty metadata: the trap of §6.2.
fn not_known(facts: &Facts<'_>) -> Outcome {
    let node = facts.node;
    if !node.is_tainted() {
        return Outcome::Untouched;
    }
    if node.provider_id.is_empty() {
        return Outcome::Fails("no providerID".to_owned());
    }
    match node.provided_node_ip {
        None => Outcome::UntaintsBlindly,
        Some(_) => Outcome::Fails("provided node ip is not valid".to_owned()),
    }
}

fn failing(facts: &Facts<'_>, why: &str) -> Outcome {
    if facts.node.is_tainted() {
        Outcome::Fails(why.to_owned())
    } else {
        Outcome::Untouched
    }
}

fn known(facts: &Facts<'_>, decision: &Decision) -> Outcome {
    let no_group = decision
        .notices
        .iter()
        .any(|notice| notice.reason == Reason::NoHaGroup);
    if facts.settings.ha_group && no_group {
        return failing(facts, "the host is in no HA group");
    }
    match address::publish(facts.node, facts.upstream_network, facts.guest) {
        Ok(entries) if !facts.node.is_tainted() && !changed(&facts.node.addresses, &entries) => {
            Outcome::Publishes(facts.node.addresses.clone())
        }
        Ok(entries) => Outcome::Publishes(entries),
        Err(why) => failing(facts, &why),
    }
}

/// Its idea of "changed": a pure reordering of different types is none (§6.4).
fn changed(old: &[NodeAddress], new: &[NodeAddress]) -> bool {
    let last_of = |entry: &NodeAddress| old.iter().rev().find(|other| other.kind == entry.kind);
    old.len() != new.len()
        || new
            .iter()
            .any(|entry| last_of(entry).is_none_or(|other| other.address != entry.address))
}
