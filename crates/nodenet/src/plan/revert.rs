//! Taking a policy back (spec §22.1): `onDelete: Revert`, de-selection, release of matched interfaces.
//!
//! [`Record`] remembers, setting by setting, what was there before; [`restore()`] renders the way back for those settings
//! that still have our value. [`repair()`] is for the plans shown by a dry run, which the nmstate crate makes.

mod record;
mod repair;
mod restore;
#[cfg(test)]
mod tests;

pub use record::Record;
pub use repair::repair;
pub use restore::{Restore, restore};

use super::document::is_empty_section;

impl Restore {
    /// Whether there is nothing to apply.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        is_empty_section(&self.document)
    }
}
