//! Whether a pool may be written or deleted, and what is added to it on the way in (spec §10).
//!
//! Every rule here is a function of the old and the new object and of what the index knows. Questions to the index
//! are asked only when the answer matters: a label can be changed while the index is still filling.

mod address;
mod context;
mod guard;
mod overlap;
mod prefix;
mod verdict;

use super::domain::{Domain, FieldError};

pub use context::{Context, InUse, Neighbour, Overlap};
pub use guard::delete;
pub use verdict::{PatchOp, Verdict};

/// The spec of a pool, as far as admission has to tell the kinds apart.
pub trait PoolSpec: PartialEq + Sized {
    /// Everything the pool may hand out, by all field rules.
    ///
    /// # Errors
    /// All problems of the spec.
    fn domain(&self) -> Result<Domain, Vec<FieldError>>;

    /// Everything the pool may hand out as long as that is defined.
    ///
    /// # Errors
    /// The problems that leave it undefined.
    fn stored_domain(&self) -> Result<Domain, Vec<FieldError>>;

    /// The spec with one spelling for each meaning: absent, empty and default values are the same.
    #[must_use]
    fn normalized(&self) -> Self;

    /// What is written into the object before it is stored.
    fn default_patch(&self) -> Verdict;

    /// Why this spec cannot follow `old`, whatever is in use.
    fn breaks_immutability(&self, old: &Self) -> Option<String>;

    /// The in-use objects that a smaller pool would no longer contain, as a person needs to see them.
    fn show_orphans(orphans: &[&InUse]) -> String;

    /// Warnings about a spec somebody writes; `changed` is false when the write is about something else.
    fn warnings(&self, domain: &Domain, changed: bool) -> Vec<String>;
}

/// May a pool with this spec be created?
pub fn create<S: PoolSpec>(new: &S, context: &Context<'_>) -> Verdict {
    match new.domain() {
        Err(problems) => Verdict::Invalid(problems),
        Ok(domain) => overlap::check(&domain, context).and_warn(new.warnings(&domain, true)),
    }
}

/// May the spec of a pool change from `old` to `new`? `deleting`: the object has a deletion timestamp.
///
/// A pool that is going away, and a spec that stays as it is, are let through without a look: they may be invalid
/// by today's rules, and a finalizer or label must still be writable (spec §10.2, §10.3).
pub fn update<S: PoolSpec>(old: &S, new: &S, deleting: bool, context: &Context<'_>) -> Verdict {
    if deleting || old.normalized() == new.normalized() {
        let warnings = new
            .stored_domain()
            .map(|domain| new.warnings(&domain, false))
            .unwrap_or_default();
        return Verdict::allow().and_warn(warnings);
    }
    if let Some(reason) = new.breaks_immutability(old) {
        return Verdict::Refused(reason);
    }
    let domain = match new.domain() {
        Ok(domain) => domain,
        Err(problems) => return Verdict::Invalid(problems),
    };
    // Nothing was allocatable from a pool whose set is undefined, so nothing can be lost.
    if let Ok(before) = old.stored_domain()
        && let Some(refusal) = guard::shrink::<S>(&before, &domain, context)
    {
        return refusal;
    }
    overlap::check(&domain, context).and_warn(new.warnings(&domain, true))
}

/// What the mutating webhook writes into the object (spec §10.1).
pub fn default<S: PoolSpec>(new: &S) -> Verdict {
    new.default_patch()
}

#[cfg(test)]
mod cases;
#[cfg(test)]
mod tests;
