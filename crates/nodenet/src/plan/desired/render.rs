//! A policy's `spec` to the document one node is to have: match, captures, templates, bonds, defaults, strict decoding.
//!
//! What other policies of the node say is looked at later, by [`crate::plan::priority`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::addresses::{Ours, merge_addresses};
use super::mask::{MASK, mask};
use super::{Defaults, complete, given, is_empty};
use crate::plan::bonding::{self, Bond, BondSettings, Carries, Heard, Port};
use crate::plan::capture::{Captures, MATCHED, PolicyError, Sources, States};
use crate::plan::document::{Problem, at, controller_of, interface, interfaces, text};
use crate::plan::matching::{
    Candidates, Held, LinkFacts, MatchedInterface, Neighbour, Rules, Selection, expand, hold, is_template,
    select, wanted,
};
use crate::plan::schema;

/// Everything that is looked at. Holds secrets, so it has no `Debug`.
#[derive(Clone)]
pub struct Request<'a> {
    /// `spec` of the policy, as JSON.
    pub spec: &'a Value,
    /// The queried state of the node.
    pub state: &'a Value,
    /// Facts of the links beside it.
    pub links: &'a BTreeMap<String, LinkFacts>,
    /// `name`, `labels`, `annotations`, `index` of the Node, for templates.
    pub node: Option<&'a Map<String, Value>>,
    /// Values of the policy's Secrets.
    pub secrets: BTreeMap<&'a str, &'a str>,
    /// Addresses from pools.
    pub addresses: BTreeMap<&'a str, &'a Map<String, Value>>,
    /// What the enactment remembers.
    pub kept: &'a Kept,
    /// Whether the policy's content or the annotation `nmstate.io/rematch` changed since: what no longer matches is let go.
    pub again: bool,
    /// Defaults of the installation and the policy.
    pub defaults: Defaults,
    /// Addresses policies set so far, where foreign ones are to be kept (annotation `nmstate.io/merge-addresses`).
    pub merge: Option<&'a Ours>,
    /// Interfaces other policies configure addresses on, and why they may not be bonded.
    pub busy: &'a BTreeMap<String, String>,
    /// What of the node hangs on which interface.
    pub carried: &'a BTreeMap<String, Carries>,
    /// How long LLDP facts must stay unchanged, in seconds: NMState `spec.report.settleSeconds`.
    pub settle_seconds: u32,
    /// Now.
    pub now: Timestamp,
}

/// What the enactment remembers of earlier renderings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// `status.capturedStates`; empty to evaluate anew.
    pub captures: States,
    /// `status.matchedInterfaces`.
    pub matched: Vec<MatchedInterface>,
    /// `status.autoConfig.bonds`.
    pub bonds: Vec<Bond>,
}

/// A rendering.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// What to do.
    pub outcome: Outcome,
    /// What the enactment is to remember. Without secrets.
    pub kept: Kept,
    /// Matched interfaces that were let go, to be treated as `onDelete` says.
    pub released: Vec<MatchedInterface>,
    /// When LLDP facts that matter will have settled if nothing changes: render again then.
    pub settles: Option<Timestamp>,
}

/// What to do with a policy on this node. `Debug` shows of a document what the enactment shows.
#[derive(Clone, PartialEq)]
pub enum Outcome {
    /// Apply a document.
    Apply {
        /// As nmstate gets it. Holds secrets: it stays in memory.
        document: Value,
        /// As the enactment shows it.
        shown: Value,
        /// For the enactment's message; may be empty.
        note: String,
    },
    /// There is nothing to apply: Available, reason `SuccessfullyConfigured`.
    Empty,
    /// Available, reason `NoMatchingInterface`.
    NoMatchingInterface,
    /// Available, reason `NothingToBond`, with the message.
    NothingToBond(String),
    /// Failing, reason `NameConflict`, with the message.
    NameConflict(String),
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apply { shown, note, .. } => write!(f, "Apply({shown}, {note:?})"),
            Self::Empty => f.write_str("Empty"),
            Self::NoMatchingInterface => f.write_str("NoMatchingInterface"),
            Self::NothingToBond(message) => f.debug_tuple("NothingToBond").field(message).finish(),
            Self::NameConflict(message) => f.debug_tuple("NameConflict").field(message).finish(),
        }
    }
}

/// Why a policy cannot be rendered.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RenderError {
    /// A capture or a template; its cause says whether to wait.
    #[error("{0}")]
    Policy(PolicyError),
    /// The policy, or the rendered document, is malformed.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Malformed(Vec<Problem>),
}

impl From<PolicyError> for RenderError {
    fn from(error: PolicyError) -> Self {
        Self::Policy(error)
    }
}

