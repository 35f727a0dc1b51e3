use nispor::{BondConf, BridgeConf, VlanConf, VrfConf, VxlanConf};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::refuse::{Problem, Problems};
use crate::backend::kernel::net::{Kind, Link};

/// Keys of an interface that hold the options of a kind.
pub(super) const SECTIONS: [&str; 5] = ["bridge", "link-aggregation", "vlan", "vxlan", "vrf"];

/// Ticks of the kernel's interface per second (`USER_HZ`).
const TICKS: u64 = 100;

/// What the link shall be: its kind, with the options that were written.
///
/// None when nothing about it was written, which is so for most changes of links that exist.
pub(super) fn read(
    name: &str,
    item: &Value,
    desired: &Value,
    link: Option<&Link>,
    problems: &mut Problems,
) -> Option<Kind> {
    let whole = whole(name, desired);
    let text = |key: &str| {
        let own = item.get(key).and_then(Value::as_str);
        own.or_else(|| whole?.get(key)?.as_str())
    };
    let peer = || {
        let veth = item.get("veth").or_else(|| whole?.get("veth"));
        veth.and_then(|veth| veth.get("peer")?.as_str())
    };
    let path = |rest: &str| format!("interfaces.{name}.{rest}");
    let is_veth = |link: &Link| matches!(link.kind, Kind::Veth { .. });
    let wanted = match text("type") {
        Some("veth") => "veth",
        Some("ethernet") if peer().is_some() && link.is_none_or(is_veth) => "veth",
        Some(other) => other,
        None => link?.kind.name(),
    };
    let mut options = Options { name, item, problems };
    let kind = match wanted {
        "ethernet" => Kind::Ethernet,
        "loopback" => Kind::Loopback,
        "veth" => match peer() {
            Some(peer) => Kind::Veth {
                peer: Some(peer.to_owned()),
            },
            None => Kind::Ethernet,
        },
        "dummy" => Kind::Dummy,
        "linux-bridge" => Kind::Bridge(options.bridge()),
        "bond" => Kind::Bond(options.bond()),
        "vlan" => Kind::Vlan(options.vlan()),
        "vxlan" => Kind::Vxlan(options.vxlan()),
        "vrf" => Kind::Vrf(options.vrf()),
        "unknown" => return None,
        other => {
            problems.add(Problem::not_supported(
                path("type"),
                format!("the kernel back end does not make links of type {other}"),
            ));
            return None;
        }
    };
    match (link, kind) {
        // There and of no kind that has options: nothing to say.
        (Some(_), Kind::Ethernet | Kind::Loopback | Kind::Dummy) => None,
        (Some(link), kind) if std::mem::discriminant(&link.kind) != std::mem::discriminant(&kind) => {
            problems.add(Problem::wrong(
                path("type"),
                format!("it is a {} now; delete that first", link.kind.name()),
            ));
            None
        }
        (_, kind) => Some(kind),
    }
}

/// The entry of the whole document.
fn whole<'a>(name: &str, desired: &'a Value) -> Option<&'a Value> {
    let list = desired.get("interfaces")?.as_array()?;
    list.iter()
        .find(|item| item.get("name").and_then(Value::as_str) == Some(name))
}

struct Options<'a> {
    name: &'a str,
    item: &'a Value,
    problems: &'a mut Problems,
}

