//! Which machine is this Node? (§3.2, §10)
//!
//! [`resolve`] never asks anybody: where a configuration is missing it says which to read ([`Step::Read`]), and is called
//! again when that is done. So only those are read that can matter: usually one.

mod rank;
mod search;

use runtime::answer::Answer;
use runtime::clock::BootTime;

use super::facts::{
    Machine, MachineId, MachineKind, MachineStatus, NodeFacts, ReadConfig, Region, RegionView, SystemUuid,
};
use super::provider_id::ProviderId;
use super::settings::MatchName;
use super::verdict::Verdict;
use crate::names;

pub use rank::accepts;

/// What is known of the configurations that were read: `None` for one that was not asked for yet.
pub type Configs<'a> = &'a dyn Fn(&MachineId) -> Option<Answer<ReadConfig>>;

/// All regions, and what was read of their machines.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Every configured region.
    pub regions: &'a [RegionView],
    /// Configurations read so far.
    pub configs: Configs<'a>,
}

impl View<'_> {
    /// The region of this name, if it is configured.
    #[must_use]
    pub fn region(&self, name: &str) -> Option<&RegionView> {
        self.regions.iter().find(|view| view.region.as_str() == name)
    }
}

/// A machine and its configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The entry of its region's list.
    pub machine: Machine,
    /// Its configuration.
    pub config: ReadConfig,
}

impl Found {
    /// The machine's UUID. A machine is only ever found by it.
    #[must_use]
    pub fn uuid(&self) -> Option<&SystemUuid> {
        self.config.config.uuid.as_ref()
    }
}

/// Why no machine is the Node, although everybody was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The region's list has no such number.
    NotListed(MachineId),
    /// The number belongs to a container.
    Container(MachineId),
    /// The number belongs to a template.
    Template(MachineId),
    /// The machine of that number has another UUID.
    UuidDiffers {
        /// Which machine.
        id: MachineId,
        /// Its UUID.
        theirs: SystemUuid,
        /// When its configuration was read.
        read: BootTime,
    },
    /// The machine has a name that does not fit. A reason only with `deletion: upstream`.
    OtherName(MachineId),
    /// The machine of that number has no UUID at all.
    MachineWithoutUuid(MachineId),
    /// The Node reports no UUID, so nothing can be its machine.
    NodeWithoutUuid,
    /// No machine of any region has the Node's UUID.
    NoSuchUuid {
        /// The Node's.
        uuid: SystemUuid,
        /// The earliest time at which the configuration of a machine that does not run was read; [`BootTime::MAX`] when
        /// all run. It can be given another UUID without anything in a list that hints at it.
        read: BootTime,
    },
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotListed(id) => write!(f, "region {} lists no machine {}", id.region, id.vmid),
            Self::Container(id) => write!(f, "{id} is a container, which cannot be a Node"),
            Self::Template(id) => write!(f, "{id} is a template"),
            Self::UuidDiffers { id, theirs, .. } => write!(f, "machine {id} has another UUID, {theirs}"),
            Self::OtherName(id) => write!(f, "machine {id} has a name that does not fit"),
            Self::MachineWithoutUuid(id) => write!(f, "machine {id} has no UUID in smbios1"),
            Self::NodeWithoutUuid => write!(f, "the Node reports no systemUUID"),
            Self::NoSuchUuid { uuid, .. } => write!(f, "no machine of any region has UUID {uuid}"),
        }
    }
}

/// Which machine a Node is.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolution {
    /// The Node belongs to another cloud.
    Foreign,
    /// This one, verified by UUID and name.
    Found(Found),
    /// This one by UUID, but its name does not fit; a warning, never a reason to delete.
    NameMismatch(Found),
    /// None. Every region was heard.
    NotFound(Missing),
    /// Perhaps this one, but its host does not answer.
    Inaccessible(MachineId),
    /// The provider ID names a region that is not configured.
    RegionUnknown(String),
    /// Several machines have the Node's UUID, and nothing tells which is meant.
    Ambiguous(Vec<MachineId>),
    /// Nobody can say at the moment, and why.
    Unknown(String),
}

