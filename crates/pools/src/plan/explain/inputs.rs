//! What each rule looks at, as found, in words.

use api::{names, pool::Reservation};

use super::rules::Rule;
use crate::plan::{
    claim::{ClusterView, PoolView, Promise, View},
    facts::AddressFacts,
    ledger::Ledger,
    snapshot::Snapshot,
};

/// The input of a rule.
pub(super) fn of(rule: Rule, snapshot: &Snapshot, view: &View<'_>) -> String {
    match rule {
        Rule::Ours => format!("draws from {}", view.claim.pool),
        Rule::WatchFilter if view.claim.filtered_out => "excluded".to_owned(),
        Rule::WatchFilter => "not applied here: the controller knows its own --watch-filter".to_owned(),
        Rule::ClaimPaused => annotation(view.claim.paused),
        Rule::Cluster => cluster(view),
        Rule::Finalizer if view.claim.has_finalizer => "present".to_owned(),
        Rule::Finalizer => format!("{} is missing", names::RELEASE_ADDRESS),
        Rule::Pool => pool(view),
        Rule::PoolPaused => match view.pool {
            PoolView::Known { facts, .. } => annotation(facts.paused),
            PoolView::Absent | PoolView::Forbidden(_) => "no pool".to_owned(),
        },
        Rule::Deletion => deletion(view),
        Rule::ExistingAddress => view
            .address
            .map_or_else(|| "none of this name".to_owned(), |a| address(snapshot, a)),
        Rule::InFlight => promise(view),
        Rule::PoolDeletion => match view.pool {
            PoolView::Known { facts, .. } if facts.deleting => "being deleted".to_owned(),
            PoolView::Known { .. } => "not being deleted".to_owned(),
            PoolView::Absent | PoolView::Forbidden(_) => "no pool".to_owned(),
        },
        Rule::PoolSpec => match view.pool {
            PoolView::Known {
                unusable: Some(why), ..
            } => why.to_owned(),
            PoolView::Known { unusable: None, .. } => "usable".to_owned(),
            PoolView::Absent | PoolView::Forbidden(_) => "no pool".to_owned(),
        },
        Rule::Refusal => refusal(view),
        Rule::Capacity => capacity(snapshot, view),
    }
}

fn annotation(is_paused: bool) -> String {
    if is_paused {
        format!("carries {}", names::PAUSED)
    } else {
        "not paused".to_owned()
    }
}

fn cluster(view: &View<'_>) -> String {
    let name = view.claim.cluster.as_deref().unwrap_or_default();
    match view.cluster {
        ClusterView::None => "the claim names none".to_owned(),
        ClusterView::Known(cluster) if cluster.paused => format!("{name} is paused"),
        ClusterView::Known(_) => format!("{name} exists and is not paused"),
        ClusterView::Absent => format!("{name} does not exist"),
        ClusterView::Unknown => format!("{name}: clusters cannot be read"),
    }
}

fn pool(view: &View<'_>) -> String {
    match view.pool {
        PoolView::Absent => format!("{} does not exist", view.claim.pool),
        PoolView::Forbidden(why) => why.to_owned(),
        PoolView::Known { .. } => "exists".to_owned(),
    }
}

fn deletion(view: &View<'_>) -> String {
    let Some(since) = view.claim.deleting else {
        return "not being deleted".to_owned();
    };
    match view.pool {
        PoolView::Known { grace_seconds, .. } if grace_seconds > 0 => {
            format!("deleted at {since}; the pool's grace period is {grace_seconds} s")
        }
        _ => format!("deleted at {since}; no grace period"),
    }
}

fn address(snapshot: &Snapshot, address: &AddressFacts) -> String {
    let text = snapshot
        .note(&address.name)
        .map_or("?", |note| note.address.as_str());
    let pool = match &address.pool {
        Some(pool) => format!("of {pool}"),
        None => "of a pool that is not ours".to_owned(),
    };
    let end = match (address.deleting, address.has_finalizer) {
        (false, _) => "",
        (true, true) => ", being deleted",
        (true, false) => ", being deleted and held by finalizers of others",
    };
    format!("{text} {pool}{end}")
}

/// What the pool's journal says goes before what memory says: a process that just looks has no promises of its own, and
/// the index counts those of others as chosen only.
fn promise(view: &View<'_>) -> String {
    if let Some(journal) = journal_entry(view) {
        return format!("the pool's journal promises it {}", journal.address);
    }
    match view.promise {
        None => "nothing",
        Some(Promise::Planned) => "an address is chosen, the pool does not say so yet",
        Some(Promise::Recorded) => "the pool's journal promises it an address",
        Some(Promise::Unsettled) => "a create was sent, its outcome is unknown",
        Some(Promise::Created) => "created, the watch has not shown it yet",
    }
    .to_owned()
}

/// The promise to this very claim in the journal of its pool.
fn journal_entry<'a>(view: &View<'a>) -> Option<&'a Reservation> {
    let PoolView::Known { facts, .. } = view.pool else {
        return None;
    };
    let (claim, journal) = (view.claim, facts.allocation.as_ref()?);
    let is_ours = |r: &&Reservation| {
        r.namespace == claim.name.namespace() && r.name == claim.name.name() && r.uid == *claim.version.uid
    };
    journal.reservations.iter().find(is_ours)
}

fn refusal(view: &View<'_>) -> String {
    match view.refused {
        Some(refusal) => format!("{}; until {}", refusal.message, refusal.until),
        None => "none known here: refusals are the running controller's memory".to_owned(),
    }
}

fn capacity(snapshot: &Snapshot, view: &View<'_>) -> String {
    let ledger = snapshot.index().pool(&view.claim.pool).and_then(|p| p.ledger());
    let Some(counts) = ledger.map(Ledger::counts) else {
        return "unknown".to_owned();
    };
    let promised = if view.promise.is_some() {
        "; one is promised to this claim"
    } else {
        ""
    };
    format!(
        "total {}, used {}, free {}{promised}",
        counts.total, counts.used, counts.free
    )
}
