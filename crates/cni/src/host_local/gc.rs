use std::path::Path;

use super::{reclaim, rests};
use crate::error::Error;
use crate::json::Json;
use crate::plan::gc::Valid;
use crate::protocol::{Network, warn};
use crate::store::{Session, Store};

/// Removes every reservation that belongs to no attachment of the list in the configuration (spec §4.8).
///
/// Without a list nothing is removed: a wrapper may have dropped it, and it must not wipe a node. But the first call
/// after a start of the machine drops what is from before it, list or no list, where that is switched on (spec §11.1):
/// by default for `kube-node`, whose name is then in `ipam.type`. What `node-annotation` allocates by is in an
/// annotation, which GC does not read; there, the next ADD does it.
///
/// # Errors
/// Code 7 for a list that cannot be understood; 11 when the lock cannot be had; 999 for what could not be removed,
/// after trying all.
pub fn gc(network: &Network, data_dir: &Path) -> Result<(), Error> {
    let valid = Valid::read(&network.document)?;
    if valid.is_none() {
        warn("GC: the configuration has no cni.dev/valid-attachments; nothing is removed for lack of one");
    }
    let reclaims = reclaims(network);
    let Some(store) = Store::open(data_dir, &network.name)?.filter(|_| valid.is_some() || reclaims) else {
        return Ok(());
    };
    let mut session = store.session()?;
    if rests(network) {
        session.let_released_rest();
    }
    let reclaimed = reclaim::after_boot(&mut session, reclaims);
    let mut errors = valid.map_or_else(Vec::new, |valid| collect(&mut session, &valid));
    session.end();
    errors.extend(reclaimed.err());
    super::together(&errors)
}

fn collect(session: &mut Session<'_>, valid: &Valid) -> Vec<Error> {
    let (stale, mut errors) = session.stale(valid);
    errors.extend(session.release_all(&stale));
    errors
}

/// `ipam.reclaimOnBoot`, or what it is by default. Whatever else is written there: GC needs it not.
fn reclaims(network: &Network) -> bool {
    let Some(ipam) = network.ipam() else {
        return false;
    };
    match ipam.get("reclaimOnBoot") {
        Some(Json::Bool(reclaims)) => *reclaims,
        Some(_) => false,
        None => ipam.get("type").and_then(Json::as_str) == Some("kube-node"),
    }
}
