//! What to do next for one claim: the rules of spec §11.3 and §11.5, in their order, as one pure function.
//!
//! [`next`] answers with a single step. The caller carries it out, lets the index learn the outcome, and asks again,
//! until the answer is [`Next::Rest`].

use api::capi::ReadyReason;
use jiff::{SignedDuration, Timestamp};

use super::{
    facts::{AddressFacts, ClaimFacts, ClusterFacts, PoolFacts},
    name::PoolName,
};

/// Everything a decision about a claim reads, borrowed from the index.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The claim.
    pub claim: &'a ClaimFacts,
    /// Its cluster.
    pub cluster: ClusterView,
    /// Its pool.
    pub pool: PoolView<'a>,
    /// The `IPAddress` that bears the claim's name, whatever pool it counts for.
    pub address: Option<&'a AddressFacts>,
    /// What the pool has promised to this claim.
    pub promise: Option<Promise>,
    /// Until then a create for this claim may still be carried out that this process knows no outcome of: its own, whose
    /// answer was lost, or that of another process.
    pub doubt: Option<Timestamp>,
    /// A create for this claim was refused; do not try again before this time.
    pub refused: Option<&'a Refusal>,
    /// Absences that a live read has confirmed in this pass.
    pub confirmed: Confirmed,
    /// The clock.
    pub now: Timestamp,
}

/// What is known of the claim's cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterView {
    /// The claim names none.
    None,
    /// It exists.
    Known(ClusterFacts),
    /// The watch does not show it.
    Absent,
    /// Clusters cannot be read at the moment.
    Unknown,
}

/// What is known of the claim's pool.
#[derive(Clone, Copy, Debug)]
pub enum PoolView<'a> {
    /// The watch does not show it.
    Absent,
    /// This process may not serve pools of this kind, and why.
    Forbidden(&'a str),
    /// It exists.
    Known {
        /// Its metadata and status.
        facts: &'a PoolFacts,
        /// Why its spec cannot be used, if so.
        unusable: Option<&'a str>,
        /// Whether any slot is free.
        has_free: bool,
        /// Its grace period in seconds; 0 for none.
        grace_seconds: u32,
    },
}

/// How far the allocation for a claim has come (DESIGN §4: reserve, write, confirm).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// Chosen; not yet recorded in the pool.
    Planned,
    /// Recorded in the pool: the address may be created.
    Recorded,
    /// A create was sent and its outcome is unknown.
    Unsettled,
    /// Created; the watch has not shown it yet.
    Created,
}

/// A create that the API server refused for good.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The server's words.
    pub message: String,
    /// When to try again.
    pub until: Timestamp,
}

/// What this pass has learned by asking or doing, ahead of the watches. Silence never releases anything (DESIGN §1.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Confirmed {
    /// The cluster does not exist.
    pub cluster: bool,
    /// The pool does not exist.
    pub pool: bool,
    /// The address was released.
    pub released: bool,
}

/// The next step for a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing to write. The reason says what, if anything, it waits for.
    Rest(Waits),
    /// Add our finalizer to the claim.
    AddFinalizer,
    /// Set `Ready=False` with this reason and message.
    Report(ReadyReason, String),
    /// Create the address that was promised.
    Create,
    /// Complete the existing address: owners, label, finalizer.
    Adopt,
    /// Write `status.addressRef` and `Ready=True`.
    Bind,
    /// Ask the API server whether the cluster is really gone.
    ConfirmClusterAbsent,
    /// Ask the API server whether the pool is really gone.
    ConfirmPoolAbsent,
    /// Remove our finalizer from the address and delete it.
    Release,
    /// Remove our finalizer from the claim.
    RemoveFinalizer,
}

/// Why a claim rests. `Display` is a sentence for people (`cadastre explain`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waits {
    /// Bound, and everything is as it should be.
    Bound,
    /// Served by another instance (`--watch-filter`, `--namespace`).
    FilteredOut,
    /// The claim carries the paused annotation.
    ClaimPaused,
    /// The cluster it names does not exist (yet).
    ClusterMissing,
    /// The cluster it names is paused.
    ClusterPaused,
    /// Clusters cannot be read.
    ClusterUnknown,
    /// The pool is paused.
    PoolPaused,
    /// It is being deleted and holds nothing of ours.
    Gone,
    /// The pool's queue will serve it, oldest claim first.
    Queue,
    /// It waits for something its condition already names.
    Reported(ReadyReason),
    /// Its address stays with it until then (spec §11.6).
    Grace(Timestamp),
    /// It is being deleted and holds nothing, but until then an address may still be created for it.
    Doubt(Timestamp),
    /// A create was refused; the next try is then.
    Backoff(Timestamp),
}