/// How far a resolution is.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub enum Step {
    /// Read these configurations, then ask again. Never empty.
    Read(Vec<MachineId>),
    /// This is it.
    Done(Box<Resolution>),
}

impl Step {
    fn done(resolution: Resolution) -> Self {
        Self::Done(Box::new(resolution))
    }
}

/// Finds the machine of a Node, or says what to read first. Verdicts are added to `trail`.
pub fn resolve(node: &NodeFacts, match_name: MatchName, view: View<'_>, trail: &mut Vec<Verdict>) -> Step {
    let question = Question {
        node,
        match_name,
        view,
    };
    match ProviderId::parse(&node.provider_id) {
        ProviderId::Foreign => Step::done(Resolution::Foreign),
        ProviderId::Machine { region, vmid } => {
            let step = question.direct(region, vmid);
            note(trail, "identity: provider ID", &node.provider_id, &step);
            step
        }
        ProviderId::Empty | ProviderId::Unresolved => question.by_annotation(trail).unwrap_or_else(|| {
            let step = question.search();
            let uuid = node.system_uuid.as_ref().map_or("(none)", SystemUuid::as_str);
            note(
                trail,
                "identity: name and UUID",
                format_args!("{} {uuid}", node.name),
                &step,
            );
            step
        }),
    }
}

/// How a Node's machine was looked for where nothing named it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Searched {
    /// Among machines with a name like the Node's (step 3 of §3.2).
    pub by_name: bool,
    /// Among all others, too (step 4).
    pub by_uuid: bool,
}

/// How a resolution came about, for the metrics (§11).
#[must_use]
pub fn searched(node: &NodeFacts, match_name: MatchName, resolution: &Resolution) -> Searched {
    match ProviderId::parse(&node.provider_id) {
        ProviderId::Foreign | ProviderId::Machine { .. } => return Searched::default(),
        ProviderId::Empty | ProviderId::Unresolved => {}
    }
    let (is_named, is_likely) = match resolution {
        Resolution::Found(found) | Resolution::NameMismatch(found) => {
            let named = node.instance_id.as_deref().map(str::trim);
            let name = found.machine.name.as_deref();
            (
                named == Some(&*found.machine.id.vmid.to_string()),
                !rank::rank(match_name, &node.name, name).is_other(),
            )
        }
        _ => (false, false),
    };
    Searched {
        by_name: !is_named,
        by_uuid: !is_named && !is_likely,
    }
}

fn note(trail: &mut Vec<Verdict>, rule: &'static str, input: impl std::fmt::Display, step: &Step) {
    if let Step::Done(resolution) = step {
        trail.push(Verdict::new(rule, input, resolution));
    }
}

/// One Node's question.
#[derive(Clone, Copy)]
struct Question<'a> {
    node: &'a NodeFacts,
    match_name: MatchName,
    view: View<'a>,
}

