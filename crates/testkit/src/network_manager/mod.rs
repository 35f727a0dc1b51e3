//! A real NetworkManager with a D-Bus of its own, in namespaces: the one of the machine, if any, is never seen.
//!
//! - [`Host`]: a network namespace with cables, and a mount namespace in which `/etc`, `/run` and `/sys` are private;
//! - [`Daemons`]: the bus and NetworkManager in it, to stop, kill and start again;
//! - [`inside`]: a test that runs within such a host as a process of its own, because network, mounts and
//!   the bus belong to a process.
//!
//! Needs root, and the Debian packages `network-manager`, `dbus`, `iproute2`, `mount` and `util-linux`. Everything is
//! gone when dropped, and when we are killed: processes die with their parent, mounts with the last process, and a
//! network namespace that was left is deleted by the next test.

mod daemons;
mod host;
mod inside;

pub use daemons::Daemons;
pub use host::{Host, Options};
pub use inside::inside;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How often to look whether something is ready.
const POLL: Duration = Duration::from_millis(10);

/// Looks until `look` says `Some`.
fn wait_for<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(seen) = look()? {
            return Ok(seen);
        }
        if Instant::now() >= end {
            bail!("after {limit:?} still not: {what}");
        }
        std::thread::sleep(POLL);
    }
}
