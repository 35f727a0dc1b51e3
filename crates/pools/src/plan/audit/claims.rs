//! Claims without an address, and claims that do not go away.

use std::collections::BTreeMap;

use api::capi::ReadyReason;
use jiff::SignedDuration;

use super::{Finding, FindingKind, Severity, pools::counted};
use crate::plan::{
    claim::{Confirmed, Next, Waits},
    explain::is_due,
    facts::ClaimFacts,
    name::PoolName,
    snapshot::{ObjectRef, Snapshot, is_bound},
};

/// A claim this young is being served; a controller needs milliseconds, a busy one seconds.
const PATIENCE: SignedDuration = SignedDuration::from_secs(10);

const RUN_A_CONTROLLER: &str = "see whether a controller runs and serves this namespace; `cadastre explain claim/NAME` shows its next step";

/// Claims with the same pool and the same trouble, kept together.
type Groups<'a> = BTreeMap<(&'a PoolName, FindingKind, Trouble), Vec<&'a ClaimFacts>>;

/// What keeps a claim.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Trouble {
    severity: Severity,
    why: String,
    remedy: &'static str,
}

pub(super) fn check(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    let mut groups = Groups::new();
    for claim in snapshot.index().claims() {
        let Some(next) = snapshot
            .index()
            .next(&claim.name, Confirmed::default(), snapshot.taken())
        else {
            continue;
        };
        let since = claim.deleting.unwrap_or(claim.created);
        if since + PATIENCE > snapshot.taken() {
            continue;
        }
        let (kind, trouble) = if claim.deleting.is_some() {
            (FindingKind::StuckDeletion, stuck(&next))
        } else if is_bound(snapshot.index(), claim) {
            continue;
        } else {
            (FindingKind::ClaimWaiting, Some(waiting(claim, &next)))
        };
        if let Some(trouble) = trouble {
            groups
                .entry((&claim.pool, kind, trouble))
                .or_default()
                .push(claim);
        }
    }
    for ((pool, kind, trouble), claims) in groups {
        let Trouble {
            severity,
            why,
            remedy,
        } = trouble;
        let what = match kind {
            FindingKind::StuckDeletion => counted(claims.len(), "deleted claim stays", "deleted claims stay"),
            _ => counted(claims.len(), "claim waits", "claims wait"),
        };
        let finding = Finding::new(severity, kind, pool, format!("{what}: {why}")).remedy(remedy);
        findings.push(finding.objects(claims.into_iter().map(|c| ObjectRef::claim(&c.name))));
    }
}

/// Why a live claim has no address.
fn waiting(claim: &ClaimFacts, next: &Next) -> Trouble {
    let said = claim.ready.as_ref().filter(|ready| ready.status == "False");
    let said_message = said
        .and_then(|ready| ready.message.as_deref())
        .unwrap_or_default();
    match next {
        Next::Report(reason, message) => reported(*reason, message),
        Next::Rest(Waits::Reported(reason)) => reported(*reason, said_message),
        Next::Rest(waits @ (Waits::ClaimPaused | Waits::ClusterPaused | Waits::PoolPaused)) => paused(waits),
        Next::Rest(waits @ (Waits::ClusterMissing | Waits::ClusterUnknown)) => Trouble {
            severity: Severity::Warning,
            why: bare(waits),
            remedy: "create the cluster, or delete the claim",
        },
        // A create was refused: only the controller remembers, but it said so.
        _ if said.and_then(|r| r.reason.as_deref()) == Some(ReadyReason::AllocationFailed.as_str()) => {
            reported(ReadyReason::AllocationFailed, said_message)
        }
        _ => Trouble {
            severity: Severity::Error,
            why: "nothing stands in the way, yet no controller has served it".to_owned(),
            remedy: RUN_A_CONTROLLER,
        },
    }
}

fn reported(reason: ReadyReason, message: &str) -> Trouble {
    let (severity, remedy) = match reason {
        ReadyReason::PoolExhausted => (
            Severity::Warning,
            "enlarge the pool, or delete claims that are not needed",
        ),
        ReadyReason::PoolNotReady => (Severity::Error, "create or correct the pool"),
        ReadyReason::AllocationFailed | ReadyReason::AddressAllocated => {
            (Severity::Error, "follow the message")
        }
    };
    Trouble {
        severity,
        why: format!("{reason}: {message}"),
        remedy,
    }
}

fn paused(waits: &Waits) -> Trouble {
    Trouble {
        severity: Severity::Note,
        why: bare(waits),
        remedy: "unpause it when the time has come",
    }
}

/// Why a deleted claim is still there, if that is worth a word.
fn stuck(next: &Next) -> Option<Trouble> {
    match next {
        Next::Rest(waits @ (Waits::ClaimPaused | Waits::ClusterPaused | Waits::PoolPaused)) => {
            Some(paused(waits))
        }
        Next::Rest(Waits::Gone) => Some(Trouble {
            severity: Severity::Warning,
            why: "finalizers of others hold it".to_owned(),
            remedy: "ask whoever set them",
        }),
        next if is_due(next) => Some(Trouble {
            severity: Severity::Warning,
            why: "no controller has released it".to_owned(),
            remedy: RUN_A_CONTROLLER,
        }),
        _ => None,
    }
}

/// The sentence without its leading `waits: `, which the message has already.
fn bare(waits: &Waits) -> String {
    let text = waits.to_string();
    text.strip_prefix("waits: ").map(str::to_owned).unwrap_or(text)
}
