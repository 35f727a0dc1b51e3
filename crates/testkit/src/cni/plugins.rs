//! Where plugins are.

use std::env;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use tempfile::TempDir;

/// Folders that distributions and Kubernetes put the reference plugins in.
const FOLDERS: &[&str] = &["/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"];

/// The reference plugin of this name: in `$CADASTRE_CNI_REFERENCE` if set, else in one of the usual folders.
///
/// # Errors
/// When it is in none of them.
pub fn reference(name: &str) -> Result<PathBuf> {
    let given = env::var_os("CADASTRE_CNI_REFERENCE").map(PathBuf::from);
    let usual = FOLDERS.iter().map(PathBuf::from);
    given
        .into_iter()
        .chain(usual)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .ok_or_else(|| {
            anyhow!(
                "no reference plugin {name} in {}; install the Debian package containernetworking-plugins",
                FOLDERS.join(", ")
            )
        })
}

/// A folder of links, one per plugin, as `CNI_PATH` names it. Deleted on drop.
#[derive(Debug)]
pub struct PluginDir(TempDir);

impl PluginDir {
    /// Links each name to its program.
    ///
    /// # Errors
    /// When a link cannot be made.
    pub fn new(plugins: &[(&str, &Path)]) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("cadastre-cni-").tempdir()?;
        for (name, program) in plugins {
            symlink(program, folder.path().join(name))
                .with_context(|| format!("cannot link {name} to {}", program.display()))?;
        }
        Ok(Self(folder))
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The program under this name.
    #[must_use]
    pub fn plugin(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}
