//! On which interfaces to listen.

use std::collections::BTreeSet;
use std::io;

use serde_json::Value;

use super::frame::Mac;
use crate::packet::{self, Interface};

/// The interfaces to listen on, and the addresses that are our own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// In order of their names.
    pub listen: Vec<Link>,
    /// Addresses of all interfaces of the host: frames from them are our own, coming back over a loop in the network.
    pub own: BTreeSet<Mac>,
}

/// One interface to listen on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// Name, such as `eth1`.
    pub name: String,
    /// Kernel index. An interface that is deleted and made again under the same name has another one.
    pub index: u32,
    /// Without carrier nothing is heard, so there is no socket; what was heard before holds until its time is up.
    pub carrier: bool,
}

impl Links {
    /// The interfaces of this network namespace whose name is in `names`, as they are now.
    ///
    /// # Errors
    /// When the kernel does not list its interfaces.
    pub fn of_host(names: &BTreeSet<String>) -> io::Result<Self> {
        let mut links = Self::default();
        for interface in packet::interfaces()? {
            let Interface {
                name,
                index,
                mac,
                running,
                ..
            } = interface;
            links.own.extend(mac.filter(|mac| *mac != Mac::default()));
            if mac.is_some() && names.contains(&name) {
                links.listen.push(Link {
                    name,
                    index,
                    carrier: running,
                });
            }
        }
        links.listen.sort();
        Ok(links)
    }
}

/// Names of the interfaces of a state in nmstate's schema that have a cable or look as if: type `ethernet` or `veth`,
/// and not left alone (`state: ignore`), which is what pod plumbing is.
#[must_use]
pub fn cabled(state: &Value) -> BTreeSet<String> {
    let interfaces = state.get("interfaces").and_then(Value::as_array);
    interfaces
        .into_iter()
        .flatten()
        .filter(|interface| is_cabled(interface))
        .filter_map(|interface| interface.get("name").and_then(Value::as_str))
        .map(str::to_owned)
        .collect()
}

fn is_cabled(interface: &Value) -> bool {
    let text = |key| interface.get(key).and_then(Value::as_str);
    matches!(text("type"), Some("ethernet" | "veth")) && text("state") != Some("ignore")
}
