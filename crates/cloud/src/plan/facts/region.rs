use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use runtime::answer::Answer;

use super::MachineList;

/// Name of a region: one configured cluster of hosts.
///
/// It becomes a label value and part of provider IDs, so it is 1 to 63 characters, letters and digits with `_`, `.` and
/// `-` in between (§2). Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region(Arc<str>);

/// A text that is no region name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "region \"{value}\" cannot be a label value; use 1 to 63 letters, digits, `-`, `_` and `.`, \
     with a letter or digit at both ends"
)]
pub struct RegionError {
    /// The refused text.
    pub value: String,
}

impl Region {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Region {
    type Err = RegionError;

    fn from_str(text: &str) -> Result<Self, RegionError> {
        if is_label_value(text) {
            Ok(Self(text.into()))
        } else {
            Err(RegionError {
                value: text.to_owned(),
            })
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether Kubernetes accepts the text as a label value that is not empty.
pub(in crate::plan) fn is_label_value(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && bytes.iter().all(|b| inner(*b))
        && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
}

/// An HA group (up to PVE 8) or an enabled node-affinity rule (from PVE 9): hosts that belong together (§9).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Affinity {
    /// Group name, or rule name without a leading `ha-group-`.
    pub name: Box<str>,
    /// Host names without their priorities, in the order reported.
    pub hosts: Vec<Box<str>>,
}

impl Affinity {
    /// Parses the `nodes` text of a group or rule: `pve-1:2,pve-2`.
    ///
    /// Never fails: empty parts are left out, and what follows a colon is a priority nobody here needs.
    #[must_use]
    pub fn new(name: &str, nodes: &str) -> Self {
        let host = |part: &'_ str| part.split(':').next().unwrap_or_default().trim().to_owned();
        let hosts = nodes
            .split(',')
            .map(host)
            .filter(|host| !host.is_empty())
            .map(Box::from);
        Self {
            name: name.into(),
            hosts: hosts.collect(),
        }
    }
}

/// What our credentials may do in a region, as far as a decision depends on it (§12.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one flag per privilege; there is no state in between"
)]
pub struct Permissions {
    /// `VM.Audit` on `/` or `/vms`: the list of machines is complete.
    pub vm_audit: bool,
    /// We had that once, and have it no more: machines that we may not see look like machines that are gone. Not set for an
    /// account that never had it there, and sees just the machines it is to see.
    pub vm_audit_lost: bool,
    /// `Sys.Audit` on `/`: HA and cluster status can be read.
    pub sys_audit: bool,
    /// `VM.GuestAgent.Audit` or `VM.GuestAgent.Unrestricted` on `/` or `/vms`: guests can be asked on PVE 9.
    pub guest_agent: bool,
    /// `VM.Monitor` on `/` or `/vms`: guests can be asked up to PVE 8.
    pub vm_monitor: bool,
}

/// Whether a region may decide about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quorum {
    /// The cluster is quorate, or a single host without a cluster.
    Quorate,
    /// The hosts that answer are a minority; what they say of machines on others is old.
    Lost,
}

/// What is known of one configured region at the moment of a decision.
///
/// Regions are independent: one that does not answer says nothing about another (§10).
#[derive(Clone, Debug)]
pub struct RegionView {
    /// Which one.
    pub region: Region,
    /// Its machines. [`Answer::Absent`] is never given; an empty region is an empty list.
    pub list: Answer<Arc<MachineList>>,
    /// What our credentials may do there, asked for after the list had arrived: what was true before says nothing about
    /// what is missing in it.
    pub permissions: Answer<Permissions>,
    /// Whether it may decide about itself, asked for after the list had arrived.
    pub quorum: Answer<Quorum>,
}

impl RegionView {
    /// A region that did not answer at all.
    #[must_use]
    pub fn silent(region: Region, why: &str) -> Self {
        let why = || why.to_owned();
        Self {
            region,
            list: Answer::Unknown(why()),
            permissions: Answer::Unknown(why()),
            quorum: Answer::Unknown(why()),
        }
    }
}
