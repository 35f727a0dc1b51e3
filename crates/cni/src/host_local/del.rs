use std::path::Path;

use super::{owner, rests};
use crate::error::Error;
use crate::protocol::{Invocation, Network};
use crate::store::Store;

/// Releases every address of the attachment, or else of its container in legacy files (spec §4.6).
///
/// Ownership decides, not configuration: addresses outside the ranges are released, too. What is not there is
/// released already.
///
/// # Errors
/// Code 11 when the lock cannot be had; 999 when a file cannot be read or removed, after trying all.
pub fn del(call: &Invocation, network: &Network, data_dir: &Path) -> Result<(), Error> {
    let Some(store) = Store::open(data_dir, &network.name)? else {
        return Ok(());
    };
    let mut session = store.session()?;
    if rests(network) {
        session.let_released_rest();
    }
    let mut holdings = session.holdings(&owner(call));
    let mut errors = std::mem::take(&mut holdings.unreadable);
    errors.extend(session.release_all(&holdings.own()));
    session.end();
    super::together(&errors)
}
