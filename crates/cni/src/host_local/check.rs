use super::owner;
use crate::error::Error;
use crate::plan::{self, Config};
use crate::protocol::{Invocation, Network};
use crate::store::Store;

/// Whether the reservations of the attachment are there (spec §4.7). Changes nothing.
///
/// # Errors
/// Code 999 when they are not; 11 when the lock cannot be had.
pub fn check(call: &Invocation, network: &Network, config: &Config) -> Result<(), Error> {
    let previous = plan::check::previous(&network.document)?;
    let mut owned = Vec::new();
    if let Some(store) = Store::open(&config.data_dir, &network.name)? {
        let mut session = store.session()?;
        let holdings = session.holdings(&owner(call));
        session.end();
        let held = holdings.complete()?.own();
        owned.extend(held.into_iter().map(|held| held.address.to_canonical()));
    }
    plan::check::verdict(&config.range_sets, &previous, &owned, &call.container_id)
}
