//! Why a request brought no answer, and what follows from it (A.4 to A.7).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use runtime::answer::Answer;

use crate::plan::facts::{GuestAnswer, GuestReason};

/// What kind of failure it was; the only thing decisions look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// No end point of the region could be reached, or none of them is ready (503).
    Unreachable,
    /// No complete answer in time.
    Timeout,
    /// The same through an end point that others found silent meanwhile: it may be to blame, and not the host.
    SuspectTimeout,
    /// 595 to 599: the end point could not reach the machine's host, or lost it.
    HostUnreachable,
    /// The host timed out several times and is left alone for a while; nothing was sent.
    Paused,
    /// 401, also when the log-in itself was refused.
    Unauthorized,
    /// 403.
    Forbidden,
    /// The machine has no configuration on that host: it moved or is gone.
    Moved,
    /// The cluster does not know that host.
    NoSuchHost,
    /// HA groups have become rules: PVE 9.
    GroupsAreRules,
    /// 501: there is no such method in this version.
    NoSuchMethod,
    /// The guest agent is off in the machine's options.
    AgentNotConfigured,
    /// The machine is stopped.
    VmNotRunning,
    /// The guest agent does not reply.
    AgentNotRunning,
    /// The guest agent replies, but the command took too long.
    GuestTimeout,
    /// The guest's policy blocks the command.
    CommandDisabled,
    /// An answer that cannot be read: truncated, too long, no JSON, or not what was asked for.
    Malformed,
    /// Any other refusal.
    Other,
}

/// A failed request: its kind, and what to tell a person. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) kind: Kind,
    /// The other side's own words, or ours where there was no answer.
    pub(super) text: Arc<str>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Texts of refusals with status 500 that mean something to us; the first one contained in the answer counts.
/// They stand in the reason phrase and in the body, and vary only in the parts left out here.
const KNOWN_TEXTS: [(&str, Kind); 10] = [
    ("ha groups have been migrated to rules", Kind::GroupsAreRules),
    ("No QEMU guest agent configured", Kind::AgentNotConfigured),
    ("QEMU guest agent is not running", Kind::AgentNotRunning),
    ("got timeout", Kind::GuestTimeout),
    (".conf' does not exist", Kind::Moved),
    ("hostname lookup", Kind::NoSuchHost),
    ("unable to get remote IP address", Kind::NoSuchHost),
    ("proxy loop detected", Kind::HostUnreachable),
    // After the agent's own "is not running": this one is about the machine, as in "VM 100 is not running".
    ("is not running", Kind::VmNotRunning),
    ("has been disabled", Kind::CommandDisabled),
];

impl Failure {
    pub(super) fn new(kind: Kind, text: impl AsRef<str>) -> Self {
        Self {
            kind,
            text: text.as_ref().into(),
        }
    }

    /// No complete answer within `limit`.
    pub(super) fn timeout(limit: Duration) -> Self {
        Self::new(Kind::Timeout, format!("no complete answer within {limit:?}"))
    }

    /// What an answer with a status other than 200 means.
    pub(super) fn refused(status: u16, text: &str) -> Self {
        let shown = if text.is_empty() {
            status.to_string()
        } else {
            format!("{status} {text}")
        };
        Self::new(classify(status, text), shown)
    }

    /// Whether the machine's host is to blame, so that asking it again soon is of no use.
    pub(super) fn blames_host(&self) -> bool {
        matches!(self.kind, Kind::Timeout | Kind::HostUnreachable)
    }

    /// Whether a newer list of machines may name another host.
    pub(super) fn may_have_moved(&self) -> bool {
        matches!(self.kind, Kind::Moved | Kind::NoSuchHost)
    }

    /// As an answer about something other than a guest: always unknown.
    pub(super) fn unknown<T>(&self) -> Answer<T> {
        Answer::Unknown(self.text.to_string())
    }

    /// As the answer of a guest that could not be asked.
    pub(super) fn guest(&self) -> GuestAnswer {
        GuestAnswer::unavailable(self.guest_reason(), &self.text)
    }

