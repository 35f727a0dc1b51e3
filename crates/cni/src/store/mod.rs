//! Reservations on disk, in the format of the reference `host-local` (spec §4.3): the only place that touches them.
//!
//! In the network directory stand the files of that format and nothing of ours, for the reference reads everything
//! there. What we keep besides is in `<dataDir>/.ipam-index/<network>/` and may be deleted at any time.
//!
//! [`Store`] is a network directory, [`Session`] the time in which its lock is held: one pass over the names, then
//! look-ups by owner through the [index] without reading every file.

mod boot;
mod directory;
mod files;
mod filesystem;
mod hash;
mod holdings;
mod index;
mod index_file;
mod journal;
mod listing;
mod lock;
mod namespaces;
mod pods;
mod released;
mod session;
mod survey;
mod torn;
mod turn;

pub use boot::Reclaimed;
pub use directory::Store;
pub use files::Contents;
pub use holdings::Holdings;
pub use listing::Listing;
pub use lock::MAX_WAIT;
pub use namespaces::{Namespace, Sandbox};
pub use session::{Reservation, Session};
pub use survey::{Entry, Found};

use std::fmt::Display;
use std::path::Path;

use crate::error::Error;

/// An I/O error on a path, as the allocator reports it (code 999).
fn io_error(what: &str, path: &Path, why: impl Display) -> Error {
    Error::allocator(format!("cannot {what} {}: {why}", path.display()))
}

#[cfg(test)]
mod tests;