impl Question<'_> {
    /// Step 2 of §3.2: the annotation, as far as it leads somewhere. A wrong number falls through to the search.
    fn by_annotation(&self, trail: &mut Vec<Verdict>) -> Option<Step> {
        let text = self.node.instance_id.as_deref()?;
        let vmid = text.trim().parse::<u64>().ok().filter(|vmid| *vmid != 0)?;
        let label = |key| self.node.label(key).filter(|value| !value.is_empty());
        let region = label(names::PROXMOX_REGION).or_else(|| label(names::REGION))?;
        self.view.region(region)?;
        let step = self.direct(region, vmid);
        note(
            trail,
            "identity: annotation",
            format_args!("{region}/{text}"),
            &step,
        );
        match &step {
            Step::Done(resolution) if matches!(**resolution, Resolution::NotFound(_)) => None,
            Step::Done(_) | Step::Read(_) => Some(step),
        }
    }

    /// Looks at the one machine that was named, and verifies it (step 5).
    fn direct(&self, region: &str, vmid: u64) -> Step {
        let Some(view) = self.view.region(region) else {
            return Step::done(Resolution::RegionUnknown(region.to_owned()));
        };
        let list = match &view.list {
            Answer::Known(list) => list,
            Answer::Absent => return Step::done(silent(&view.region, "it gave no list of machines")),
            Answer::Unknown(why) => return Step::done(silent(&view.region, why)),
        };
        let id = MachineId::new(&view.region, vmid);
        let missing = |missing| Step::done(Resolution::NotFound(missing));
        match list.get(vmid) {
            None => missing(Missing::NotListed(id)),
            Some(machine) if machine.kind == MachineKind::Lxc => missing(Missing::Container(id)),
            Some(machine) if machine.status == MachineStatus::Unknown => {
                Step::done(Resolution::Inaccessible(id))
            }
            Some(machine) => {
                let step = match machine.kind {
                    MachineKind::Template => missing(Missing::Template(id)),
                    MachineKind::Qemu | MachineKind::Lxc => self.verify(machine),
                };
                unless_in_transit(machine, step)
            }
        }
    }

    fn verify(&self, machine: &Machine) -> Step {
        let id = &machine.id;
        let missing = |missing| Step::done(Resolution::NotFound(missing));
        let Some(ours) = &self.node.system_uuid else {
            return missing(Missing::NodeWithoutUuid);
        };
        let config = match (self.view.configs)(id) {
            None => return Step::Read(vec![id.clone()]),
            Some(Answer::Known(config)) => config,
            Some(answer) => return Step::done(Resolution::Unknown(unread(machine, &answer))),
        };
        match &config.config.uuid {
            None => missing(Missing::MachineWithoutUuid(id.clone())),
            Some(theirs) if theirs != ours => missing(Missing::UuidDiffers {
                id: id.clone(),
                theirs: theirs.clone(),
                read: config.read,
            }),
            Some(_) => Step::done(self.named(Found {
                machine: machine.clone(),
                config,
            })),
        }
    }

    /// The machine is certain; its name decides whether it is accepted.
    fn named(&self, found: Found) -> Resolution {
        if accepts(self.match_name, &self.node.name, found.machine.name.as_deref()) {
            Resolution::Found(found)
        } else {
            Resolution::NameMismatch(found)
        }
    }
}

/// Nothing bad is believed of a machine that is between hosts (appendix A.5).
fn unless_in_transit(machine: &Machine, step: Step) -> Step {
    let Some(state) = machine.in_transit() else {
        return step;
    };
    match &step {
        Step::Done(resolution) if matches!(**resolution, Resolution::NotFound(_)) => Step::done(
            Resolution::Unknown(format!("machine {} is in HA state {state}", machine.id)),
        ),
        Step::Done(_) | Step::Read(_) => step,
    }
}

fn silent(region: &Region, why: &str) -> Resolution {
    Resolution::Unknown(format!("region {region} did not answer: {why}"))
}

/// Why a configuration is not known. "Absent" is no proof: a machine on the move has none for a moment (appendix A.4).
fn unread(machine: &Machine, answer: &Answer<ReadConfig>) -> String {
    let (id, host) = (&machine.id, &machine.host);
    match answer {
        Answer::Unknown(why) => format!("the configuration of {id} could not be read: {why}"),
        Answer::Absent | Answer::Known(_) => {
            format!("the configuration of {id} is not on host {host} (any longer)")
        }
    }
}

impl std::fmt::Display for Resolution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Foreign => write!(f, "belongs to another cloud"),
            Self::Found(found) => write!(f, "machine {} on {}", found.machine.id, found.machine.host),
            Self::NameMismatch(found) => {
                let name = found.machine.name.as_deref().unwrap_or("(no name)");
                write!(f, "machine {} by UUID, but its name is {name}", found.machine.id)
            }
            Self::NotFound(missing) => write!(f, "not found: {missing}"),
            Self::Inaccessible(id) => write!(f, "the host of machine {id} does not answer"),
            Self::RegionUnknown(region) => write!(f, "region \"{region}\" is not configured"),
            Self::Ambiguous(ids) => {
                let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
                write!(f, "several machines have its UUID: {}", ids.join(", "))
            }
            Self::Unknown(why) => write!(f, "unknown: {why}"),
        }
    }
}
