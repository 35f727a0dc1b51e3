//! CNI plugins from outside: called as a runtime calls them, next to the reference plugins.
//!
//! - [`beside`]: our own plugins, built;
//! - [`reference()`]: the plugins of the Debian package `containernetworking-plugins`, where installed;
//! - [`PluginDir`]: a folder of plugins under the names they are called by;
//! - [`Call`], [`Running`], [`Answer`]: one run of a plugin;
//! - [`store`]: the files of host-local, read back;
//! - [`Volume`]: a small file system of our own, to fill up or to make read-only;
//! - [`kill_loop`]: SIGKILL at random moments, and what it left;
//! - [`Dice`]: chance with a seed.

mod answer;
mod built;
mod call;
mod kill;
mod plugins;
pub mod store;
mod volume;

pub use crate::dice::Dice;
pub use answer::Answer;
pub use built::beside;
pub use call::{Call, Running};
pub use kill::{KillReport, kill_loop};
pub use plugins::{PluginDir, reference};
pub use volume::Volume;

/// Whether the long versions of tests are wanted (`CADASTRE_LONG=1`, set by `cargo xtask test --long`).
#[must_use]
pub fn is_long() -> bool {
    std::env::var_os("CADASTRE_LONG").is_some_and(|value| value != "0")
}
