//! Interfaces by what they are instead of by name (spec §17.2).
//!
//! `rule` reads what the policy asks for, `select` holds it against the interfaces of a node, `sticky` remembers what
//! once matched, and `expand` makes entries with names out of entries without.

mod check;
mod expand;
mod glob;
mod lldp;
mod rule;
mod select;
mod sticky;
#[cfg(test)]
mod tests;

pub use check::check;
pub use expand::{agrees, expand, facts, is_template, named, wanted};
pub use glob::{Glob, GlobError};
pub use lldp::Neighbour;
pub use rule::{LldpRule, Rule, Rules};
pub use select::{Candidates, LinkFacts, Match, SETTLE_SECONDS, Selection, select, settled_at};
pub use sticky::{Held, MatchedInterface, hold};
