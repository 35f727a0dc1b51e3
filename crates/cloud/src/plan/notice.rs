//! What people are told: reasons of events are API, so they live in one list.

use std::fmt;

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// For the record.
    Normal,
    /// Somebody may have to act.
    Warning,
}

/// The reason of an event on a Node; `Display` is its text. The first three are those of the replaced controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The Node was initialised.
    Synced,
    /// The Node is being deleted, because its machine is gone.
    DeletingNode,
    /// The deletion failed.
    DeletingNodeFailed,
    /// The machine is gone, but too many Nodes were deleted lately.
    DeletionRateLimited,
    /// The machine seems gone, but what is known is not enough to delete its Node.
    DeletionHeld,
    /// The annotation with kubelet's addresses cannot be used.
    InvalidProvidedNodeIp,
    /// No machine is this Node.
    InstanceNotFound,
    /// The machine's host does not answer.
    HostInaccessible,
    /// The provider ID names a region that is not configured.
    RegionUnknown,
    /// A region did not answer, so nothing can be said.
    RegionUnavailable,
    /// Several machines have this Node's UUID.
    AmbiguousUuid,
    /// The machine with this Node's UUID has another name.
    VmNameMismatch,
    /// The guest could not be asked for its addresses.
    GuestAddressesUnavailable,
    /// The rules leave no internal address.
    NoInternalIp,
    /// The machine's SKU cannot be a label value.
    InvalidSku,
    /// The zone is to be an HA group, but the host is in none.
    NoHaGroup,
}

impl Reason {
    /// Every reason, for the test that fixes their texts.
    pub const ALL: [Self; 16] = [
        Self::Synced,
        Self::DeletingNode,
        Self::DeletingNodeFailed,
        Self::DeletionRateLimited,
        Self::DeletionHeld,
        Self::InvalidProvidedNodeIp,
        Self::InstanceNotFound,
        Self::HostInaccessible,
        Self::RegionUnknown,
        Self::RegionUnavailable,
        Self::AmbiguousUuid,
        Self::VmNameMismatch,
        Self::GuestAddressesUnavailable,
        Self::NoInternalIp,
        Self::InvalidSku,
        Self::NoHaGroup,
    ];

    /// The CamelCase text of the event.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Synced => "Synced",
            Self::DeletingNode => "DeletingNode",
            Self::DeletingNodeFailed => "DeletingNodeFailed",
            Self::DeletionRateLimited => "DeletionRateLimited",
            Self::DeletionHeld => "DeletionHeld",
            Self::InvalidProvidedNodeIp => "InvalidProvidedNodeIP",
            Self::InstanceNotFound => "InstanceNotFound",
            Self::HostInaccessible => "HostInaccessible",
            Self::RegionUnknown => "RegionUnknown",
            Self::RegionUnavailable => "RegionUnavailable",
            Self::AmbiguousUuid => "AmbiguousUUID",
            Self::VmNameMismatch => "VMNameMismatch",
            Self::GuestAddressesUnavailable => "GuestAddressesUnavailable",
            Self::NoInternalIp => "NoInternalIP",
            Self::InvalidSku => "InvalidSKU",
            Self::NoHaGroup => "NoHAGroup",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An event to record on a Node. The recorder leaves out repetitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Normal or Warning.
    pub severity: Severity,
    /// Why.
    pub reason: Reason,
    /// One sentence: what was found, and what to do.
    pub text: String,
}

impl Notice {
    /// A Warning event.
    #[must_use]
    pub fn warning(reason: Reason, text: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            reason,
            text: text.into(),
        }
    }

    /// A Normal event.
    #[must_use]
    pub fn normal(reason: Reason, text: impl Into<String>) -> Self {
        Self {
            severity: Severity::Normal,
            reason,
            text: text.into(),
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}: {}", self.severity, self.reason, self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Alerts are written against these texts: a change here is a change for users.
    #[test]
    fn reasons_are_api() {
        let all: Vec<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(
            all.join(" "),
            "Synced DeletingNode DeletingNodeFailed DeletionRateLimited DeletionHeld InvalidProvidedNodeIP \
             InstanceNotFound HostInaccessible RegionUnknown RegionUnavailable AmbiguousUUID VMNameMismatch \
             GuestAddressesUnavailable NoInternalIP InvalidSKU NoHAGroup"
        );
    }
}
