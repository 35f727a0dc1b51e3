//! What in-use objects forbid: shrinking the pool under them and deleting it.

use addr::RangeSet;
use api::names::SKIP_DELETE_GUARD;

use super::{Context, InUse, PoolSpec, Verdict};
use crate::plan::domain::Domain;

const NOT_READY: &str = "the addresses in use are not known yet, because the controller is still reading them; \
                         try again in a few seconds";

/// May the pool be deleted (spec §10.4)? `unguarded`: it carries the annotation that switches this rule off.
pub fn delete(unguarded: bool, context: &Context<'_>) -> Verdict {
    if unguarded {
        return Verdict::allow();
    }
    let Some(in_use) = (context.in_use)() else {
        return Verdict::Unknown(NOT_READY.to_owned());
    };
    if in_use.is_empty() {
        return Verdict::allow();
    }
    let shown = in_use
        .iter()
        .map(|object| object.address.as_str())
        .find(|address| !address.is_empty());
    let example = shown
        .map(|address| format!(", one of them with address `{address}`"))
        .unwrap_or_default();
    Verdict::Refused(format!(
        "the pool has {} IPAddress objects{example}; delete their claims first, or set the annotation \
         {SKIP_DELETE_GUARD} on the pool to have it wait for them",
        in_use.len()
    ))
}

/// The refusal when the pool would lose slots that are in use (spec §10.3, §10.5); `None` when it may go on.
///
/// Only slots that the pool has now count: what is out of range already stays so, whatever is written.
pub(super) fn shrink<S: PoolSpec>(before: &Domain, after: &Domain, context: &Context<'_>) -> Option<Verdict> {
    let lost = if before.space == after.space {
        before.slots.difference(&after.slots)
    } else {
        before.slots.clone()
    };
    if lost.is_empty() {
        return None;
    }
    let Some(in_use) = (context.in_use)() else {
        return Some(Verdict::Unknown(NOT_READY.to_owned()));
    };
    let orphans = orphans(before, &lost, &in_use);
    (!orphans.is_empty()).then(|| {
        let list = S::show_orphans(&orphans);
        Verdict::Refused(format!(
            "the new spec leaves out what is in use: {list}; keep it in the pool, or delete its claims first"
        ))
    })
}

fn orphans<'a>(before: &Domain, lost: &RangeSet<u128>, in_use: &'a [InUse]) -> Vec<&'a InUse> {
    let slot = |object: &InUse| before.slot_in_use(&object.address, object.prefix);
    in_use
        .iter()
        .filter(|object| slot(object).is_some_and(|slot| lost.contains(slot)))
        .collect()
}