    fn guest_reason(&self) -> GuestReason {
        match self.kind {
            Kind::Unreachable | Kind::HostUnreachable | Kind::NoSuchHost => GuestReason::HostUnreachable,
            Kind::Timeout | Kind::SuspectTimeout | Kind::GuestTimeout => GuestReason::Timeout,
            Kind::Paused => GuestReason::BreakerOpen,
            Kind::Unauthorized => GuestReason::Unauthorized,
            Kind::Forbidden => GuestReason::Forbidden,
            Kind::Moved => GuestReason::Moved,
            Kind::AgentNotConfigured => GuestReason::AgentNotConfigured,
            Kind::VmNotRunning => GuestReason::VmNotRunning,
            Kind::AgentNotRunning => GuestReason::AgentNotRunning,
            Kind::CommandDisabled => GuestReason::CommandDisabled,
            Kind::Malformed => GuestReason::Malformed,
            Kind::GroupsAreRules | Kind::NoSuchMethod | Kind::Other => GuestReason::Other,
        }
    }
}

fn classify(status: u16, text: &str) -> Kind {
    match status {
        401 => Kind::Unauthorized,
        403 => Kind::Forbidden,
        404 => Kind::Moved,
        501 => Kind::NoSuchMethod,
        502..=504 => Kind::Unreachable,
        595..=599 => Kind::HostUnreachable,
        500 => KNOWN_TEXTS
            .iter()
            .find(|(known, _)| text.contains(known))
            .map_or(Kind::Other, |(_, kind)| *kind),
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_refusal_has_its_kind() {
        let cases = [
            (401, "No ticket", Kind::Unauthorized),
            (401, "Authentication failed!", Kind::Unauthorized),
            (
                403,
                "Permission check failed (/vms/100, VM.Audit)",
                Kind::Forbidden,
            ),
            (
                403,
                "Permission check failed (/vms/100, VM.GuestAgent.Audit|VM.GuestAgent.Unrestricted)",
                Kind::Forbidden,
            ),
            (404, "Not Found", Kind::Moved),
            (
                500,
                "Configuration file 'nodes/pve-1/qemu-server/100.conf' does not exist",
                Kind::Moved,
            ),
            (
                500,
                "hostname lookup 'pve-x' failed - failed to get address info",
                Kind::NoSuchHost,
            ),
            (
                500,
                "unable to get remote IP address of node 'pve-x'",
                Kind::NoSuchHost,
            ),
            (
                500,
                "cannot index groups: ha groups have been migrated to rules",
                Kind::GroupsAreRules,
            ),
            (500, "No QEMU guest agent configured", Kind::AgentNotConfigured),
            (500, "VM 100 is not running", Kind::VmNotRunning),
            (500, "QEMU guest agent is not running", Kind::AgentNotRunning),
            (
                500,
                "VM 100 qga command 'guest-network-get-interfaces' failed - got timeout",
                Kind::GuestTimeout,
            ),
            (
                500,
                "VM 100 qmp command 'guest-network-get-interfaces' failed - got timeout",
                Kind::GuestTimeout,
            ),
            (500, "proxy loop detected", Kind::HostUnreachable),
            (500, "something new", Kind::Other),
            (
                501,
                "Method 'GET /cluster/ha/rules' not implemented",
                Kind::NoSuchMethod,
            ),
            (503, "Service Unavailable", Kind::Unreachable),
            (595, "No route to host", Kind::HostUnreachable),
            (595, "Connection timed out", Kind::HostUnreachable),
            (596, "Broken pipe", Kind::HostUnreachable),
            (599, "", Kind::HostUnreachable),
            (400, "Parameter verification failed.", Kind::Other),
        ];
        for (status, text, kind) in cases {
            assert_eq!(Failure::refused(status, text).kind, kind, "{status} {text}");
        }
    }

    #[test]
    fn the_text_shows_the_status_and_the_words() {
        assert_eq!(
            Failure::refused(595, "No route to host").to_string(),
            "595 No route to host"
        );
        assert_eq!(Failure::refused(599, "").to_string(), "599");
        assert_eq!(
            Failure::refused(403, "no").unknown::<u8>(),
            Answer::Unknown("403 no".into())
        );
    }

    #[test]
    fn a_stopped_machine_and_a_silent_agent_are_not_the_hosts_fault() {
        for text in [
            "VM 100 is not running",
            "QEMU guest agent is not running",
            "… failed - got timeout",
        ] {
            assert!(!Failure::refused(500, text).blames_host(), "{text}");
        }
        assert!(Failure::refused(596, "Connection timed out").blames_host());
        assert!(Failure::timeout(Duration::from_secs(10)).blames_host());
    }
}
