//! The control plane's programs, found or made by the test kit.

use std::{
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Instant,
};

use anyhow::{Context, Result, anyhow};

use crate::step::{Seconds, note};

/// Variable that tells the test kit, and everybody else's test kits, where the programs are.
const FOLDER: &str = "KUBEBUILDER_ASSETS";

/// Variable that tells tests and benches which `cadastre` to start.
const BINARY: &str = "CADASTRE_BIN";

/// Makes sure etcd and kube-apiserver are there and returns their folder.
///
/// # Errors
/// When they can be neither found, fetched nor built.
pub(crate) fn ensure() -> Result<PathBuf> {
    let started = Instant::now();
    let mut progress = |line: &str| note("control plane", format_args!("{line}"));
    let assets = testkit::assets::ensure(&mut progress).context(
        "control plane failed; or set KUBEBUILDER_ASSETS to a folder with etcd and kube-apiserver",
    )?;
    progress(&format!(
        "{} (found in {})",
        assets.dir.display(),
        Seconds(started.elapsed())
    ));
    Ok(assets.dir)
}

/// Does `work` (compiling, usually) while the control plane is found or built, and returns its folder.
///
/// # Errors
/// What failed first: `work`, then the control plane.
pub(crate) fn ensure_while(work: impl FnOnce() -> Result<()>) -> Result<PathBuf> {
    thread::scope(|scope| {
        let assets = scope.spawn(ensure);
        let worked = work();
        let assets = assets
            .join()
            .map_err(|_| anyhow!("control plane: the thread building it panicked"))?;
        worked.and(assets)
    })
}

/// Tells `command` where the control plane's programs and our binary are.
pub(crate) fn announce<'a>(command: &'a mut Command, assets: &Path, binary: &Path) -> &'a mut Command {
    command.env(FOLDER, assets).env(BINARY, binary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_hear_where_things_are() {
        let mut command = Command::new("true");
        announce(&mut command, Path::new("/a"), Path::new("/b/cadastre"));
        let heard: Vec<_> = command
            .get_envs()
            .map(|(name, value)| (name.to_owned(), value.map(Into::into)))
            .collect();
        let expected = [(BINARY, "/b/cadastre"), (FOLDER, "/a")];
        assert_eq!(
            heard,
            expected.map(|(name, value)| (name.into(), Some(std::ffi::OsString::from(value))))
        );
    }
}
