//! A CNI directory.

use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::recognise::{Found, MODE, is_same, look};
use crate::cli::args::Fail;

/// The file that all names are hard links of.
pub(super) const BASE: &str = "cadastre-cni";

/// What a file of somebody else is called while ours has its name.
const ASIDE: &str = "before-cadastre";

/// A directory in which a runtime looks for plugins. One installer at a time: the directory is locked while it is
/// changed.
pub(super) struct Place {
    path: PathBuf,
    dir: File,
}

impl Place {
    /// # Errors
    /// There is no such directory.
    pub(super) fn open(path: &Path) -> Result<Self, Fail> {
        let refused = |e: io::Error| {
            Fail::unknown(format!(
                "--dir {}: {e}; name the CNI directory of the runtime",
                path.display()
            ))
        };
        let dir = File::open(path).map_err(refused)?;
        if !path.is_dir() {
            return Err(refused(io::Error::from(io::ErrorKind::NotADirectory)));
        }
        Ok(Self {
            path: path.to_owned(),
            dir,
        })
    }

    /// Installs the program under its own name and `names`; returns a line about each.
    ///
    /// # Errors
    /// A file cannot be read or written; what was done so far stays, each name whole.
    pub(super) fn fill(
        &self,
        program: &Path,
        names: &[&str],
        replace_host_local: bool,
    ) -> Result<Vec<String>, Fail> {
        let _lock = self.lock()?;
        let mut lines = Vec::new();
        let base = self.base(program, &mut lines)?;
        for name in names {
            lines.push(self.name(name, program, &base, replace_host_local)?);
        }
        self.dir.sync_all().map_err(|e| self.failed("write", BASE, &e))?;
        Ok(lines)
    }

    /// Takes everything of ours out and puts back what was there; returns a line about each.
    ///
    /// # Errors
    /// A file cannot be read or removed.
    pub(super) fn clear(&self, names: &[&str]) -> Result<Vec<String>, Fail> {
        let _lock = self.lock()?;
        let lines: Result<_, Fail> = names
            .iter()
            .chain(&[BASE])
            .map(|name| self.clear_name(name))
            .collect();
        for name in names.iter().chain(&[BASE]) {
            self.discard(name);
        }
        lines
    }

