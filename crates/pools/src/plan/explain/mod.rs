//! What the plan thinks of one claim, for a person (`cadastre explain`).
//!
//! Nothing is decided here. [`claim::next`] is asked, and its answer is laid over the list of rules it goes through
//! ([`Rule`]): the rule the answer comes from *decides*, all before it have *passed*, those after it were *not reached*.

mod inputs;
mod rules;
mod steps;

use api::capi::{AnyCondition, Claim};
use jiff::Timestamp;
use serde::Serialize;

pub use self::rules::{Rule, Verdict};
pub(crate) use self::steps::is_due;
use super::{
    claim::{self, Confirmed, View},
    ledger::Ledger,
    name::{ObjectName, PoolName},
    snapshot::{PoolKey, Snapshot},
};

/// Everything worth knowing about a claim. Field names are those of the JSON output and do not change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Namespace of the claim.
    pub namespace: String,
    /// Name of the claim.
    pub name: String,
    /// The pool it draws from; null when that is not one of ours.
    pub pool: Option<PoolKey>,
    /// The cluster it belongs to, if any.
    pub cluster: Option<String>,
    /// When it was created (RFC 3339).
    pub created: Option<Timestamp>,
    /// When it was deleted (RFC 3339), if it was.
    pub deleted: Option<Timestamp>,
    /// Every rule in the order it is asked.
    pub rules: Vec<RuleLine>,
    /// What follows.
    pub next: Step,
    /// Its place among the claims waiting for the same pool, if it waits in the queue.
    pub queue: Option<QueuePlace>,
    /// Conditions of the claim, as they stand in its status.
    pub conditions: Vec<AnyCondition>,
    /// The `IPAddress` of its name, if there is one.
    pub address: Option<AddressView>,
}

/// One rule: what it was asked about, and how it answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleLine {
    /// Which rule.
    pub rule: Rule,
    /// What it looked at, as found.
    pub input: String,
    /// How it answered.
    pub verdict: Verdict,
}

/// The next step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// One word: `Rest`, `AddFinalizer`, `Report`, `Create`, `Adopt`, `Bind`, `ConfirmClusterAbsent`,
    /// `ConfirmPoolAbsent`, `Release`, `RemoveFinalizer`, or `Ignore` for a claim that is not ours.
    pub step: &'static str,
    /// The step as a sentence, with what it waits for.
    pub says: String,
    /// Whether a running controller would have something to do right now.
    pub is_due: bool,
}

/// A place in a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct QueuePlace {
    /// From 1: the oldest claim.
    pub position: usize,
    /// How many claims wait.
    pub length: usize,
}

/// The address of a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AddressView {
    /// Name of the `IPAddress`.
    pub name: String,
    /// `spec.address` as written.
    pub address: String,
    /// `spec.prefix`.
    pub prefix: Option<i64>,
    /// `spec.gateway`; null when absent or empty.
    pub gateway: Option<String>,
    /// The pool it counts for; null when that is not one of ours.
    pub pool: Option<PoolKey>,
    /// Whether its pool contains it; null when the pool's spec cannot be used or the pool is unknown.
    pub in_pool: Option<bool>,
    /// It is being deleted.
    pub deleting: bool,
    /// Finalizers, in order.
    pub finalizers: Vec<String>,
    /// Owners, in order.
    pub owners: Vec<OwnerView>,
}

/// An owner of an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnerView {
    /// Kind of the owner.
    pub kind: String,
    /// Name of the owner.
    pub name: String,
    /// Whether it is the controlling owner.
    pub controller: bool,
    /// Whether the owner exists with the UID the reference names; null for kinds we do not look at.
    pub alive: Option<bool>,
}

/// Explains a claim. The snapshot must hold it, its pool, its cluster and the addresses of the pool.
#[must_use]
pub fn explain(snapshot: &Snapshot, claim: &Claim) -> Explanation {
    let meta = &claim.metadata;
    let namespace = meta.namespace.clone().unwrap_or_default();
    let name = meta.name.clone().unwrap_or_default();
    let key = ObjectName::new(&namespace, &name);
    let view = snapshot
        .index()
        .view(&key, Confirmed::default(), snapshot.taken());
    let (rules, next) = match &view {
        Some(view) => judge(snapshot, view),
        None => not_ours(claim),
    };
    Explanation {
        pool: view.as_ref().map(|v| (&v.claim.pool).into()),
        cluster: view
            .as_ref()
            .and_then(|v| v.claim.cluster.as_deref().map(str::to_owned)),
        created: meta.creation_timestamp.as_ref().map(|t| t.0),
        deleted: meta.deletion_timestamp.as_ref().map(|t| t.0),
        rules,
        next,
        queue: view
            .as_ref()
            .and_then(|v| queue_place(snapshot, &v.claim.pool, &key)),
        conditions: conditions(claim),
        address: address_view(snapshot, &key),
        namespace,
        name,
    }
}

