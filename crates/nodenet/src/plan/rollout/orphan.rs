//! Enactments that nobody will remove (spec §12).

use super::view::EnactmentView;
use crate::names::NODE_DESIRED_STATE;

/// Why an enactment has lost its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Orphan {
    /// Its policy is gone.
    NoPolicy,
    /// Its node is gone.
    NoNode,
}

/// Whether nobody owns the enactment any more, by what is known.
///
/// Whoever deletes it asks the server once more: the watches of different kinds are not in step, so that an enactment
/// may be seen a moment before its policy.
#[must_use]
pub fn orphan(enactment: &EnactmentView, policy_exists: bool, node_exists: bool) -> Option<Orphan> {
    if enactment.deleting || enactment.policy.is_empty() || enactment.node.is_empty() {
        return None;
    }
    if !node_exists {
        return Some(Orphan::NoNode);
    }
    // A node's own desired state is no policy; its enactment is the node's own business.
    (!policy_exists && enactment.policy != NODE_DESIRED_STATE).then_some(Orphan::NoPolicy)
}