impl std::fmt::Display for Waits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bound => write!(f, "bound; nothing to do"),
            Self::FilteredOut => write!(
                f,
                "served by another instance: the watch filter or namespace excludes it"
            ),
            Self::ClaimPaused => write!(
                f,
                "waits: the claim carries the paused annotation; remove it to go on"
            ),
            Self::ClusterMissing => write!(f, "waits: the cluster it names does not exist"),
            Self::ClusterPaused => write!(f, "waits: its cluster is paused; unpause it to go on"),
            Self::ClusterUnknown => write!(f, "waits: clusters cannot be read at the moment"),
            Self::PoolPaused => write!(
                f,
                "waits: its pool carries the paused annotation; remove it to go on"
            ),
            Self::Gone => write!(f, "being deleted; nothing of ours is left on it"),
            Self::Queue => write!(f, "next in the pool's queue"),
            Self::Reported(reason) => write!(f, "waits: {reason}"),
            Self::Grace(until) => write!(f, "its address is kept for the grace period, until {until}"),
            Self::Doubt(until) => write!(
                f,
                "being deleted; a create whose outcome is unknown may still arrive, until {until}"
            ),
            Self::Backoff(until) => write!(
                f,
                "the address was refused by the API server; next try at {until}"
            ),
        }
    }
}

/// Decides the next step (spec §11.3, §11.5).
#[must_use]
pub fn next(view: &View<'_>) -> Next {
    let claim = view.claim;
    let deleting = claim.deleting.is_some();
    if claim.filtered_out {
        return Next::Rest(Waits::FilteredOut);
    }
    if claim.paused {
        return Next::Rest(Waits::ClaimPaused);
    }
    if let Some(next) = cluster_stands_in_the_way(view) {
        return next;
    }
    if !claim.has_finalizer {
        return if deleting {
            Next::Rest(Waits::Gone)
        } else {
            Next::AddFinalizer
        };
    }
    match view.pool {
        // The addresses of this namespace are seen even then.
        PoolView::Forbidden(_) if deleting => release(view),
        PoolView::Forbidden(why) => report(claim, ReadyReason::PoolNotReady, why.to_owned()),
        PoolView::Absent if !deleting => report(
            claim,
            ReadyReason::PoolNotReady,
            format!("{} does not exist; create it", claim.pool),
        ),
        PoolView::Absent if !view.confirmed.pool => Next::ConfirmPoolAbsent,
        PoolView::Absent => release(view),
        PoolView::Known { facts, .. } if facts.paused => Next::Rest(Waits::PoolPaused),
        PoolView::Known {
            facts, grace_seconds, ..
        } if deleting => {
            let grace = if facts.deleting { 0 } else { grace_seconds };
            match grace_end(view, grace) {
                Some(until) => Next::Rest(Waits::Grace(until)),
                None => release(view),
            }
        }
        PoolView::Known {
            facts,
            unusable,
            has_free,
            ..
        } => allocate(view, facts, unusable, has_free),
    }
}

/// Spec §11.3 step 4.
fn cluster_stands_in_the_way(view: &View<'_>) -> Option<Next> {
    match view.cluster {
        ClusterView::Known(cluster) if cluster.paused => Some(Next::Rest(Waits::ClusterPaused)),
        ClusterView::None | ClusterView::Known(_) => None,
        ClusterView::Unknown => Some(Next::Rest(Waits::ClusterUnknown)),
        ClusterView::Absent if view.claim.deleting.is_none() => Some(Next::Rest(Waits::ClusterMissing)),
        ClusterView::Absent if view.confirmed.cluster || !view.claim.has_finalizer => None,
        ClusterView::Absent => Some(Next::ConfirmClusterAbsent),
    }
}

/// When the grace period of a deleted claim ends, if that is still to come. A claim without an address of ours, and
/// without one that the watch is about to show, has nothing to keep. By our clock it never lasts longer than the period itself, however wrong the API server's is.
fn grace_end(view: &View<'_>, seconds: u32) -> Option<Timestamp> {
    let has_address = match view.address {
        Some(address) => is_answer_to(address, view.claim),
        None => is_unseen(view),
    };
    if seconds == 0 || !has_address {
        return None;
    }
    let grace = SignedDuration::from_secs(i64::from(seconds));
    let by_server = view.claim.deleting?.checked_add(grace).ok()?;
    let by_us = view
        .claim
        .deletion_seen
        .and_then(|seen| seen.checked_add(grace).ok())
        .unwrap_or(by_server);
    let until = by_server.min(by_us);
    (until > view.now).then_some(until)
}

/// Spec §11.5 steps 3 and 4. The claim stays as long as an address may still be created for it: nobody but the search for
/// orphans would find that one, after its delay.
fn release(view: &View<'_>) -> Next {
    match (release_address(view), view.doubt) {
        (Next::RemoveFinalizer, Some(until)) => Next::Rest(Waits::Doubt(until)),
        (next, _) => next,
    }
}