fn judge(snapshot: &Snapshot, view: &View<'_>) -> (Vec<RuleLine>, Step) {
    let next = claim::next(view);
    let decider = rules::decider(view, &next);
    let lines = Rule::ALL.into_iter().map(|rule| RuleLine {
        rule,
        input: inputs::of(rule, snapshot, view),
        verdict: Verdict::of(rule, decider),
    });
    (lines.collect(), steps::step(view, &next))
}

/// A claim of another provider: one rule suffices.
fn not_ours(claim: &Claim) -> (Vec<RuleLine>, Step) {
    let pool = &claim.spec.pool_ref;
    let group = pool
        .api_group
        .as_deref()
        .filter(|g| !g.is_empty())
        .unwrap_or("no API group");
    let line = RuleLine {
        rule: Rule::Ours,
        input: format!("poolRef names {} {} of {group}", pool.kind, pool.name),
        verdict: Verdict::Decides,
    };
    let says = format!(
        "nothing: the claim is another provider's; ours name one of the four pool kinds of {}",
        api::names::GROUP
    );
    (
        vec![line],
        Step {
            step: "Ignore",
            says,
            is_due: false,
        },
    )
}

fn queue_place(snapshot: &Snapshot, pool: &PoolName, claim: &ObjectName) -> Option<QueuePlace> {
    let pool = snapshot.index().pool(pool)?;
    let position = pool.waiting_claims().position(|name| name == claim)? + 1;
    Some(QueuePlace {
        position,
        length: pool.waiting(),
    })
}

/// The conditions of whichever style the version has; the new style where it has both.
pub(crate) fn conditions(claim: &Claim) -> Vec<AnyCondition> {
    let status = claim.status.as_ref();
    let nested = status
        .and_then(|s| s.v1beta2.as_ref())
        .and_then(|v| v.conditions.as_ref());
    let plain = status.and_then(|s| s.conditions.as_ref());
    nested
        .filter(|list| !list.is_empty())
        .or(plain)
        .cloned()
        .unwrap_or_default()
}

fn address_view(snapshot: &Snapshot, name: &ObjectName) -> Option<AddressView> {
    let index = snapshot.index();
    let facts = index.address(name)?;
    let note = snapshot.note(name).cloned().unwrap_or_default();
    let domain = facts
        .pool
        .as_ref()
        .and_then(|p| index.pool(p))
        .and_then(|p| p.ledger())
        .map(Ledger::domain);
    let slot = |d: &super::domain::Domain| d.slot_in_use(&note.address, note.prefix);
    let in_pool = domain.map(|d| slot(d).is_some_and(|s| d.slots.contains(s)));
    let alive = |kind: &str, owner: &str, uid: &str| match kind {
        "IPAddressClaim" => {
            let claim = index.claim(&ObjectName::new(name.namespace(), owner));
            Some(claim.is_some_and(|c| &*c.version.uid == uid))
        }
        kind => {
            let pool = PoolName::new(kind.parse().ok()?, name.namespace(), owner);
            let facts = index.pool(&pool).and_then(|p| p.facts());
            Some(facts.is_some_and(|f| &*f.version.uid == uid))
        }
    };
    let owners = note.owners.iter().map(|o| OwnerView {
        kind: o.kind.clone(),
        name: o.name.clone(),
        controller: o.controller,
        alive: alive(&o.kind, &o.name, &o.uid),
    });
    Some(AddressView {
        name: name.name().to_owned(),
        pool: facts.pool.as_ref().map(Into::into),
        in_pool,
        deleting: facts.deleting,
        owners: owners.collect(),
        address: note.address,
        prefix: note.prefix,
        gateway: note.gateway,
        finalizers: note.finalizers,
    })
}

#[cfg(test)]
mod tests;