/// Renders a policy for one node.
///
/// # Errors
/// A capture or a template that cannot be evaluated, or a malformed policy.
pub fn render(request: &Request<'_>) -> Result<Rendered, RenderError> {
    let spec = |key: &str| request.spec.get(key).filter(|value| !value.is_null());
    let desired = given(spec("desiredState"));
    let bond = spec("autoConfig")
        .map(BondSettings::parse)
        .transpose()
        .map_err(RenderError::Malformed)?;
    let rules = match spec("match") {
        Some(value) => Some(
            Rules::parse(value.get("interfaces").unwrap_or(&Value::Null)).map_err(RenderError::Malformed)?,
        ),
        None => None,
    };
    let (selection, held) = match &rules {
        Some(rules) => match_interfaces(request, rules, &desired, bond.as_ref()),
        None => (
            Selection::default(),
            Held {
                kept: Vec::new(),
                released: request.kept.matched.clone(),
            },
        ),
    };
    let mut rendered = Rendered {
        outcome: Outcome::Empty,
        kept: Kept {
            matched: held.kept,
            bonds: request.kept.bonds.clone(),
            captures: States::new(),
        },
        released: held.released,
        settles: selection.settling.values().min().copied(),
    };
    if rules.is_some() && rendered.kept.matched.is_empty() && rendered.kept.bonds.is_empty() {
        rendered.outcome = Outcome::NoMatchingInterface;
        return Ok(rendered);
    }
    if is_empty(&desired) && bond.is_none() {
        return Ok(rendered);
    }
    let captures = captures(request, rules.is_some(), &rendered.kept.matched)?;
    let job = Job {
        request,
        desired,
        bond,
        rules: rules.as_ref(),
        selection: &selection,
        captures: &captures,
    };
    rendered.outcome = job.run(&mut rendered.kept)?;
    rendered.kept.captures = shown_captures(&captures);
    Ok(rendered)
}

fn match_interfaces(
    request: &Request<'_>,
    rules: &Rules,
    desired: &Value,
    bond: Option<&BondSettings>,
) -> (Selection, Held) {
    let candidates = Candidates {
        state: request.state,
        links: request.links,
        created: &own_making(desired, request.state, &request.kept.bonds),
        now: request.now,
        settle_seconds: request.settle_seconds,
    };
    let mut selection = select(rules, &candidates);
    if bond.is_none() {
        // Where no template is meant for the interface's type, it does not match after all.
        let names: Vec<String> = selection.matched.keys().cloned().collect();
        let meant: BTreeSet<&str> = wanted(desired, request.state, names.iter().map(String::as_str))
            .into_iter()
            .collect();
        selection.matched.retain(|name, _| meant.contains(name.as_str()));
    }
    let held = hold(&request.kept.matched, &selection, request.again, request.now);
    (selection, held)
}

/// Interfaces the policy makes itself: those it names that are no hardware, and its bonds.
fn own_making(desired: &Value, state: &Value, bonds: &[Bond]) -> BTreeSet<String> {
    let made = interfaces(desired).iter().filter_map(|entry| {
        let name = text(entry, "name")?;
        let kind =
            text(entry, "type").or_else(|| interface(state, name).and_then(|entry| text(entry, "type")));
        (!matches!(kind, Some("ethernet" | "infiniband") | None)).then(|| name.to_owned())
    });
    let mut found: BTreeSet<String> = made.collect();
    let bonds: BTreeSet<&str> = bonds.iter().map(|bond| bond.name.as_str()).collect();
    found.extend(bonds.iter().map(|name| (*name).to_owned()));
    // VLANs upon our bonds.
    let upon = interfaces(state).iter().filter(|entry| {
        at(entry, &["vlan", "base-iface"])
            .and_then(Value::as_str)
            .is_some_and(|base| bonds.contains(base))
    });
    found.extend(upon.filter_map(|entry| text(entry, "name")).map(str::to_owned));
    found
}

fn captures(
    request: &Request<'_>,
    matches: bool,
    matched: &[MatchedInterface],
) -> Result<States, RenderError> {
    let texts = request
        .spec
        .get("capture")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    let texts = texts.map(|(name, text)| (name.as_str(), text.as_str().unwrap_or_default()));
    let captures = Captures::parse(texts).map_err(|errors| {
        let problem = |(name, error): (String, PolicyError)| {
            Problem::new(format!("spec.capture.{name}"), error.to_string())
        };
        RenderError::Malformed(errors.into_iter().map(problem).collect())
    })?;
    let mut built_in = States::new();
    if matches {
        let list: Vec<Value> = matched
            .iter()
            .filter_map(|held| interface(request.state, &held.name))
            .cloned()
            .collect();
        built_in.insert(MATCHED.to_owned(), json!({ "interfaces": list }));
    }
    Ok(captures.results(&request.kept.captures, request.state, built_in)?)
}

/// As `status.capturedStates` has them: what we can make again is not kept, and secrets are not shown.
fn shown_captures(captures: &States) -> States {
    let kept = captures.iter().filter(|(name, _)| name.as_str() != MATCHED);
    kept.map(|(name, state)| (name.clone(), super::masked(state)))
        .collect()
}

