use std::path::Path;

use super::owner;
use crate::error::Error;
use crate::json::Json;
use crate::protocol::{Invocation, Network};
use crate::store::Store;

/// Releases every address of the attachment, or else of its container in legacy files (spec §4.6).
///
/// Ownership decides, not configuration: addresses outside the ranges are released, too. What is not there is
/// released already.
///
/// # Errors
/// Code 11 when the lock cannot be had; 999 when a file cannot be removed, after trying all.
pub fn del(call: &Invocation, network: &Network, data_dir: &Path) -> Result<(), Error> {
    let Some(store) = Store::open(data_dir, &network.name)? else {
        return Ok(());
    };
    let mut session = store.session()?;
    let holdings = session.holdings(&owner(call))?;
    let held = if holdings.exact.is_empty() {
        holdings.legacy
    } else {
        holdings.exact
    };
    let errors = session.release_all(&held);
    if cools(network) {
        session.note_released(held.iter().map(|held| held.address));
    }
    session.end();
    super::together(&errors)
}

/// Whether `ipam.cooldown` asks for released addresses to rest. Whatever else is written there: DEL must not fail.
fn cools(network: &Network) -> bool {
    match network.ipam().and_then(|ipam| ipam.get("cooldown")) {
        Some(Json::Number(seconds)) => seconds.as_u64().is_some_and(|seconds| seconds > 0),
        _ => false,
    }
}