fn release_address(view: &View<'_>) -> Next {
    match view.address {
        _ if view.confirmed.released => Next::RemoveFinalizer,
        Some(address) if !is_answer_to(address, view.claim) => Next::RemoveFinalizer,
        // Only finalizers of others hold it: its end is not ours to wait for.
        Some(address) if address.deleting && !address.has_finalizer => Next::RemoveFinalizer,
        Some(_) => Next::Release,
        None if is_unseen(view) => Next::Release,
        None => Next::RemoveFinalizer,
    }
}

/// Whether an address was or may have been created that the watch has not shown.
fn is_unseen(view: &View<'_>) -> bool {
    matches!(view.promise, Some(Promise::Unsettled | Promise::Created))
}

/// Whether this address was made for this claim: same pool, and it names the claim (spec §11.5 step 3).
fn is_answer_to(address: &AddressFacts, claim: &ClaimFacts) -> bool {
    address.pool.as_ref() == Some(&claim.pool) && &*address.claim == claim.name.name()
}

/// Spec §11.3 steps 9 to 11.
fn allocate(view: &View<'_>, pool: &PoolFacts, unusable: Option<&str>, has_free: bool) -> Next {
    let claim = view.claim;
    if let Some(address) = view.address {
        return settle_on(claim, pool, address);
    }
    match view.promise {
        Some(Promise::Created) => return bind(claim),
        Some(Promise::Unsettled) => return Next::Create,
        Some(Promise::Planned | Promise::Recorded) | None => {}
    }
    if pool.deleting {
        let message = format!("{} is being deleted; use another pool", claim.pool);
        return report(claim, ReadyReason::PoolNotReady, message);
    }
    if let Some(why) = unusable {
        let message = format!("the spec of {} cannot be used: {why}", claim.pool);
        return report(claim, ReadyReason::PoolNotReady, message);
    }
    if let Some(refusal) = view.refused.filter(|r| r.until > view.now) {
        return match report(claim, ReadyReason::AllocationFailed, refusal.message.clone()) {
            Next::Rest(_) => Next::Rest(Waits::Backoff(refusal.until)),
            report => report,
        };
    }
    match view.promise {
        Some(Promise::Planned) => Next::Rest(Waits::Queue),
        Some(_) => Next::Create,
        None if has_free => Next::Rest(Waits::Queue),
        None => report(claim, ReadyReason::PoolExhausted, exhausted(&claim.pool)),
    }
}

fn exhausted(pool: &PoolName) -> String {
    format!("{pool} has nothing free; enlarge the pool or delete claims that are no longer needed")
}

/// An address with the claim's name exists: adopt it, or say why not (spec §11.3 step 9).
fn settle_on(claim: &ClaimFacts, pool: &PoolFacts, address: &AddressFacts) -> Next {
    if address.pool.as_ref() != Some(&claim.pool) {
        let message = format!(
            "IPAddress {} already exists and belongs to another pool; delete it or rename the claim",
            address.name
        );
        return report(claim, ReadyReason::AllocationFailed, message);
    }
    if address.deleting && !address.has_finalizer {
        let message = format!(
            "IPAddress {} is left from an earlier claim and is held by finalizers of others; \
             an address is allocated when it is gone",
            address.name
        );
        return report(claim, ReadyReason::AllocationFailed, message);
    }
    if is_complete(claim, pool, address) {
        bind(claim)
    } else {
        Next::Adopt
    }
}

/// Whether an address carries everything of spec §12. The version inside an owner reference does not matter: objects
/// written by the provider we replace are managed without rewriting them (DESIGN §5).
fn is_complete(claim: &ClaimFacts, pool: &PoolFacts, address: &AddressFacts) -> bool {
    let claim_owns =
        address.has_other_controller || address.claim_owner.as_deref() == Some(&*claim.version.uid);
    let pool_owns = address.pool_owner.as_deref() == Some(&*pool.version.uid);
    // The provider we replace sets no label from `spec.clusterName`; that alone is no reason to write.
    let labelled = match claim.cluster_label.as_deref() {
        None | Some("") => true,
        label => address.cluster_label.as_deref() == label,
    };
    claim_owns && pool_owns && labelled && (address.has_finalizer || address.deleting)
}

/// A claim bound by the provider we replace has no `Ready` condition; it is left as it is (DESIGN §5).
fn bind(claim: &ClaimFacts) -> Next {
    let named = claim.bound_to.as_deref() == Some(claim.name.name());
    let ready = claim.ready.as_ref().is_none_or(|c| c.status == "True");
    if named && ready {
        Next::Rest(Waits::Bound)
    } else {
        Next::Bind
    }
}

/// `Ready=False`, unless the claim says so already: nothing is written twice.
fn report(claim: &ClaimFacts, reason: ReadyReason, message: String) -> Next {
    let said = claim.ready.as_ref().is_some_and(|c| {
        c.status == "False"
            && c.reason.as_deref() == Some(reason.as_str())
            && c.message.as_deref() == Some(&message)
    });
    if said {
        Next::Rest(Waits::Reported(reason))
    } else {
        Next::Report(reason, message)
    }
}
