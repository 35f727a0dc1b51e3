use std::fmt;

use super::{Mac, Machine, MachineStatus};

/// One network interface as the guest agent reports it (appendix A.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestInterface {
    /// Its name inside the guest; Windows names contain blanks.
    pub name: Box<str>,
    /// Its hardware address; tunnels have none.
    pub mac: Option<Mac>,
    /// Address texts in the order reported, not yet looked at: one bad text never spoils the others.
    pub addresses: Vec<String>,
}

/// What came back from asking a guest for its interfaces.
///
/// There is no "absent": a guest that answers has a list, even an empty one. Everything else is unavailable, and never
/// takes an address from a Node (§5.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GuestAnswer {
    /// The guest answered with a list, in the order reported.
    Known(Vec<GuestInterface>),
    /// Nobody knows.
    Unavailable(Unavailable),
}

impl GuestAnswer {
    /// The answer of a machine that cannot have one at the moment: a request would only occupy its host. `None` where one has
    /// to be sent.
    #[must_use]
    pub fn without_asking(machine: &Machine) -> Option<Self> {
        match (machine.status, machine.in_transit()) {
            (MachineStatus::Stopped, _) => Some(Self::unavailable(GuestReason::VmNotRunning, "")),
            (MachineStatus::Unknown, _) => {
                let detail = format!("host {} does not answer", machine.host);
                Some(Self::unavailable(GuestReason::HostUnknown, &detail))
            }
            (_, Some(state)) => {
                let detail = format!("the HA manager has it in state {state}");
                Some(Self::unavailable(GuestReason::InTransit, &detail))
            }
            (MachineStatus::Running | MachineStatus::Other, None) => None,
        }
    }

    /// An answer that never came, with the words of whoever refused.
    #[must_use]
    pub fn unavailable(reason: GuestReason, detail: &str) -> Self {
        Self::Unavailable(Unavailable {
            reason,
            detail: detail.into(),
        })
    }
}

/// Why a guest could not be asked, with the text of the refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// Which case it is.
    pub reason: GuestReason,
    /// The other side's own words, or empty; for events and logs, never for decisions.
    pub detail: Box<str>,
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.reason)?;
        if self.detail.is_empty() {
            Ok(())
        } else {
            write!(f, ": {}", self.detail)
        }
    }
}

/// Why a guest could not be asked. `Display` is the stable text of metric labels and events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GuestReason {
    /// The agent is configured but does not reply: absent, booting or suspended.
    AgentNotRunning,
    /// The agent option of the machine is off.
    AgentNotConfigured,
    /// The machine is stopped.
    VmNotRunning,
    /// The machine's list entry says that its host does not answer.
    HostUnknown,
    /// Our credentials lack the privilege.
    Forbidden,
    /// The guest's policy blocks the command.
    CommandDisabled,
    /// No answer in time, from the guest or from the API.
    Timeout,
    /// 595 to 599, connection refused or reset: the host or the region cannot be reached.
    HostUnreachable,
    /// The machine is no longer on that host, also after looking where it is now.
    Moved,
    /// The HA manager is moving or fencing it; nobody is asked meanwhile.
    InTransit,
    /// An answer that cannot be read, or that holds no list.
    Malformed,
    /// The host timed out several times and is left alone for a while.
    BreakerOpen,
    /// 401: the credentials are refused.
    Unauthorized,
    /// Any other refusal.
    Other,
}

impl GuestReason {
    /// Every reason, for tables of metrics and of documents.
    pub const ALL: [Self; 14] = [
        Self::AgentNotRunning,
        Self::AgentNotConfigured,
        Self::VmNotRunning,
        Self::HostUnknown,
        Self::Forbidden,
        Self::CommandDisabled,
        Self::Timeout,
        Self::HostUnreachable,
        Self::Moved,
        Self::InTransit,
        Self::Malformed,
        Self::BreakerOpen,
        Self::Unauthorized,
        Self::Other,
    ];

    /// The stable text: label value of `ccm_guest_unavailable_total`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AgentNotRunning => "AgentNotRunning",
            Self::AgentNotConfigured => "AgentNotConfigured",
            Self::VmNotRunning => "VmNotRunning",
            Self::HostUnknown => "HostUnknown",
            Self::Forbidden => "Forbidden",
            Self::CommandDisabled => "CommandDisabled",
            Self::Timeout => "Timeout",
            Self::HostUnreachable => "HostUnreachable",
            Self::Moved => "Moved",
            Self::InTransit => "InTransit",
            Self::Malformed => "Malformed",
            Self::BreakerOpen => "BreakerOpen",
            Self::Unauthorized => "Unauthorized",
            Self::Other => "Other",
        }
    }

    /// Only a person can change it, so asking often is of no use (§5.8).
    #[must_use]
    pub const fn is_lasting(self) -> bool {
        matches!(self, Self::AgentNotConfigured | Self::Forbidden)
    }
}

impl fmt::Display for GuestReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
