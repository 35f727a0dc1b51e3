//! One call, and what it asks for.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;

use serde_json::{Value, json};
use testkit::cni::Call;

/// Container ids that are none.
pub(super) const BAD_IDS: &[&str] = &["-bad", "a/b", "a\n", ".."];

/// Interface names that are none.
pub(super) const BAD_INTERFACES: &[&str] = &["a b", "..", "sixteen-letters-", "a:b"];

/// Versions that both know.
pub(super) const VERSIONS: &[&str] = &["1.0.0", "0.4.0", "0.3.1", "0.3.0", "0.2.0", "0.1.0"];

/// Files to begin with, and calls.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub(super) before: Vec<(String, String)>,
    pub(super) steps: Vec<Step>,
}

/// One call.
#[derive(Clone)]
pub(super) struct Step {
    pub(super) verb: String,
    pub(super) id: String,
    pub(super) ifname: String,
    pub(super) prev_result: Vec<IpAddr>,
    pub(super) without: Option<&'static str>,
    pub(super) args: Option<&'static str>,
    pub(super) config: Value,
}

impl Step {
    /// The call to this program with this data directory.
    pub(super) fn call(&self, program: &Path, data: &Path, resolv: &Path) -> Call {
        let mut config = self.config.clone();
        if config["ipam"].is_object() {
            config["ipam"]["dataDir"] = json!(data);
        }
        if config["ipam"]["resolvConf"].is_string() {
            config["ipam"]["resolvConf"] = json!(resolv);
        }
        if !self.prev_result.is_empty() {
            let ip = |address: &IpAddr| json!({"address": format!("{address}/{}", if address.is_ipv4() { 29 } else { 64 })});
            let ips: Vec<Value> = self.prev_result.iter().map(ip).collect();
            config["prevResult"] = json!({"cniVersion": config["cniVersion"], "ips": ips});
        }
        let mut call = Call::new(program, &self.verb)
            .id(&self.id)
            .env("CNI_IFNAME", &self.ifname)
            .config(&config);
        if let Some(args) = self.args {
            call = call.env("CNI_ARGS", args);
        }
        match self.without {
            Some(variable) => call.without(variable),
            None => call,
        }
    }

    /// How many things the protocol layer has against it. With more than one, which is named first depends on the
    /// version of the library: Debian's checks identifiers last, and for unknown commands too.
    pub(super) fn faults(&self) -> usize {
        let bad_name = self.config["name"] != "net";
        let bad_version = self.config["cniVersion"]
            .as_str()
            .is_some_and(|v| !v.is_empty() && !VERSIONS.contains(&v));
        let old_check =
            self.verb == "CHECK" && self.config["cniVersion"].as_str().is_none_or(|v| v < "0.4.0");
        let faults = [
            !["ADD", "DEL", "CHECK", "VERSION"].contains(&self.verb.as_str()),
            BAD_IDS.contains(&self.id.as_str()),
            BAD_INTERFACES.contains(&self.ifname.as_str()),
            self.without.is_some(),
            bad_name,
            bad_version,
            old_check,
        ];
        faults.into_iter().filter(|fault| *fault).count()
    }

    /// The number of the range set that has this address, in the order of spec §4.1; of a configuration that both take.
    pub(super) fn set_of(&self, address: IpAddr) -> Option<usize> {
        self.sets()
            .iter()
            .position(|set| set.iter().any(|range| holds(range, address)))
    }

    /// Whether it asks for two addresses of one set, of which only one can be had.
    pub(super) fn several_in_one_set(&self) -> bool {
        let mut sets: Vec<usize> = self
            .requested()
            .into_iter()
            .filter_map(|address| self.set_of(address))
            .collect();
        let all = sets.len();
        sets.sort_unstable();
        sets.dedup();
        sets.len() < all
    }

    /// `ipRanges`, the old form, `ranges`.
    fn sets(&self) -> Vec<Vec<Value>> {
        let lists = |value: &Value| -> Vec<Vec<Value>> {
            let sets = value.as_array().into_iter().flatten();
            sets.filter_map(|set| set.as_array().cloned()).collect()
        };
        let ipam = &self.config["ipam"];
        let old_form = ipam["subnet"].is_string().then(|| vec![ipam.clone()]);
        let runtime = lists(&self.config["runtimeConfig"]["ipRanges"]);
        runtime
            .into_iter()
            .chain(old_form)
            .chain(lists(&ipam["ranges"]))
            .collect()
    }

    /// The addresses it asks for, as far as they are addresses.
    pub(super) fn requested(&self) -> Vec<IpAddr> {
        let from_args = self.args.into_iter().flat_map(|args| args.split(';'));
        let from_args = from_args.filter_map(|pair| pair.strip_prefix("IP="));
        let lists = [
            &self.config["runtimeConfig"]["ips"],
            &self.config["args"]["cni"]["ips"],
        ];
        let from_lists = lists
            .into_iter()
            .filter_map(Value::as_array)
            .flatten()
            .filter_map(Value::as_str);
        let texts = from_args
            .chain(from_lists)
            .filter_map(|text| text.split('/').next());
        let mut found: Vec<IpAddr> = texts.filter_map(|text| text.parse().ok()).collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Whether a range has an address. Written apart from the program under test: plain arithmetic on numbers.
fn holds(range: &Value, address: IpAddr) -> bool {
    let number = |address: IpAddr| match address {
        IpAddr::V4(address) => (4, u128::from(u32::from(address))),
        IpAddr::V6(address) => (6, u128::from(address)),
    };
    let limit = |key: &str| range[key].as_str()?.parse::<IpAddr>().ok().map(number);
    let Some((network, length)) = range["subnet"].as_str().and_then(|subnet| subnet.split_once('/')) else {
        return false;
    };
    let (Ok(network), Ok(length)) = (network.parse::<IpAddr>(), length.parse::<u32>()) else {
        return false;
    };
    let ((family, first), bits) = (number(network), if network.is_ipv4() { 32 } else { 128 });
    let last = first + ((1_u128 << (bits - length)) - 1);
    let start = limit("rangeStart").unwrap_or((family, first + 1));
    let end = limit("rangeEnd").unwrap_or((family, if family == 4 { last - 1 } else { last }));
    let asked = number(address);
    asked.0 == family && start <= asked && asked <= end
}

impl fmt::Debug for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}/{} {}", self.verb, self.id, self.ifname, self.config)?;
        if let Some(args) = self.args {
            write!(out, " CNI_ARGS={args}")?;
        }
        if let Some(variable) = self.without {
            write!(out, " without {variable}")?;
        }
        if !self.prev_result.is_empty() {
            write!(out, " prevResult {:?}", self.prev_result)?;
        }
        Ok(())
    }
}