    /// What our names look like, to notice that something has changed.
    pub(super) fn look(&self, names: &[&str]) -> Vec<Option<Metadata>> {
        let names = names.iter().chain(&[BASE]);
        names
            .map(|name| fs::symlink_metadata(self.path.join(name)).ok())
            .collect()
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The lock of a network file system may not exist; then nobody else takes it, either.
    fn lock(&self) -> Result<File, Fail> {
        let lock = self.dir.try_clone().map_err(|e| self.failed("lock", ".", &e))?;
        match flock(&lock, FlockOperation::LockExclusive) {
            Ok(()) | Err(rustix::io::Errno::NOTSUP | rustix::io::Errno::NOLCK | rustix::io::Errno::NOSYS) => {
                Ok(lock)
            }
            Err(e) => Err(self.failed("lock", ".", &e.into())),
        }
    }

    fn base(&self, program: &Path, lines: &mut Vec<String>) -> Result<Metadata, Fail> {
        let failed = |e: &io::Error| self.failed("install", BASE, e);
        let path = self.path.join(BASE);
        match look(&path, Some(program)).map_err(|e| failed(&e))? {
            Found::Current(file) => {
                lines.push(format!("{}: is there already", path.display()));
                return Ok(file);
            }
            Found::Foreign => self.set_aside(BASE).map_err(|e| failed(&e))?,
            Found::Ours | Found::Nothing => {}
        }
        let draft = self.path.join(draft(BASE));
        self.write(&draft, program)
            .and_then(|()| fs::rename(&draft, &path))
            .map_err(|e| failed(&e))?;
        lines.push(format!("{}: installed", path.display()));
        fs::metadata(&path).map_err(|e| failed(&e))
    }

    fn name(
        &self,
        name: &str,
        program: &Path,
        base: &Metadata,
        replace_host_local: bool,
    ) -> Result<String, Fail> {
        let failed = |e: &io::Error| self.failed("install", name, e);
        let path = self.path.join(name);
        let shown = path.display();
        let done = match look(&path, Some(program)).map_err(|e| failed(&e))? {
            Found::Current(file) if is_same(&file, base) => return Ok(format!("{shown}: is there already")),
            Found::Foreign if name == "host-local" && !replace_host_local => {
                return Ok(format!(
                    "{shown}: somebody else's, left alone; --replace-host-local replaces it"
                ));
            }
            Found::Foreign => {
                self.set_aside(name).map_err(|e| failed(&e))?;
                format!("{shown}: installed; what was there is {} now", aside(name))
            }
            Found::Current(_) | Found::Ours | Found::Nothing => format!("{shown}: installed"),
        };
        let draft = self.path.join(draft(name));
        self.discard(name);
        // A file system without hard links gets a copy.
        let made = fs::hard_link(self.path.join(BASE), &draft).or_else(|_| self.write(&draft, program));
        made.and_then(|()| fs::rename(&draft, &path))
            .map_err(|e| failed(&e))?;
        Ok(done)
    }

    /// The newest foreign file is the one to put back. The name keeps what it has until ours replaces it.
    fn set_aside(&self, name: &str) -> io::Result<()> {
        let (path, draft, aside) = (
            self.path.join(name),
            self.path.join(draft(name)),
            self.path.join(aside(name)),
        );
        let _ = fs::remove_file(&draft);
        match fs::hard_link(&path, &draft) {
            Ok(()) => fs::rename(&draft, &aside),
            // Without hard links the name is gone for a moment.
            Err(_) => fs::rename(&path, &aside),
        }
    }

    fn clear_name(&self, name: &str) -> Result<String, Fail> {
        let failed = |e: &io::Error| self.failed("remove", name, e);
        let (path, kept) = (self.path.join(name), self.path.join(aside(name)));
        let shown = path.display();
        let found = look(&path, None).map_err(|e| failed(&e))?;
        let is_kept = fs::symlink_metadata(&kept).is_ok();
        match found {
            Found::Foreign if is_kept => Ok(format!(
                "{shown}: somebody else's, left alone, and so is {}",
                aside(name)
            )),
            Found::Foreign => Ok(format!("{shown}: somebody else's, left alone")),
            Found::Nothing if !is_kept => Ok(format!("{shown}: is not there")),
            Found::Nothing | Found::Ours | Found::Current(_) if is_kept => {
                fs::rename(&kept, &path).map_err(|e| failed(&e))?;
                Ok(format!("{shown}: what was there before is back"))
            }
            Found::Nothing | Found::Ours | Found::Current(_) => {
                fs::remove_file(&path).map_err(|e| failed(&e))?;
                Ok(format!("{shown}: removed"))
            }
        }
    }

    /// A whole file, on the disk before it gets its name.
    fn write(&self, path: &Path, program: &Path) -> io::Result<()> {
        let _ = fs::remove_file(path);
        let mut file = File::options()
            .write(true)
            .create_new(true)
            .mode(MODE)
            .open(path)?;
        io::copy(&mut File::open(program)?, &mut file)?;
        // The mask of the process must not take away what every runtime needs.
        file.set_permissions(Permissions::from_mode(MODE))?;
        file.sync_all()
    }

    /// What an installer that died may have left.
    fn discard(&self, name: &str) {
        let _ = fs::remove_file(self.path.join(draft(name)));
    }

    fn failed(&self, what: &str, name: &str, why: &io::Error) -> Fail {
        let path = self.path.join(name);
        Fail::unknown(format!(
            "cannot {what} {}: {why}; run this as root on a directory that can be written to",
            path.display()
        ))
    }
}

fn aside(name: &str) -> String {
    format!("{name}.{ASIDE}")
}

/// No plugin has such a name.
fn draft(name: &str) -> String {
    format!(".{name}.cadastre-new")
}
