//! One Node for a person: what each source said, what each rule made of it, and what comes of it.

use std::fmt;

use runtime::answer::Answer;

use super::address::list;
use super::facts::{Affinity, GuestAnswer, NodeFacts};
use super::identity::Resolution;
use super::lifecycle::{Judgement, LifecycleStep};
use super::node::{Decision, Retry, Write};
use super::upstream::Comparison;
use super::verdict::Verdict;

/// Everything `--explain NODE` prints.
#[derive(Clone, Copy, Debug)]
pub struct Explanation<'a> {
    /// The Node.
    pub node: &'a NodeFacts,
    /// Which machine it is.
    pub resolution: &'a Resolution,
    /// How that was found out.
    pub trail: &'a [Verdict],
    /// What its guest said; `None` when nobody asked.
    pub guest: Option<&'a GuestAnswer>,
    /// HA groups or rules; `None` when nobody asked.
    pub affinity: Option<&'a Answer<Vec<Affinity>>>,
    /// What is to be done.
    pub decision: &'a Decision,
    /// What the lifecycle makes of it; `None` for a Node that is ready.
    pub lifecycle: Option<&'a Judgement>,
    /// What the replaced controller would do.
    pub comparison: Option<&'a Comparison>,
}

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sources(f)?;
        writeln!(f, "Rules")?;
        for verdict in self.trail.iter().chain(&self.decision.verdicts) {
            writeln!(f, "  {verdict}")?;
        }
        self.result(f)?;
        self.lifecycle(f)?;
        self.comparison
            .map_or(Ok(()), |comparison| compared(f, comparison))
    }
}

impl Explanation<'_> {
    fn sources(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = self.node;
        let or_none = |text: Option<&str>| {
            text.filter(|text| !text.is_empty())
                .unwrap_or("(none)")
                .to_owned()
        };
        writeln!(f, "Node {}", node.name)?;
        writeln!(f, "  providerID        {}", or_none(Some(&node.provider_id)))?;
        writeln!(
            f,
            "  systemUUID        {}",
            or_none(node.system_uuid.as_ref().map(super::facts::SystemUuid::as_str))
        )?;
        writeln!(
            f,
            "  provided-node-ip  {}",
            or_none(node.provided_node_ip.as_deref())
        )?;
        writeln!(
            f,
            "  initialised       {}",
            if node.is_tainted() { "no" } else { "yes" }
        )?;
        writeln!(f, "  status.addresses  {}", or_none(Some(&list(&node.addresses))))?;
        writeln!(f, "Sources")?;
        writeln!(f, "  machine: {}", self.resolution)?;
        self.guest(f)?;
        self.affinities(f)
    }

    fn guest(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.guest {
            None => writeln!(f, "  guest: not asked"),
            Some(GuestAnswer::Unavailable(why)) => writeln!(f, "  guest: {why}"),
            Some(GuestAnswer::Known(interfaces)) => {
                writeln!(f, "  guest: {} interfaces", interfaces.len())?;
                interfaces.iter().try_for_each(|one| {
                    let mac = one.mac.map(|mac| format!(" ({mac})")).unwrap_or_default();
                    writeln!(f, "    {}{mac}: {}", one.name, one.addresses.join(", "))
                })
            }
        }
    }

    fn affinities(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.affinity {
            None => writeln!(f, "  HA: not asked"),
            Some(Answer::Unknown(why)) => writeln!(f, "  HA: unknown: {why}"),
            Some(Answer::Absent) => writeln!(f, "  HA: no groups"),
            Some(Answer::Known(all)) => {
                writeln!(f, "  HA: {} groups or rules", all.len())?;
                all.iter()
                    .try_for_each(|one| writeln!(f, "    {}: {}", one.name, one.hosts.join(", ")))
            }
        }
    }

    fn result(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decision = self.decision;
        writeln!(f, "Result")?;
        match &decision.addresses {
            Some(planned) => planned
                .addresses
                .iter()
                .try_for_each(|entry| writeln!(f, "  {entry}"))?,
            None => writeln!(f, "  no statement about addresses")?,
        }
        for notice in &decision.notices {
            writeln!(f, "  event {notice}")?;
        }
        writeln!(f, "Next: {}", step(&decision.write))?;
        match decision.retry {
            Retry::Pass => Ok(()),
            Retry::After(pause) => writeln!(f, "Again in {pause:?}"),
        }
    }
}

impl Explanation<'_> {
    fn lifecycle(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(judgement) = self.lifecycle else {
            return Ok(());
        };
        writeln!(f, "Lifecycle (the Node is not ready)")?;
        for verdict in &judgement.verdicts {
            writeln!(f, "  {verdict}")?;
        }
        for notice in &judgement.notices {
            writeln!(f, "  event {notice}")?;
        }
        match &judgement.step {
            LifecycleStep::Rest => Ok(()),
            step => writeln!(f, "Next: {step}"),
        }
    }
}

fn step(write: &Write) -> String {
    match write {
        Write::Nothing => "nothing to write".to_owned(),
        Write::Untaint => "remove the taint".to_owned(),
        Write::Initialise(change) => format!("initialise the Node: {}", changes(change)),
        Write::Update(change) => format!("update the Node: {}", changes(change)),
    }
}

fn changes(change: &super::node::Change) -> String {
    let mut parts = Vec::new();
    parts.extend(change.provider_id.as_ref().map(|id| format!("providerID {id}")));
    parts.extend(
        change
            .instance_id
            .as_ref()
            .map(|id| format!("annotation instance-id {id}")),
    );
    for (key, value) in &change.labels {
        parts.push(match value {
            Some(value) => format!("label {key}={value}"),
            None => format!("remove label {key}"),
        });
    }
    parts.extend(change.addresses.as_ref().map(|_| "addresses".to_owned()));
    if parts.is_empty() {
        "nothing but the taint".to_owned()
    } else {
        parts.join(", ")
    }
}

fn compared(f: &mut fmt::Formatter<'_>, comparison: &Comparison) -> fmt::Result {
    if !comparison.differs() {
        return writeln!(f, "The replaced controller does the same");
    }
    if comparison.upstream == comparison.ours {
        writeln!(f, "The outcome is the same, but Cadastre also")?;
    } else {
        writeln!(f, "The replaced controller {}", comparison.upstream)?;
    }
    reasons(f, comparison, "")
}

/// What is behind a difference: what only we write, then why the outcomes differ.
fn reasons(f: &mut fmt::Formatter<'_>, comparison: &Comparison, also: &str) -> fmt::Result {
    comparison
        .besides
        .iter()
        .try_for_each(|besides| writeln!(f, "  {also}{besides}"))?;
    comparison
        .causes
        .iter()
        .try_for_each(|cause| writeln!(f, "  {cause}"))
}

/// One Node among those that change when switching, for `--compare-upstream`.
#[derive(Clone, Copy, Debug)]
pub struct Difference<'a> {
    /// Its name.
    pub node: &'a str,
    /// What both controllers make of it.
    pub comparison: &'a Comparison,
}

impl fmt::Display for Difference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Node {}", self.node)?;
        writeln!(f, "  replaced controller: {}", self.comparison.upstream)?;
        writeln!(f, "  cadastre:            {}", self.comparison.ours)?;
        reasons(f, self.comparison, "cadastre also ")
    }
}