impl Options<'_> {
    fn refuse(&mut self, rest: &str, reason: String) {
        let path = format!("interfaces.{}.{rest}", self.name);
        self.problems.add(Problem::not_supported(path, reason));
    }

    /// Reads a document of nispor; a value it does not take is a problem of this path.
    fn document<T: DeserializeOwned + Default>(&mut self, section: &str, fields: Map<String, Value>) -> T {
        serde_json::from_value(Value::Object(fields)).unwrap_or_else(|error| {
            let path = format!("interfaces.{}.{section}", self.name);
            self.problems.add(Problem::wrong(path, error.to_string()));
            T::default()
        })
    }

    fn section(&self, name: &str) -> Map<String, Value> {
        let section = self.item.get(name).and_then(Value::as_object);
        let filled = section
            .into_iter()
            .flatten()
            .filter(|(_, value)| !value.is_null());
        filled.map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    fn vlan(&mut self) -> VlanConf {
        let mut fields = Map::new();
        for (key, value) in self.section("vlan") {
            match key.as_str() {
                "id" => put(&mut fields, "vlan-id", value),
                "base-iface" | "protocol" | "ingress-qos-map" | "egress-qos-map" => {
                    put(&mut fields, &key, value);
                }
                "reorder-headers" => put(&mut fields, "is-reorder-hdr", value),
                "loose-binding" => put(&mut fields, "is-loose-binding", value),
                "registration-protocol" => {
                    put(&mut fields, "is-gvrp", json!(value == "gvrp"));
                    put(&mut fields, "is-mvrp", json!(value == "mvrp"));
                }
                other => self.refuse(
                    &format!("vlan.{other}"),
                    "not known to the kernel back end".to_owned(),
                ),
            }
        }
        self.document("vlan", fields)
    }

    fn vxlan(&mut self) -> VxlanConf {
        let mut fields = Map::new();
        for (key, value) in self.section("vxlan") {
            match key.as_str() {
                "id" => put(&mut fields, "vxlan-id", value),
                "base-iface" if value == "" => {}
                "base-iface" | "learning" | "local" | "remote" => put(&mut fields, &key, value),
                "destination-port" => put(&mut fields, "dst-port", value),
                other => self.refuse(
                    &format!("vxlan.{other}"),
                    "not known to the kernel back end".to_owned(),
                ),
            }
        }
        self.document("vxlan", fields)
    }

    fn vrf(&mut self) -> VrfConf {
        let mut fields = Map::new();
        for (key, value) in self.section("vrf") {
            match key.as_str() {
                "route-table-id" => put(&mut fields, "table-id", value),
                "port" | "ports" => {}
                other => self.refuse(
                    &format!("vrf.{other}"),
                    "not known to the kernel back end".to_owned(),
                ),
            }
        }
        self.document("vrf", fields)
    }

    fn bond(&mut self) -> BondConf {
        let mut fields = Map::new();
        for (key, value) in self.section("link-aggregation") {
            match key.as_str() {
                "mode" => put(&mut fields, "mode", value),
                "port" | "ports" | "slaves" | "ports-config" => {}
                "options" => {
                    for (key, value) in value.as_object().into_iter().flatten() {
                        self.bond_option(key, value, &mut fields);
                    }
                }
                other => self.refuse(
                    &format!("link-aggregation.{other}"),
                    "not known to the kernel back end".to_owned(),
                ),
            }
        }
        self.document("link-aggregation", fields)
    }

    /// nmstate writes them as the kernel's module does, nispor in kebab-case and in today's words.
    fn bond_option(&mut self, key: &str, value: &Value, fields: &mut Map<String, Value>) {
        match key {
            "balance-slb" | "balance_slb" => {
                if value != &Value::Bool(false) {
                    self.refuse(
                        "link-aggregation.options.balance-slb",
                        "only NetworkManager does this".to_owned(),
                    );
                }
            }
            "all_slaves_active" => put(fields, "all-ports-active", value.clone()),
            "packets_per_slave" => put(fields, "packets-per-port", value.clone()),
            "num_grat_arp" | "num_unsol_na" => put(fields, "num-unsol-na", value.clone()),
            "arp_ip_target" => {
                let list = value.as_str().unwrap_or_default().split(',');
                let list: Vec<&str> = list.map(str::trim).filter(|part| !part.is_empty()).collect();
                // Empty says: no targets, which is what there is without this.
                if !list.is_empty() {
                    put(fields, "arp-ip-target", json!(list));
                }
            }
            "arp_validate" | "lacp_rate" => {
                let text = value.as_str().map(|text| text.replace('_', "-"));
                put(
                    fields,
                    &key.replace('_', "-"),
                    text.map_or_else(|| value.clone(), Value::from),
                );
            }
            other => put(fields, &other.replace('_', "-"), value.clone()),
        }
    }

    fn bridge(&mut self) -> BridgeConf {
        let mut fields = Map::new();
        let options = self.section("bridge").remove("options").unwrap_or_default();
        for (key, value) in options
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, value)| !value.is_null())
        {
            self.bridge_option(key, value, &mut fields);
        }
        self.document("bridge.options", fields)
    }

    fn bridge_option(&mut self, key: &str, value: &Value, fields: &mut Map<String, Value>) {
        let as_is = match key {
            "group-forward-mask" | "group-fwd-mask" => "group-fwd-mask",
            "hash-max" => "mcast-hash-max",
            "multicast-last-member-count" => "mcast-last-member-count",
            "multicast-last-member-interval" => "mcast-last-member-interval",
            "multicast-membership-interval" => "mcast-membership-interval",
            "multicast-querier" => "mcast-querier",
            "multicast-querier-interval" => "mcast-querier-interval",
            "multicast-query-interval" => "mcast-query-interval",
            "multicast-query-response-interval" => "mcast-query-response-interval",
            "multicast-query-use-ifaddr" => "mcast-query-use-ifaddr",
            "multicast-snooping" => "mcast-snooping",
            "multicast-startup-query-count" => "mcast-startup-query-count",
            "multicast-startup-query-interval" => "mcast-startup-query-interval",
            "vlan-protocol" | "vlan-default-pvid" => key,
            "mac-ageing-time" => return put(fields, "ageing-time", ticks(value)),
            "multicast-router" => return put(fields, "mcast-router", router(value)),
            "group-addr" => return put(fields, "group-address", octets(value)),
            "stp" => return self.stp(value, fields),
            // Clocks that run by themselves: they are reported, never set.
            "gc-timer" | "hello-timer" => return,
            other => {
                let path = format!("bridge.options.{other}");
                return self.refuse(&path, "not known to the kernel back end".to_owned());
            }
        };
        put(fields, as_is, value.clone());
    }

    fn stp(&mut self, stp: &Value, fields: &mut Map<String, Value>) {
        for (key, value) in stp
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, value)| !value.is_null())
        {
            match key.as_str() {
                "enabled" => {
                    let state = if value == &Value::Bool(true) {
                        "kernel-stp"
                    } else {
                        "disabled"
                    };
                    put(fields, "stp-state", json!(state));
                }
                "forward-delay" => put(fields, "forward-delay", ticks(value)),
                "hello-time" => put(fields, "hello-time", ticks(value)),
                "max-age" => put(fields, "max-age", ticks(value)),
                "priority" => put(fields, "priority", value.clone()),
                other => {
                    let path = format!("bridge.options.stp.{other}");
                    self.refuse(&path, "not known to the kernel back end".to_owned());
                }
            }
        }
    }
}

fn put(fields: &mut Map<String, Value>, key: &str, value: Value) {
    fields.insert(key.to_owned(), value);
}

/// Seconds to the kernel's ticks.
fn ticks(value: &Value) -> Value {
    value
        .as_u64()
        .map_or_else(|| value.clone(), |seconds| json!(seconds.saturating_mul(TICKS)))
}

fn router(value: &Value) -> Value {
    match value.as_str() {
        Some("auto") => json!("temp-query"),
        Some("enabled") => json!("perm"),
        _ => value.clone(),
    }
}

fn octets(value: &Value) -> Value {
    let text = value.as_str().unwrap_or_default();
    let octets: Result<Vec<u8>, _> = text.split(':').map(|part| u8::from_str_radix(part, 16)).collect();
    octets.map_or_else(|_| value.clone(), |octets| json!(octets))
}
