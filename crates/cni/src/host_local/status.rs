use std::path::Path;

use addr::AddrSet;
use rustix::fs::Access;

use super::not_ready;
use crate::error::Error;
use crate::plan::{self, Config};
use crate::protocol::Network;
use crate::store::Store;

/// Whether an ADD could succeed now (spec §4.9). Changes nothing, waits for nobody, and looks into files only when
/// their names say that a range is full.
///
/// # Errors
/// Code 50.
pub fn status(network: &Network, config: &Config) -> Result<(), Error> {
    let store = Store::open(&config.data_dir, &network.name).map_err(|e| not_ready(&e))?;
    let Some(store) = store else {
        check_writable(&config.data_dir.join(&network.name))?;
        return full(config, &AddrSet::new());
    };
    check_writable(&config.data_dir.join(&network.name))?;
    let mut listing = store.listing().map_err(|e| not_ready(&e))?;
    if full(config, &listing.taken()).is_ok() {
        return Ok(());
    }
    store.forget_torn(&mut listing, &config.range_sets);
    full(config, &listing.taken())
}

fn full(config: &Config, taken: &AddrSet) -> Result<(), Error> {
    plan::first_full(&config.range_sets, taken).map_or(Ok(()), Err)
}

/// The directory, or the nearest one above it that exists, can be written to.
fn check_writable(path: &Path) -> Result<(), Error> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for path in absolute.ancestors() {
        match rustix::fs::access(path, Access::WRITE_OK | Access::EXEC_OK) {
            Ok(()) if path.is_dir() => return Ok(()),
            Err(rustix::io::Errno::NOENT) => {}
            Ok(()) => return Err(unusable(path, "it is not a directory")),
            Err(e) => return Err(unusable(path, &e.to_string())),
        }
    }
    Ok(())
}

fn unusable(path: &Path, why: &str) -> Error {
    not_ready(&Error::allocator(format!(
        "cannot write to {}: {why}",
        path.display()
    )))
}
