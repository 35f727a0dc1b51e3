//! A Node whose machine is not known: it stays as it is, and people are told why.

use super::{Decision, NodeMemory, Retry, Write};
use crate::plan::facts::NodeFacts;
use crate::plan::identity::{Found, Resolution};
use crate::plan::notice::{Notice, Reason};

pub(super) fn decide(node: &NodeFacts, resolution: &Resolution, memory: &mut NodeMemory) -> Decision {
    let mut decision = Decision::new(Write::Nothing);
    if node.is_tainted() {
        decision.retry = Retry::After(memory.backoff.failed(node));
        decision.notices.extend(notice(node, resolution));
    } else if !matches!(resolution, Resolution::Unknown(_) | Resolution::Inaccessible(_)) {
        // A region or host that is down is told once, by its metrics, and not on each of its Nodes.
        decision.notices.extend(notice(node, resolution));
    }
    decision
}

/// What a person is told about a Node whose machine is not known.
pub(in crate::plan) fn notice(node: &NodeFacts, resolution: &Resolution) -> Option<Notice> {
    let (reason, text) = match resolution {
        Resolution::Foreign | Resolution::Found(_) => return None,
        Resolution::NameMismatch(found) => (Reason::VmNameMismatch, name_mismatch(node, found)),
        Resolution::NotFound(missing) => (
            Reason::InstanceNotFound,
            format!(
                "no machine is this Node: {missing}; check spec.providerID, the machine's UUID and VM.Audit"
            ),
        ),
        Resolution::Inaccessible(id) => (
            Reason::HostInaccessible,
            format!("the host of machine {id} does not answer, so it cannot be told whether it is this Node"),
        ),
        Resolution::RegionUnknown(region) => (
            Reason::RegionUnknown,
            format!("spec.providerID names region \"{region}\", which is not configured; add it to clusters"),
        ),
        Resolution::Ambiguous(_) => (
            Reason::AmbiguousUuid,
            format!("{resolution}; give each its own UUID in smbios1, or stop the clone"),
        ),
        Resolution::Unknown(why) => (
            Reason::RegionUnavailable,
            format!("nothing can be said of the machine: {why}"),
        ),
    };
    Some(Notice::warning(reason, text))
}

fn name_mismatch(node: &NodeFacts, found: &Found) -> String {
    let name = found.machine.name.as_deref().unwrap_or("(no name)");
    format!(
        "machine {} has this Node's UUID but is named {name}, and the Node {}; rename one of them, or set \
         features.match_name: off so that the UUID decides alone",
        found.machine.id, node.name
    )
}
