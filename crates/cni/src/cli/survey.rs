//! Everything that is reserved on this node, read once.

use std::fs;
use std::path::{Path, PathBuf};

use addr::{AddrRange, AddrSet};

use super::args::{Args, Fail};
use super::evidence::Evidence;
use super::known::Known;
use super::state::{Held, Holder, Life};
use crate::clock;
use crate::json::{Json, Object};
use crate::plan::RangeSet;
use crate::protocol;
use crate::store::Store;

/// Where network configurations are.
const CONF_DIR: &str = "/etc/cni/net.d";

/// What is reserved, network by network.
#[derive(Debug)]
pub(super) struct Survey {
    pub(super) networks: Vec<NetworkView>,
    /// Data directories that were looked into.
    pub(super) data_dirs: Vec<PathBuf>,
}

/// A network directory.
#[derive(Debug)]
pub(super) struct NetworkView {
    pub(super) name: String,
    pub(super) data_dir: PathBuf,
    /// By address.
    pub(super) held: Vec<Held>,
    /// Empty where nobody says which ranges the network has.
    pub(super) ranges: Vec<Counted>,
    /// A configuration says that what is from before a start of the machine stays (`"reclaimOnBoot": false`).
    pub(super) survives_boot: bool,
}

/// A range set, counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) set: RangeSet,
    /// Addresses that may be handed out.
    pub(super) total: u128,
    /// Of these, how many are not taken.
    pub(super) free: u128,
    /// The file that names the ranges.
    pub(super) source: PathBuf,
}

impl Survey {
    /// Reads what `--data-dir`, `--conf-dir` and `--network` say. Takes no lock and changes nothing.
    ///
    /// # Errors
    /// A directory that was named does not exist; one that cannot be read.
    pub(super) fn read(args: &Args) -> Result<Self, Fail> {
        let known = Known::read(&args.path("--conf-dir").unwrap_or_else(|| PathBuf::from(CONF_DIR)));
        let named: Vec<PathBuf> = args.all("--data-dir").map(PathBuf::from).collect();
        if let Some(missing) = named.iter().find(|path| !path.is_dir()) {
            let path = missing.display();
            return Err(Fail::unknown(format!(
                "--data-dir {path} is not a directory; name the dataDir of the network"
            )));
        }
        let data_dirs = if named.is_empty() {
            known.data_dirs()
        } else {
            named
        };
        let wanted = args.text("--network")?;
        let (evidence, now) = (Evidence::gather(), clock::now());
        let mut networks = Vec::new();
        for data_dir in &data_dirs {
            for name in names(data_dir)?
                .into_iter()
                .filter(|name| wanted.is_none_or(|wanted| wanted == name))
            {
                networks.extend(view(data_dir, &name, &known, &evidence, now)?);
            }
        }
        match wanted {
            Some(wanted) if networks.is_empty() => Err(no_network(wanted, &data_dirs)),
            _ => Ok(Self { networks, data_dirs }),
        }
    }

    /// Everything that is taken, whatever network it is in.
    pub(super) fn held(&self) -> impl Iterator<Item = &Held> {
        self.networks.iter().flat_map(|network| &network.held)
    }

    /// What a person calls by an address or a container id.
    ///
    /// # Errors
    /// Nothing has that name.
    pub(super) fn called(&self, name: &str) -> Result<Vec<&Held>, Fail> {
        let found: Vec<&Held> = self.held().filter(|held| held.is_called(name)).collect();
        if found.is_empty() {
            let places = listed(&self.data_dirs);
            return Err(Fail::no(format!(
                "nothing is reserved for {name} in {places}; name an address, or at least six characters of a container id"
            )));
        }
        Ok(found)
    }
}

impl Counted {
    fn of(set: &RangeSet, source: &Path, taken: &AddrSet) -> Self {
        let mut offered = AddrSet::new();
        for range in &set.ranges {
            let mut all = AddrSet::from(range.addresses);
            // Only the gateway of its own range is skipped.
            if let Some(gateway) = range.gateway {
                all.remove(AddrRange::single(gateway));
            }
            offered = offered.union(&all.difference(&range.excluded));
        }
        let free = offered.difference(taken);
        Self {
            set: set.clone(),
            total: offered.count(),
            free: free.count(),
            source: source.to_owned(),
        }
    }
}

/// Sub-directories that may be those of networks.
fn names(data_dir: &Path) -> Result<Vec<String>, Fail> {
    let entries = match fs::read_dir(data_dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|e| {
            Fail::unknown(format!(
                "cannot read {}: {e}; run this as root on the node",
                data_dir.display()
            ))
        })?,
    };
    let is_name = |name: &String| {
        let document = Object::from_iter([("name", Json::from(name.as_str()))]);
        protocol::name(&document).is_ok()
    };
    let folders = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut names: Vec<String> = folders
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(is_name)
        .collect();
    names.sort_unstable();
    Ok(names)
}

/// `None` for a directory that is no network's.
fn view(
    data_dir: &Path,
    name: &str,
    known: &Known,
    evidence: &Evidence,
    now: u64,
) -> Result<Option<NetworkView>, Fail> {
    let Some(store) = Store::open(data_dir, name)?.filter(Store::is_network) else {
        return Ok(None);
    };
    let held: Vec<Held> = store
        .survey()?
        .into_iter()
        .map(|entry| Held {
            network: name.to_owned(),
            data_dir: data_dir.to_owned(),
            address: entry.address,
            holder: Holder::of(&entry.found),
            life: Life::of(&entry, evidence),
            age: now.saturating_sub(entry.written),
            entry,
        })
        .collect();
    // Torn files are free; another spelling does not take the address.
    let taking = held
        .iter()
        .filter(|held| held.holder != Holder::Torn && held.entry.name == held.address.to_string());
    let taken: AddrSet = taking.map(|held| held.address).collect();
    let ranges = known.ranges(data_dir, name);
    let ranges = ranges.iter().flat_map(|ranges| {
        ranges
            .sets
            .iter()
            .map(|set| Counted::of(set, &ranges.source, &taken))
    });
    Ok(Some(NetworkView {
        name: name.to_owned(),
        data_dir: data_dir.to_owned(),
        ranges: ranges.collect(),
        held,
        survives_boot: known.survives_boot(data_dir, name),
    }))
}

fn no_network(name: &str, data_dirs: &[PathBuf]) -> Fail {
    let places = listed(data_dirs);
    Fail::unknown(format!(
        "there is no network {name} in {places}; name its dataDir with --data-dir"
    ))
}

fn listed(data_dirs: &[PathBuf]) -> String {
    let texts: Vec<String> = data_dirs.iter().map(|path| path.display().to_string()).collect();
    texts.join(", ")
}
