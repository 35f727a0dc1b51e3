use std::net::IpAddr;
use std::path::{Path, PathBuf};

use addr::Family;

use super::args::Args;
use super::fields;
use super::options::Options;
use super::range::Written;
use super::{RangeSet, Route, range_set, requested};
use crate::error::Error;
use crate::json::{Json, Object};
use crate::protocol::{CniVersion, Network};

/// Where reservations live when no `dataDir` is named.
pub const DEFAULT_DATA_DIR: &str = "/var/lib/cni/networks";

/// A network configuration as the allocator understands it (spec §4.1), checked throughout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Directory of all networks; may be relative to the working directory.
    pub data_dir: PathBuf,
    /// In the order in which addresses appear in results. Whoever takes one out keeps the numbers of the others.
    pub range_sets: Vec<RangeSet>,
    /// `ipam.routes`.
    pub routes: Vec<Route>,
    /// `ipam.resolvConf`: the file from which the `dns` of results is read.
    pub resolv_conf: Option<PathBuf>,
    /// Addresses asked for, in order of precedence, without repetitions.
    pub requested: Vec<IpAddr>,
    /// What goes beyond the replaced plugin.
    pub options: Options,
}

impl Config {
    /// Reads the configuration; `args` is `CNI_ARGS`.
    ///
    /// # Errors
    /// Code 999, in the words of spec §4.1 and §4.2.
    pub fn read(network: &Network, args: &str) -> Result<Self, Error> {
        let document = &network.document;
        let missing = || Error::allocator("IPAM config missing 'ipam' key");
        let ipam = fields::object(document, "", "ipam")?.ok_or_else(missing)?;
        let options = Options::read(ipam)?;
        let written = written_sets(document, ipam)?;
        let routes = Route::read_all(ipam)?;
        let requested = requested::requested(document, &Args::parse(args)?)?;
        let resolv_conf = fields::text(ipam, "ipam", "resolvConf")?.filter(|path| !path.is_empty());
        let data_dir = fields::text(ipam, "ipam", "dataDir")?.filter(|path| !path.is_empty());
        Ok(Self {
            data_dir: PathBuf::from(data_dir.unwrap_or(DEFAULT_DATA_DIR)),
            range_sets: checked_sets(written, &options, network)?,
            routes,
            resolv_conf: resolv_conf.map(PathBuf::from),
            requested,
            options,
        })
    }
}

/// `ipam.dataDir` for commands that need nothing else and must not fail for the rest (spec §4.6, §4.8).
#[must_use]
pub fn data_dir(network: &Network) -> PathBuf {
    let named = network
        .ipam()
        .and_then(|ipam| ipam.get("dataDir"))
        .and_then(Json::as_str);
    let named = named.filter(|path| !path.is_empty());
    Path::new(named.unwrap_or(DEFAULT_DATA_DIR)).to_owned()
}

/// `runtimeConfig.ipRanges`, then the old form, then `ipam.ranges`.
fn written_sets(document: &Object, ipam: &Object) -> Result<Vec<Vec<Written>>, Error> {
    let mut sets = Vec::new();
    if let Some(runtime) = fields::object(document, "", "runtimeConfig")?
        && let Some(ranges) = fields::list(runtime, "runtimeConfig", "ipRanges")?
    {
        sets.extend(range_set::read(ranges, "runtimeConfig.ipRanges")?);
    }
    let old_form = Written::read(ipam, "ipam")?;
    if old_form.subnet.is_some() {
        sets.push(vec![old_form]);
    }
    if let Some(ranges) = fields::list(ipam, "ipam", "ranges")? {
        sets.extend(range_set::read(ranges, "ipam.ranges")?);
    }
    Ok(sets)
}

fn checked_sets(
    written: Vec<Vec<Written>>,
    options: &Options,
    network: &Network,
) -> Result<Vec<RangeSet>, Error> {
    if written.is_empty() {
        return Err(Error::allocator("no IP ranges specified"));
    }
    // Sets without a range count, too: each of them is compared with the others.
    let count = written.iter().map(|set| set.len().max(1)).sum();
    fields::check_length("ipam.ranges", count)?;
    let numbered = written.into_iter().enumerate();
    let sets: Result<Vec<RangeSet>, Error> = numbered
        .map(|(number, written)| RangeSet::check(number, written, options))
        .collect();
    let sets = sets?;
    let several = |family| sets.iter().filter(|set| set.family() == family).count() > 1;
    if network.version < CniVersion::V0_3_0 && Family::ALL.into_iter().any(several) {
        return Err(Error::allocator(format!(
            "CNI version {} does not support more than 1 address per family",
            network.written_version
        )));
    }
    for (i, one) in sets.iter().enumerate() {
        if let Some(other) = sets.iter().skip(i + 1).find(|other| one.overlaps(other)) {
            let (i, j) = (one.number, other.number);
            return Err(Error::allocator(format!("range set {i} overlaps with {j}")));
        }
    }
    Ok(sets)
}
