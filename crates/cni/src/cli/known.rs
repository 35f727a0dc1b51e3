//! What is known of the ranges of networks: host-local keeps none on disk, so they come from the network
//! configurations of this node and from what `kube-node` and `node-annotation` remember.

use std::fs;
use std::path::{Path, PathBuf};

use crate::file;
use crate::json::{Json, Object};
use crate::plan::{AnnotationRecord, Config, DEFAULT_DATA_DIR, NodeCache, RangeSet, annotation};
use crate::protocol::{self, CniVersion, Network};

/// Larger than any file of these kinds.
const SIZE_LIMIT: u64 = 1 << 20;

/// Range sets of a network, and where they were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ranges {
    pub(super) source: PathBuf,
    pub(super) sets: Vec<RangeSet>,
}

/// What the node's files say.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// An `ipam` section of one of our types, with the file it is in.
    configured: Vec<(PathBuf, Network)>,
}

impl Known {
    /// Reads the network configurations of a folder: `*.conf`, `*.conflist`, `*.json`. Files of another kind are
    /// somebody else's.
    pub(super) fn read(folder: &Path) -> Self {
        let mut configured = Vec::new();
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let is_configuration = path
                .extension()
                .is_some_and(|end| end == "conf" || end == "conflist" || end == "json");
            if let Some(document) = is_configuration.then(|| object(&path)).flatten() {
                configured.extend(
                    networks(&document)
                        .into_iter()
                        .map(|network| (path.clone(), network)),
                );
            }
        }
        configured.sort_by(|(a, _), (b, _)| a.cmp(b));
        Self { configured }
    }

    /// The data directories in use: the default one, those of the configurations, and those that annotations have named.
    pub(super) fn data_dirs(&self) -> Vec<PathBuf> {
        let mut found = vec![PathBuf::from(DEFAULT_DATA_DIR)];
        let configured = self
            .configured
            .iter()
            .map(|(_, network)| crate::plan::data_dir(network));
        for path in configured
            .chain(recorded_dirs())
            .filter(|path| path.is_absolute())
        {
            if !found.contains(&path) {
                found.push(path);
            }
        }
        found
    }

    /// The ranges of a network with reservations in this data directory; `None` where nobody says.
    pub(super) fn ranges(&self, data_dir: &Path, network: &str) -> Option<Ranges> {
        self.configured_ranges(data_dir, network)
            .or_else(|| from_cache(data_dir, network))
            .or_else(|| from_record(data_dir, network))
    }

    /// Whether a configuration of the network, or the annotation it is allocated by, says `"reclaimOnBoot": false`.
    pub(super) fn survives_boot(&self, data_dir: &Path, network: &str) -> bool {
        let refuses = |ipam: &Object| ipam.get("reclaimOnBoot") == Some(&Json::Bool(false));
        let configured = self.configured.iter().any(|(_, one)| {
            // What else the data directory is taken from, is not in the configuration.
            let is_here = kind(one) != Some("host-local") || crate::plan::data_dir(one) == data_dir;
            one.name == network && is_here && one.ipam().is_some_and(refuses)
        });
        configured || record_of(data_dir, network).is_some_and(|(_, members)| refuses(&members))
    }

    fn configured_ranges(&self, data_dir: &Path, network: &str) -> Option<Ranges> {
        let (source, network) = self.configured.iter().find(|(_, one)| {
            one.name == network && kind(one) == Some("host-local") && crate::plan::data_dir(one) == data_dir
        })?;
        let sets = Config::read(network, "").ok()?.range_sets;
        Some(Ranges {
            source: source.clone(),
            sets,
        })
    }
}

/// The cache of `kube-node`: beside the network directory, or in it.
fn from_cache(data_dir: &Path, network: &str) -> Option<Ranges> {
    let inside = data_dir.join(network);
    let names = [format!("kube-node.{network}.json"), "kube-node.json".to_owned()];
    let places = [&inside, data_dir]
        .into_iter()
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)));
    places.into_iter().find_map(|path| {
        let cache = NodeCache::parse(&small(&path)?)?;
        let is_ours = cache
            .origin
            .as_ref()
            .is_none_or(|origin| origin.network == network);
        let sets = is_ours.then(|| sets(network, cache.ranges)).flatten()?;
        Some(Ranges { source: path, sets })
    })
}

/// What `node-annotation` remembers.
fn from_record(data_dir: &Path, network: &str) -> Option<Ranges> {
    let (source, members) = record_of(data_dir, network)?;
    let mut ipam = annotation::section("host-local", &members);
    annotation::nest_ranges(&mut ipam);
    Some(Ranges {
        source,
        sets: sets(network, ipam)?,
    })
}

/// What the annotation of a network says, with the file that remembers it.
fn record_of(data_dir: &Path, network: &str) -> Option<(PathBuf, Object)> {
    let path = Path::new(DEFAULT_DATA_DIR).join(AnnotationRecord::file_name(network));
    let record = AnnotationRecord::parse(&small(&path)?)?;
    let is_here = data_dir == Path::new(DEFAULT_DATA_DIR)
        || record.data_dirs.iter().any(|one| Path::new(one) == data_dir);
    let members = is_here.then(|| annotation::parse(&record.text).ok()).flatten()?;
    Some((path, members))
}

/// Every data directory that annotations have named.
fn recorded_dirs() -> Vec<PathBuf> {
    let entries = fs::read_dir(DEFAULT_DATA_DIR).into_iter().flatten().flatten();
    let is_record = |name: &str| name.starts_with("node-annotation.") && name.ends_with(".json");
    let records = entries
        .filter(|entry| entry.file_name().to_str().is_some_and(is_record))
        .filter_map(|entry| AnnotationRecord::parse(&small(&entry.path())?));
    records
        .flat_map(|record| record.data_dirs)
        .map(PathBuf::from)
        .collect()
}

/// Range sets as the allocator reads them.
fn sets(name: &str, ipam: Object) -> Option<Vec<RangeSet>> {
    let document = Object::from_iter([("name", Json::from(name)), ("ipam", Json::Object(ipam))]);
    Some(Config::read(&network(&document)?, "").ok()?.range_sets)
}

/// The networks of a configuration or a list of them that use one of our plugins.
fn networks(document: &Object) -> Vec<Network> {
    let single = network(document);
    let plugins = document
        .get("plugins")
        .and_then(Json::as_list)
        .unwrap_or_default();
    let listed = plugins.iter().filter_map(Json::as_object).filter_map(|plugin| {
        let mut plugin = plugin.clone();
        plugin.set("name", document.get("name")?.clone());
        network(&plugin)
    });
    let ours = |network: &Network| {
        matches!(
            kind(network),
            Some("host-local" | "kube-node" | "node-annotation")
        )
    };
    single.into_iter().chain(listed).filter(ours).collect()
}

fn network(document: &Object) -> Option<Network> {
    Some(Network {
        name: protocol::name(document).ok()?.to_owned(),
        version: CniVersion::V1_1_0,
        written_version: CniVersion::V1_1_0.text().to_owned(),
        document: document.clone(),
    })
}

fn kind(network: &Network) -> Option<&str> {
    network.ipam()?.get("type")?.as_str()
}

fn object(path: &Path) -> Option<Object> {
    match serde_json::from_slice(&small(path)?).ok()? {
        Json::Object(object) => Some(object),
        _ => None,
    }
}

fn small(path: &Path) -> Option<Vec<u8>> {
    file::read_small(path, SIZE_LIMIT).ok()
}
