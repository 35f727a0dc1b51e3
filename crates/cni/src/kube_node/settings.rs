//! The `ipam` section of `kube-node` (spec cni-ipam §5.2).

use crate::{
    delegate::NextIpam,
    error::{Error, code},
    json::{Json, Object},
    protocol::Network,
};

use super::log::Log;

/// What the configuration says.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) kubeconfig: Option<String>,
    /// Key of the node annotation with the ranges; empty for `spec.podCIDRs`.
    pub(super) annotation: String,
    pub(super) data_dir: Option<String>,
    /// Who gets IPv4; `None` means everyone.
    pub(super) ipv4_namespaces: Option<Vec<String>>,
    pub(super) log: Log,
    pub(super) node_name: Option<String>,
    pub(super) next: Option<NextIpam>,
    /// Seconds; 0 means until an error.
    pub(super) cache_ttl: u64,
    /// Members of the section that the allocator understands and that are not about ranges.
    pub(super) passed_on: Object,
}

/// Members the allocator gets as they are.
const PASSED_ON: [&str; 9] = [
    "routes",
    "resolvConf",
    "allowSmall",
    "idempotentAdd",
    "sync",
    "cooldown",
    "reclaimOnBoot",
    "reclaimOnExhaustion",
    "sticky",
];

impl Settings {
    /// # Errors
    /// Code 6: no `ipam` section, or a member of the wrong kind.
    pub(super) fn read(network: &Network) -> Result<Self, Error> {
        let ipam = section(network)?;
        let level = match ipam.get("loglevel") {
            Some(Json::Number(level)) => level.to_string(),
            Some(Json::String(level)) => level.clone(),
            _ => String::new(),
        };
        Ok(Self {
            kubeconfig: text(ipam, "kubeconfig")?,
            annotation: text(ipam, "annotation")?.unwrap_or_default(),
            data_dir: text(ipam, "dataDir")?,
            ipv4_namespaces: namespaces(ipam)?,
            log: Log::open(text(ipam, "logfile")?.as_deref(), &level),
            node_name: text(ipam, "nodeName")?,
            next: text(ipam, "nextipam")?.as_deref().and_then(NextIpam::parse),
            cache_ttl: cache_ttl(ipam)?,
            passed_on: passed_on(ipam),
        })
    }

    /// The same for DEL and GC: what is malformed counts as absent.
    ///
    /// # Errors
    /// Code 6: no `ipam` section.
    pub(super) fn read_leniently(network: &Network) -> Result<Self, Error> {
        let ipam = section(network)?;
        let text = |key| text(ipam, key).ok().flatten();
        Ok(Self {
            kubeconfig: None,
            annotation: text("annotation").unwrap_or_default(),
            data_dir: text("dataDir"),
            ipv4_namespaces: None,
            log: text("logfile").map_or_else(Log::none, |file| Log::open(Some(&file), "")),
            node_name: None,
            next: text("nextipam").as_deref().and_then(NextIpam::parse),
            cache_ttl: 0,
            passed_on: passed_on(ipam),
        })
    }
}

fn section(network: &Network) -> Result<&Object, Error> {
    match network.document.get("ipam") {
        Some(Json::Object(ipam)) => Ok(ipam),
        None => Err(undecodable("No IPAM found")),
        Some(other) => Err(undecodable(&format!(
            "ipam must be an object, not a {}",
            other.kind()
        ))),
    }
}

fn undecodable(details: &str) -> Error {
    Error::new(code::DECODE, "Decode stdin").with_details(details)
}

/// A text; `None` when absent or empty.
fn text(ipam: &Object, key: &str) -> Result<Option<String>, Error> {
    match ipam.get(key) {
        None => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(other) => Err(undecodable(&format!(
            "ipam.{key} must be a string, not a {}",
            other.kind()
        ))),
    }
}

fn namespaces(ipam: &Object) -> Result<Option<Vec<String>>, Error> {
    let wrong = || undecodable("ipam.ipv4-namespaces must be a list of strings");
    let Some(list) = ipam.get("ipv4-namespaces") else {
        return Ok(None);
    };
    let names = list.as_list().ok_or_else(wrong)?.iter().map(|name| match name {
        Json::String(name) => Ok(name.clone()),
        // As in a Go list of strings: an empty name, which no pod has.
        Json::Null => Ok(String::new()),
        _ => Err(wrong()),
    });
    names.collect::<Result<_, _>>().map(Some)
}

fn cache_ttl(ipam: &Object) -> Result<u64, Error> {
    let wrong = || undecodable("ipam.cacheTTL must be a whole number of seconds, 0 or more");
    match ipam.get("cacheTTL") {
        None => Ok(0),
        Some(Json::Number(seconds)) => seconds.as_u64().ok_or_else(wrong),
        Some(_) => Err(wrong()),
    }
}

fn passed_on(ipam: &Object) -> Object {
    PASSED_ON
        .iter()
        .filter_map(|key| Some((*key, ipam.get(key)?.clone())))
        .collect()
}
