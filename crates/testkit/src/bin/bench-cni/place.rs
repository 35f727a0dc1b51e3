//! Where the data directories lie: memory and disk; and who works on them.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::cni::Call;

use crate::driver::Job;

/// The magic number of tmpfs in statfs(2).
const TMPFS: u64 = 0x0102_1994;

/// A kind of file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// tmpfs at `/dev/shm`.
    Memory,
    /// What the build folder lies on.
    Disk,
}

impl Place {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Memory => "tmpfs",
            Self::Disk => "disk",
        }
    }

    /// A new folder there.
    pub(crate) fn folder(self) -> Result<TempDir> {
        let parent = match self {
            Self::Memory => PathBuf::from("/dev/shm"),
            Self::Disk => std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from),
        };
        let parent = parent
            .canonicalize()
            .with_context(|| format!("no folder {}", parent.display()))?;
        let kind = rustix::fs::statfs(&parent)?.f_type;
        let in_memory = u64::try_from(kind).is_ok_and(|kind| kind == TMPFS);
        ensure!(
            in_memory == (self == Self::Memory),
            "{} is the wrong kind of file system for {}",
            parent.display(),
            self.name()
        );
        Ok(tempfile::Builder::new()
            .prefix("cadastre-bench-")
            .tempdir_in(parent)?)
    }
}

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The reference plugin.
    Reference,
    /// Ours.
    Ours,
}

impl Side {
    pub(crate) const BOTH: [Self; 2] = [Self::Reference, Self::Ours];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Ours => "ours",
        }
    }
}

/// The programs, under the names they are called by.
#[derive(Debug)]
pub(crate) struct Programs {
    pub(crate) reference: PathBuf,
    pub(crate) ours: PathBuf,
    pub(crate) kube_node: PathBuf,
}

impl Programs {
    pub(crate) fn of(&self, side: Side) -> &Path {
        match side {
            Side::Reference => &self.reference,
            Side::Ours => &self.ours,
        }
    }
}

/// A data directory with jobs on it.
#[derive(Debug)]
pub(crate) struct Ground {
    program: PathBuf,
    folder: TempDir,
    job: Job,
}

impl Ground {
    /// An empty one for one side, with these ranges.
    pub(crate) fn new(place: Place, programs: &Programs, side: Side, ranges: &Value) -> Result<Self> {
        let folder = place.folder()?;
        let data = folder.path().join("data");
        let ipam = json!({"type": "host-local", "dataDir": data, "ranges": ranges});
        let config = json!({"cniVersion": "1.0.0", "name": "net", "type": "bridge", "ipam": ipam});
        let job = Job::new(Call::new(programs.of(side), "ADD"), &config, folder.path())?;
        Ok(Self {
            program: programs.of(side).to_owned(),
            folder,
            job,
        })
    }

    pub(crate) fn job(&self, verb: &str, id: &str) -> Job {
        self.job.with(verb, id)
    }

    /// STATUS, which came with 1.1.0; the reference of Debian does not know it.
    pub(crate) fn status(&self) -> Result<Job> {
        let mut config: Value = serde_json::from_str(&self.job.config()?)?;
        config["cniVersion"] = json!("1.1.0");
        Job::new(Call::new(&self.program, "STATUS"), &config, self.folder.path())
    }

    /// Deletes what ours keeps beside the network directory.
    pub(crate) fn forget(&self) -> Result<()> {
        match fs::remove_dir_all(self.folder.path().join("data/.ipam-index")) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => Ok(other?),
        }
    }

    pub(crate) fn network(&self) -> PathBuf {
        self.folder.path().join("data/net")
    }

    /// Reserves an address for a container that does not matter, as the reference writes it.
    pub(crate) fn reserve(&self, address: &str) -> Result<()> {
        let network = self.network();
        fs::create_dir_all(&network)?;
        Ok(fs::write(
            network.join(address),
            format!("other-{address}\r\neth0"),
        )?)
    }

    /// Says which address range set 0 gave last.
    pub(crate) fn set_last(&self, address: &str) -> Result<()> {
        Ok(fs::write(self.network().join("last_reserved_ip.0"), address)?)
    }
}
