//! Where fetched and built files live, outside the tree, and who may write there.

use std::env;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::tools;

/// `$XDG_CACHE_HOME/cadastre`, else `$HOME/.cache/cadastre`, else a folder in the temporary directory.
#[must_use]
pub fn root() -> PathBuf {
    let set = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path: &PathBuf| path.is_absolute())
    };
    set("XDG_CACHE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(env::temp_dir)
        .join("cadastre")
}

/// One folder of the cache. Files appear in it by rename only, so what is there is complete.
pub(super) struct Slot {
    dir: PathBuf,
}

impl Slot {
    /// The folder of the control plane that `tools/control-plane` pins.
    pub(super) fn of_pins() -> Result<Self> {
        let pins = tools().join("control-plane");
        let mut hash = Sha256::new();
        for name in ["go.mod", "go.sum", "archive.pins"] {
            let path = pins.join(name);
            hash.update(fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?);
        }
        hash.update(format!("{}/{}", env::consts::OS, env::consts::ARCH));
        let key = short_hex(&hash.finalize());
        Ok(Self::named("control-plane", &key))
    }

    /// The folder `<root>/<area>/<key>`; made on the first [`Slot::lock`].
    pub(super) fn named(area: &str, key: &str) -> Self {
        Self::at(root().join(area).join(key))
    }

    /// Any folder.
    pub(super) fn at(dir: PathBuf) -> Self {
        Self { dir }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Takes the right to write here, waiting for another process that has it. Released on drop, also by a crash.
    pub(super) fn lock(&self, progress: &mut dyn FnMut(&str)) -> Result<File> {
        fs::create_dir_all(&self.dir).with_context(|| {
            format!(
                "cannot make {}; set XDG_CACHE_HOME to a folder you can write",
                self.dir.display()
            )
        })?;
        let path = self.dir.join(".lock");
        let context = || format!("cannot lock {}", path.display());
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .with_context(context)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                progress(&format!(
                    "waiting for another process that fills {}",
                    self.dir.display()
                ));
                file.lock().with_context(context)?;
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(context),
        }
        Ok(file)
    }

    /// A path in the slot to write `name` to before [`Slot::publish`]; same file system, so the rename is atomic.
    /// Only the holder of the lock may use it.
    pub(super) fn draft(&self, name: &str) -> PathBuf {
        self.dir.join(format!(".draft-{name}"))
    }

    /// Makes a finished draft visible under its name.
    pub(super) fn publish(&self, name: &str) -> Result<()> {
        let to = self.dir.join(name);
        fs::rename(self.draft(name), &to).with_context(|| format!("cannot place {}", to.display()))
    }
}

/// The first 12 hexadecimal digits of a hash: enough to tell pins apart, short enough for a path.
pub(super) fn short_hex(hash: &[u8]) -> String {
    hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}
