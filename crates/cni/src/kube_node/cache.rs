//! The files of [`NodeCache`]: which one is whose, reading, and writing in one step (spec cni-ipam §5.5).

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    process,
};

use crate::plan::{DEFAULT_DATA_DIR, NodeCache};

/// Larger than any we write; a bound against a file that is something else.
const SIZE_LIMIT: u64 = 1 << 20;

/// Where a network keeps what it knows of its node.
#[derive(Debug)]
pub(super) struct CacheFiles {
    /// Of this name in the format's home: may belong to another network with the same data directory.
    shared: PathBuf,
    /// Ours alone, used when the shared one is another's.
    own: PathBuf,
    /// Where a new file is made ready. Not in a network directory: everything there is read by others.
    workshop: PathBuf,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) cache: Option<NodeCache>,
    /// The shared file is another network's.
    foreign: bool,
}

impl CacheFiles {
    /// With an explicit data directory the files are beside the network directory, else inside it.
    pub(super) fn new(data_dir: Option<&str>, network: &str) -> Self {
        let workshop = PathBuf::from(data_dir.unwrap_or(DEFAULT_DATA_DIR));
        let folder = if data_dir.is_some() {
            workshop.clone()
        } else {
            workshop.join(network)
        };
        Self {
            shared: folder.join("kube-node.json"),
            own: folder.join(format!("kube-node.{network}.json")),
            workshop,
        }
    }

    /// The cache for this network and annotation, whatever its age.
    pub(super) fn load(&self, network: &str, annotation: &str) -> Found {
        let shared = read(&self.shared);
        let foreign = shared
            .as_ref()
            .is_some_and(|cache| !cache.is_for(network, annotation));
        let usable = |cache: &NodeCache| cache.is_for(network, annotation);
        let cache = shared.filter(usable).or_else(|| read(&self.own).filter(usable));
        Found { cache, foreign }
    }

    /// Replaces the file of this network.
    pub(super) fn store(&self, cache: &NodeCache, found: &Found) -> io::Result<()> {
        let target = if found.foreign { &self.own } else { &self.shared };
        let folder = target.parent().unwrap_or(Path::new("/"));
        fs::DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let draft = self.workshop.join(format!(".{name}.{}", process::id()));
        let written = write(&draft, &cache.to_bytes()).and_then(|()| fs::rename(&draft, target));
        if written.is_err() {
            // It may not even exist.
            let _ = fs::remove_file(&draft);
        }
        written
    }
}

fn read(path: &Path) -> Option<NodeCache> {
    let small = fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() <= SIZE_LIMIT);
    if small {
        NodeCache::parse(&fs::read(path).ok()?)
    } else {
        None
    }
}

fn write(draft: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o644)
        .open(draft)?;
    file.write_all(bytes)
}
