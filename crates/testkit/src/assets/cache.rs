//! Where fetched and built files live, outside the tree, and who may write there.

use std::env;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::{step, tools};

/// `$XDG_CACHE_HOME/cadastre`, else `$HOME/.cache/cadastre`, else a folder in the temporary directory.
#[must_use]
pub(super) fn root() -> PathBuf {
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

    /// Takes the right to write here, waiting for another process that has it; `None` as soon as `ready` says that
    /// there is nothing left to do. Released on drop, also by a crash.
    pub(super) fn lock(
        &self,
        ready: impl Fn() -> bool,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Option<File>> {
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
        let (started, mut told) = (Instant::now(), None::<Instant>);
        while !ready() {
            match file.try_lock() {
                // Another process may have finished between the two questions.
                Ok(()) => return Ok(Some(file).filter(|_| !ready())),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error).with_context(context),
            }
            if told.is_none_or(|told| told.elapsed() >= step::SIGN_OF_LIFE) {
                told = Some(Instant::now());
                let waited = started.elapsed().as_secs();
                progress(&format!(
                    "waiting for another process that fills {} … {waited} s",
                    self.dir.display()
                ));
            }
            thread::sleep(step::POLL);
        }
        Ok(None)
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