/// One rendering, after matching.
struct Job<'r, 'a> {
    request: &'r Request<'a>,
    desired: Value,
    bond: Option<BondSettings>,
    rules: Option<&'r Rules>,
    selection: &'r Selection,
    captures: &'r States,
}

impl Job<'_, '_> {
    fn run(&self, kept: &mut Kept) -> Result<Outcome, RenderError> {
        let open = self.document(self.sources(&self.request.secrets), kept)?;
        // A second time with the mask for every secret: it may have been put where no secret is expected.
        let hidden = self.request.secrets.keys().map(|name| (*name, MASK)).collect();
        let shown = self.document(self.sources(&hidden), kept)?;
        let (document, bonds, note) = match open {
            bonding::Outcome::Nothing(message) => return Ok(Outcome::NothingToBond(message)),
            bonding::Outcome::NameConflict(message) => return Ok(Outcome::NameConflict(message)),
            bonding::Outcome::Bonds {
                document,
                bonds,
                note,
            } => (self.finish(document), bonds, note),
        };
        let bonding::Outcome::Bonds { document: shown, .. } = shown else {
            return Ok(Outcome::Empty);
        };
        let mut shown = self.finish(shown);
        mask(&mut shown);
        // A complaint may quote a value: rather the one about what is shown.
        schema::check(&document)
            .map_err(|problems| RenderError::Malformed(schema::check(&shown).err().unwrap_or(problems)))?;
        kept.bonds = bonds;
        Ok(Outcome::Apply {
            document,
            shown,
            note,
        })
    }

    fn sources<'s>(&'s self, secrets: &BTreeMap<&'s str, &'s str>) -> Sources<'s> {
        Sources {
            captures: Some(self.captures),
            interface: None,
            node: self.request.node,
            secrets: secrets.clone(),
            addresses: self.request.addresses.clone(),
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "made for this one call")]
    fn document(&self, sources: Sources<'_>, kept: &Kept) -> Result<bonding::Outcome, PolicyError> {
        if let Some(settings) = &self.bond {
            let ids = self.rules.and_then(Rules::vlan_ids);
            let input = bonding::Input {
                settings,
                ids: ids.as_ref(),
                ports: &self.ports(&kept.matched),
                before: &self.request.kept.bonds,
                desired: &self.desired,
                state: self.request.state,
            };
            return bonding::plan(&input, &sources);
        }
        let neighbour = |name: &str| {
            self.selection
                .matched
                .get(name)
                .and_then(|found| found.neighbour.clone())
        };
        let matched = kept.matched.iter().map(|held| {
            let heard = neighbour(&held.name).or_else(|| self.neighbours(&held.name).into_iter().next());
            (held.name.clone(), heard)
        });
        let document = expand(&self.desired, self.request.state, &matched.collect(), &sources)?;
        Ok(bonding::Outcome::Bonds {
            document,
            bonds: Vec::new(),
            note: String::new(),
        })
    }

    fn finish(&self, document: Value) -> Value {
        let mut document = complete(document, self.request.defaults);
        if let Some(ours) = self.request.merge {
            merge_addresses(&mut document, self.request.state, ours);
        }
        document
    }

    fn neighbours(&self, name: &str) -> Vec<Neighbour> {
        let own = self
            .request
            .links
            .get(name)
            .and_then(|link| link.neighbours.clone());
        own.unwrap_or_else(|| {
            interface(self.request.state, name)
                .map(Neighbour::all)
                .unwrap_or_default()
        })
    }

    /// The held interfaces that may be bonded.
    fn ports(&self, held: &[MatchedInterface]) -> Vec<Port> {
        let is_ethernet = |name: &str| {
            interface(self.request.state, name).and_then(|entry| text(entry, "type")) == Some("ethernet")
        };
        held.iter()
            .filter(|held| is_ethernet(&held.name))
            .map(|held| self.port(&held.name))
            .collect()
    }

    fn port(&self, name: &str) -> Port {
        let mut heard = BTreeMap::new();
        for neighbour in self.neighbours(name) {
            for (id, vlan) in neighbour.announced() {
                let said = Heard {
                    vlan: vlan.to_owned(),
                    system: neighbour.system_name.clone(),
                };
                heard.entry(id).or_insert(said);
            }
        }
        Port {
            name: name.to_owned(),
            heard,
            controller: controller_of(self.request.state, name).map(str::to_owned),
            busy: self.request.busy.get(name).cloned(),
            carries: self.request.carried.get(name).copied(),
        }
    }
}

/// Whether a spec has entries that are rendered per matched interface.
#[must_use]
pub fn has_templates(spec: &Value) -> bool {
    spec.get("desiredState")
        .is_some_and(|desired| interfaces(desired).iter().any(is_template))
}
