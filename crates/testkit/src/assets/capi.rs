//! The custom resource definitions of Cluster API, from its own releases.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::cache::{Slot, short_hex};
use super::{go, tools};

const MODULE: &str = "sigs.k8s.io/cluster-api";

/// Files under `config/crd/bases` of that module, in the order of the fields of [`CapiCrds`].
const FILES: [&str; 3] = [
    "cluster.x-k8s.io_clusters.yaml",
    "ipam.cluster.x-k8s.io_ipaddresses.yaml",
    "ipam.cluster.x-k8s.io_ipaddressclaims.yaml",
];

/// A release line of Cluster API; the patch version is pinned in `tools/cluster-api/go.sum`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CapiVersion {
    /// 1.7: IPAM v1alpha1 and v1beta1 (stored); claims have no `spec.clusterName`.
    V1_7,
    /// 1.10: IPAM v1alpha1 and v1beta1 (stored), with `spec.clusterName`; Clusters v1beta1 only.
    V1_10,
    /// 1.13: IPAM v1alpha1, v1beta1 and v1beta2 (stored); Clusters v1beta1 and v1beta2 (stored).
    #[default]
    V1_13,
}

impl CapiVersion {
    /// All of them, oldest first.
    pub const ALL: [Self; 3] = [Self::V1_7, Self::V1_10, Self::V1_13];

    const fn prefix(self) -> &'static str {
        match self {
            Self::V1_7 => "v1.7.",
            Self::V1_10 => "v1.10.",
            Self::V1_13 => "v1.13.",
        }
    }
}

/// YAML files of the three kinds an IPAM provider speaks with, as the release ships them (without the conversion
/// webhook, which belongs to a running Cluster API).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapiCrds {
    /// The full version, such as `v1.13.6`.
    pub version: String,
    /// `clusters.cluster.x-k8s.io`.
    pub clusters: PathBuf,
    /// `ipaddresses.ipam.cluster.x-k8s.io`.
    pub ip_addresses: PathBuf,
    /// `ipaddressclaims.ipam.cluster.x-k8s.io`.
    pub ip_address_claims: PathBuf,
}

impl CapiCrds {
    /// The three files in the order in which they are best applied.
    #[must_use]
    pub fn files(&self) -> [&PathBuf; 3] {
        [&self.clusters, &self.ip_addresses, &self.ip_address_claims]
    }
}

/// The definitions of one release, fetched with `go` on first use (12 MB) and kept in the cache.
///
/// # Errors
/// The pin is missing, Go is missing, or the module proxy does not serve the module.
pub fn capi_crds(version: CapiVersion, progress: &mut dyn FnMut(&str)) -> Result<CapiCrds> {
    let pins = tools().join("cluster-api");
    let sums_path = pins.join("go.sum");
    let sums =
        fs::read_to_string(&sums_path).with_context(|| format!("cannot read {}", sums_path.display()))?;
    let (full, sum) = pinned(&sums, version)
        .with_context(|| format!("{} has no line for {}x", sums_path.display(), version.prefix()))?;
    let slot = Slot::named(
        "cluster-api",
        &format!("{full}-{}", short_hex(&Sha256::digest(sum))),
    );
    let complete = || FILES.iter().all(|name| slot.dir().join(name).is_file());
    if !complete()
        && let Some(_lock) = slot.lock(complete, progress)?
    {
        fill(&slot, &pins, full, progress)?;
    }
    let [clusters, ip_addresses, ip_address_claims] = FILES.map(|name| slot.dir().join(name));
    Ok(CapiCrds {
        version: full.to_owned(),
        clusters,
        ip_addresses,
        ip_address_claims,
    })
}

/// Version and checksum of the pinned release of a line: `module version h1:…`, not the `/go.mod` lines.
pub(super) fn pinned(sums: &str, version: CapiVersion) -> Option<(&str, &str)> {
    sums.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let (module, full, sum) = (words.next()?, words.next()?, words.next()?);
        (module == MODULE && full.starts_with(version.prefix()) && !full.ends_with("/go.mod"))
            .then_some((full, sum))
    })
}

fn fill(slot: &Slot, pins: &std::path::Path, full: &str, progress: &mut dyn FnMut(&str)) -> Result<()> {
    let module = go::download(pins, MODULE, full, &slot.dir().join("download.log"), progress)?;
    for name in FILES {
        let from = module.join("config/crd/bases").join(name);
        // Read and write instead of copy: files of the module cache are read-only and a copy would be, too.
        let yaml = fs::read(&from).with_context(|| format!("cannot read {}", from.display()))?;
        let draft = slot.draft(name);
        fs::write(&draft, yaml).with_context(|| format!("cannot write {}", draft.display()))?;
        slot.publish(name)?;
    }
    Ok(())
}
