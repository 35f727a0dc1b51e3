//! The files of [`NodeCache`]: which one is whose, reading, and writing in one step (spec cni-ipam §5.5).

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use crate::{
    file::{Target, read_small},
    plan::{DEFAULT_DATA_DIR, NodeCache},
};

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
#[derive(Debug)]
pub(super) struct Found {
    /// The cache, or why there is none: a sentence about the files.
    pub(super) cache: Result<NodeCache, String>,
    /// The file that has it, or would.
    pub(super) path: PathBuf,
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
        let found = |cache: Result<NodeCache, String>, path: &Path| Found {
            cache: cache.map_err(|why| format!("no cached ranges in {why}")),
            path: path.to_owned(),
        };
        let why_shared = match read_for(&self.shared, network, annotation) {
            Ok(cache) => return found(Ok(cache), &self.shared),
            Err(why) => why,
        };
        let is_foreign = matches!(why_shared, Unusable::Foreign(_));
        let why_shared = format!("{} ({why_shared})", self.shared.display());
        match read_for(&self.own, network, annotation) {
            // Left from when the shared one was another's.
            Ok(cache) => found(Ok(cache), if is_foreign { &self.own } else { &self.shared }),
            Err(why) if is_foreign => {
                let why = format!("{why_shared} or {} ({why})", self.own.display());
                found(Err(why), &self.own)
            }
            Err(_) => found(Err(why_shared), &self.shared),
        }
    }

    /// Replaces the file in which a cache was found or missed.
    pub(super) fn store(&self, cache: &NodeCache, found: &Found) -> io::Result<()> {
        let folder = found.path.parent().unwrap_or(Path::new("/"));
        fs::DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
        let target = Target {
            path: &found.path,
            workshop: &self.workshop,
            mode: 0o644,
            durable: false,
        };
        target.replace(&cache.to_bytes())
    }
}

/// Why a file gives no ranges.
enum Unusable {
    Missing,
    Torn,
    Unreadable(io::Error),
    /// Another network's or annotation's.
    Foreign(String),
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => out.write_str("missing"),
            Self::Torn => out.write_str("torn"),
            Self::Unreadable(error) => error.fmt(out),
            Self::Foreign(whose) => out.write_str(whose),
        }
    }
}

fn read_for(path: &Path, network: &str, annotation: &str) -> Result<NodeCache, Unusable> {
    let bytes = read_small(path, SIZE_LIMIT).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Unusable::Missing,
        _ => Unusable::Unreadable(error),
    })?;
    let cache = NodeCache::parse(&bytes).ok_or(Unusable::Torn)?;
    match &cache.origin {
        Some(origin) if !cache.is_for(network, annotation) => {
            Err(Unusable::Foreign(if origin.network == network {
                match origin.annotation.as_str() {
                    "" => "of spec.podCIDRs".to_owned(),
                    annotation => format!("of annotation {annotation}"),
                }
            } else {
                format!("of network {}", origin.network)
            }))
        }
        _ => Ok(cache),
    }
}
