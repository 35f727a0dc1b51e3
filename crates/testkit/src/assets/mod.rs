//! The programs of a control plane: found, fetched or built.
//!
//! Order: the folder named by `KUBEBUILDER_ASSETS`; our cache; the official test archive pinned in
//! `tools/control-plane/archive.pins`, where the network allows it; a build from the Go modules pinned in
//! `tools/control-plane/go.mod` (about 6 minutes on two cores, once). Needs std only, so that `xtask` can use it
//! without compiling a Kubernetes client.

mod archive;
mod cache;
mod capi;
mod go;
mod step;
mod tool;
mod toolchain;

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

pub use capi::{CapiCrds, CapiVersion, capi_crds};
pub use tool::{HELM, KUBECTL, Tool};

use cache::Slot;

/// Name of the variable that envtest users set to a folder with the binaries.
const ENV: &str = "KUBEBUILDER_ASSETS";

const ETCD: &str = "etcd";
const APISERVER: &str = "kube-apiserver";
const CONTROLLER_MANAGER: &str = "kube-controller-manager";

/// A folder that holds at least `etcd` and `kube-apiserver`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assets {
    /// The folder, absolute where the environment variable was.
    pub dir: PathBuf,
    controller_manager: Option<PathBuf>,
}

impl Assets {
    /// Path of `etcd`.
    #[must_use]
    pub fn etcd(&self) -> PathBuf {
        self.dir.join(ETCD)
    }

    /// Path of `kube-apiserver`.
    #[must_use]
    pub fn kube_apiserver(&self) -> PathBuf {
        self.dir.join(APISERVER)
    }

    /// Path of `kube-controller-manager`; `None` when the binaries came from an archive, which does not contain it.
    /// [`ensure_controller_manager`] builds the missing one.
    #[must_use]
    pub fn kube_controller_manager(&self) -> Option<PathBuf> {
        self.controller_manager.clone()
    }

    /// `Some` when `dir` holds the two programs every control plane needs.
    fn at(dir: &Path) -> Option<Self> {
        let complete = [ETCD, APISERVER].iter().all(|name| dir.join(name).is_file());
        complete.then(|| Self {
            dir: dir.to_owned(),
            controller_manager: Some(dir.join(CONTROLLER_MANAGER)).filter(|path| path.is_file()),
        })
    }
}

/// Writes a progress line to standard error: the usual argument of [`ensure`].
pub fn to_stderr(line: &str) {
    eprintln!("{line}");
}

/// Finds the programs, or makes them. Safe to call from many threads and processes at once: one works, the others
/// wait for it. Milliseconds when they are there, up to ten minutes when they must be built.
///
/// `progress` gets a line for each step, and at least one every 10 seconds.
///
/// # Errors
/// `KUBEBUILDER_ASSETS` names a folder without the programs, Go is missing or too old, or the build failed. The
/// message says what to do.
pub fn ensure(progress: &mut dyn FnMut(&str)) -> Result<Assets> {
    if let Some(dir) = assets_from_env() {
        return checked_env(&dir);
    }
    let slot = Slot::of_pins()?;
    let ready = || Assets::at(slot.dir()).is_some();
    if !ready()
        && let Some(_lock) = slot.lock(ready, progress)?
        && !archive::try_fetch(&slot, &[ETCD, APISERVER], progress)?
    {
        for program in [go::ETCD, go::APISERVER, go::CONTROLLER_MANAGER] {
            go::build(&slot, &program, progress)?;
        }
    }
    Assets::at(slot.dir()).with_context(|| format!("{} lacks programs just made", slot.dir().display()))
}

/// Like [`ensure`], and builds `kube-controller-manager` (about 2 minutes, once) when the folder has none.
///
/// # Errors
/// As [`ensure`].
pub fn ensure_controller_manager(progress: &mut dyn FnMut(&str)) -> Result<Assets> {
    let mut assets = ensure(progress)?;
    if assets.controller_manager.is_some() {
        return Ok(assets);
    }
    let slot = Slot::of_pins()?;
    let path = slot.dir().join(CONTROLLER_MANAGER);
    let ready = || path.is_file();
    if !ready()
        && let Some(_lock) = slot.lock(ready, progress)?
    {
        go::build(&slot, &go::CONTROLLER_MANAGER, progress)?;
    }
    assets.controller_manager = Some(path);
    Ok(assets)
}

fn assets_from_env() -> Option<PathBuf> {
    env::var_os(ENV)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

fn checked_env(dir: &Path) -> Result<Assets> {
    let Some(assets) = Assets::at(dir) else {
        bail!(
            "{ENV} is {}, which does not hold both {ETCD} and {APISERVER}; correct or unset it",
            dir.display()
        );
    };
    Ok(assets)
}

/// The folder `tools/` of this checkout.
fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools")
}

#[cfg(test)]
mod tests;
