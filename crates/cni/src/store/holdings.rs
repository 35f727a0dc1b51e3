//! Who holds what: through the index, and by a look into every file that it names.

use super::index::{Index, TORN, UNREADABLE};
use super::{Listing, Reservation, Session, Store, files, hash};
use crate::error::Error;
use crate::plan::Owner;

/// What an attachment holds, sorted by file name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// In its own name.
    pub exact: Vec<Reservation>,
    /// In the name of its container, from before interface names were recorded.
    pub legacy: Vec<Reservation>,
    /// Why files could not be read that are its own by what is known of them.
    pub unreadable: Vec<Error>,
}

impl Holdings {
    /// What the attachment owns: in its own name, or else in that of its container (spec §4.6).
    #[must_use]
    pub fn own(self) -> Vec<Reservation> {
        if self.exact.is_empty() {
            self.legacy
        } else {
            self.exact
        }
    }

    /// The same holdings.
    ///
    /// # Errors
    /// Code 999 when one of them could not be read.
    pub fn complete(mut self) -> Result<Self, Error> {
        match self.unreadable.pop() {
            Some(e) => Err(e),
            None => Ok(self),
        }
    }
}

/// What was found for an owner.
#[derive(Debug, Default)]
struct Found {
    reservations: Vec<Reservation>,
    unreadable: Vec<Error>,
    /// A file is not what the index says.
    changed: bool,
}

impl Session<'_> {
    /// What an attachment holds. Every file that is named was read just now.
    pub fn holdings(&mut self, owner: &Owner) -> Holdings {
        let exact = self.with_content(&owner.content());
        let legacy = self.with_content(owner.legacy());
        Holdings {
            exact: exact.reservations,
            legacy: legacy.reservations,
            unreadable: [exact.unreadable, legacy.unreadable].concat(),
        }
    }

    /// The reservations with this trimmed content.
    fn with_content(&mut self, content: &[u8]) -> Found {
        let found = self.look_up(content);
        if !found.changed {
            return found;
        }
        // Somebody changed a file in place: nothing in the index is worth anything.
        self.index = build(self.store, &self.listing);
        self.look_up(content)
    }

    fn look_up(&self, content: &[u8]) -> Found {
        let mut found = Found::default();
        for address in self.index.held_by(hash::hash(content)) {
            match self.read(&address.to_string()) {
                Ok(Some((reservation, contents))) if contents.trimmed == content => {
                    found.reservations.push(reservation);
                }
                Ok(_) => found.changed = true,
                Err(e) => found.unreadable.push(e),
            }
        }
        for name in &self.listing.odd {
            // Nobody says whose it is when it cannot be read: nobody's.
            if let Ok(Some((reservation, contents))) = self.read(name)
                && contents.trimmed == content
            {
                found.reservations.push(reservation);
            }
        }
        found.reservations.sort_unstable();
        found
    }
}

/// Reads every file. An index that was thrown away, or that the reference has outdated, is made this way.
pub(super) fn build(store: &Store, listing: &Listing) -> Index {
    let mut index = Index::default();
    for address in &listing.files {
        let owner = match files::read(store.dir(), &address.to_string()) {
            Ok(Some(contents)) if contents.torn => TORN,
            Ok(Some(contents)) => hash::hash(&contents.trimmed),
            Ok(None) | Err(_) => UNREADABLE,
        };
        index.insert(*address, owner);
    }
    index
}
