use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt as _;

use super::Invocation;
use crate::error::{Error, code};

/// The own-namespace guard (spec §2.6): refuses a `CNI_NETNS` that is the namespace this process runs in.
///
/// A path that cannot be looked at is fine: on DEL the namespace is often gone.
///
/// # Errors
/// Code 8.
pub(super) fn guard(call: &Invocation) -> Result<(), Error> {
    let own = call.netns.as_deref().is_some_and(is_own);
    if own && !call.netns_override {
        return Err(Error::new(
            code::OWN_NETNS,
            "plugin's netns and netns from CNI_NETNS should not be the same",
        ));
    }
    Ok(())
}

/// Whether the path names the network namespace of this process: same device, same inode.
fn is_own(path: &OsStr) -> bool {
    let identity = |path: &OsStr| {
        let found = std::fs::metadata(path).ok()?;
        Some((found.dev(), found.ino()))
    };
    identity(path).is_some_and(|asked| Some(asked) == identity(OsStr::new("/proc/self/ns/net")))
}
