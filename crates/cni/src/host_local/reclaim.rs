//! Taking back what a DEL that never came has left (spec §11.1, §11.2) \[E\].

use std::path::Path;

use addr::AddrSet;

use crate::error::Error;
use crate::plan::{self, Config, Grant};
use crate::protocol::{Invocation, warn};
use crate::store::Session;

/// Drops reservations from before the machine's last start, where that is switched on.
pub(super) fn after_boot(session: &mut Session<'_>, config: &Config) -> Result<(), Error> {
    if config.options.reclaim_on_boot != Some(true) {
        return Ok(());
    }
    match session.reclaim_after_boot()? {
        0 => {}
        dropped => warn(&format!(
            "dropped {dropped} reservations from before the last boot"
        )),
    }
    Ok(())
}

/// Where it is switched on and a range is full, drops reservations whose namespace is gone; `true` if there were any.
pub(super) fn when_full(session: &mut Session<'_>, config: &Config, taken: &AddrSet) -> Result<bool, Error> {
    let wanted = config.options.reclaim_on_exhaustion == Some(true);
    if !wanted || plan::first_full(&config.range_sets, taken).is_none() {
        return Ok(false);
    }
    let abandoned = session.abandoned()?;
    if let Some(e) = session.release_all(&abandoned).pop() {
        return Err(e);
    }
    for reservation in &abandoned {
        let address = reservation.address;
        warn(&format!(
            "dropped the reservation of {address}: its network namespace is gone"
        ));
    }
    Ok(!abandoned.is_empty())
}

/// Remembers for which namespace the addresses are, where that may be needed later.
pub(super) fn record(session: &Session<'_>, grants: &[Grant], call: &Invocation, config: &Config) {
    let Some(netns) = call
        .netns
        .as_deref()
        .filter(|_| config.options.reclaim_on_exhaustion == Some(true))
    else {
        return;
    };
    let addresses = grants
        .iter()
        .filter(|grant| !grant.held)
        .map(|grant| grant.address);
    if let Err(e) = session.record_namespace(addresses, Path::new(netns)) {
        // The reservation stands; it can only not be taken back by itself.
        warn(&format!("cannot record the network namespace: {e}"));
    }
}
