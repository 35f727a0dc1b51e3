use std::path::Path;

use crate::error::Error;
use crate::plan::gc::Valid;
use crate::protocol::{Network, warn};
use crate::store::Store;

/// Removes every reservation that belongs to no attachment of the list in the configuration (spec §4.8).
///
/// Without a list nothing is removed: a wrapper may have dropped it, and it must not wipe a node.
///
/// # Errors
/// Code 7 for a list that cannot be understood; 11 when the lock cannot be had; 999 for what could not be removed,
/// after trying all.
pub fn gc(network: &Network, data_dir: &Path) -> Result<(), Error> {
    let Some(valid) = Valid::read(&network.document)? else {
        warn("GC: the configuration has no cni.dev/valid-attachments; nothing is removed");
        return Ok(());
    };
    let Some(store) = Store::open(data_dir, &network.name)? else {
        return Ok(());
    };
    let mut session = store.session()?;
    let (stale, mut errors) = session.stale(&valid);
    errors.extend(session.release_all(&stale));
    session.end();
    super::together(&errors)
}
