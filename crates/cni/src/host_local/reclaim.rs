//! Taking back what a DEL that never came has left (spec §11.1, §11.2) \[E\].

use std::path::Path;

use addr::AddrSet;

use crate::error::Error;
use crate::plan::{self, Config, Grant};
use crate::protocol::{Invocation, warn};
use crate::store::Session;

/// Drops reservations from before the machine's last start, where that is `wanted`. What cannot be dropped stays taken,
/// which is no reason to refuse an ADD.
pub(super) fn after_boot(session: &mut Session<'_>, wanted: bool) -> Result<(), Error> {
    if !wanted {
        return Ok(());
    }
    let reclaimed = session.reclaim_after_boot()?;
    for error in &reclaimed.errors {
        warn(&format!("from before the last boot: {error}"));
    }
    match reclaimed.dropped {
        0 => {}
        dropped => warn(&format!(
            "dropped {dropped} reservations from before the last boot"
        )),
    }
    Ok(())
}

/// Where it is switched on and a range is full, drops reservations whose namespace is gone; `true` if any went.
pub(super) fn when_full(session: &mut Session<'_>, config: &Config, taken: &AddrSet) -> bool {
    let wanted = config.options.reclaim_on_exhaustion == Some(true);
    if !wanted || plan::first_full(&config.range_sets, taken).is_none() {
        return false;
    }
    let abandoned = session.abandoned();
    let before = session.count();
    for error in session.release_all(&abandoned) {
        warn(&format!("its network namespace is gone: {error}"));
    }
    let dropped = before - session.count();
    if dropped > 0 {
        let addresses: Vec<String> = abandoned.iter().map(|found| found.address.to_string()).collect();
        warn(&format!(
            "dropped {dropped} reservations whose network namespace is gone: {}",
            addresses.join(" ")
        ));
    }
    dropped > 0
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
