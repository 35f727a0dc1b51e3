//! What a guest agent answers.

use std::path::PathBuf;

use serde_json::{Value, json};

/// What happens when the guest of a running VM is asked for its interfaces.
#[derive(Clone, Debug, Default)]
pub enum Guest {
    /// `500 No QEMU guest agent configured`: the option is off in the VM. The default.
    #[default]
    NotConfigured,
    /// These interfaces.
    Interfaces(Vec<Interface>),
    /// This value under `data.result`, such as `null`.
    Result(Value),
    /// `{"data":null}`.
    NoData,
    /// `500 QEMU guest agent is not running`, after the time for a ping.
    NotRunning,
    /// The ping is fine, the query is not: the text with `got timeout`, after the time for a command.
    Timeout,
    /// 200 with the error object of a guest whose policy blocks the query.
    Disabled,
    /// 200 with another error object.
    Error {
        /// Such as `GenericError`.
        class: String,
        /// Any text.
        desc: String,
    },
    /// The daemon itself hangs: `596 Connection timed out` after the time for forwarded requests.
    Hung,
    /// Asked from a real `qemu-ga` that listens on this UNIX socket.
    Socket(PathBuf),
}

impl Guest {
    /// Interfaces by name, with addresses such as `10.0.0.5/24`, see [`Interface::address`].
    #[must_use]
    pub fn interfaces(list: &[(&str, &[&str])]) -> Self {
        let interfaces = list.iter().map(|(name, addresses)| {
            addresses.iter().fold(Interface::new(name), |interface, address| {
                interface.address(address)
            })
        });
        Self::Interfaces(interfaces.collect())
    }

    /// One interface `eth0` with these addresses.
    #[must_use]
    pub fn eth0(addresses: &[&str]) -> Self {
        Self::interfaces(&[("eth0", addresses)])
    }
}

/// A network interface inside a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    name: String,
    mac: Option<String>,
    addresses: Vec<(String, u8)>,
}

impl Interface {
    /// Without address; the MAC is made from the name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let sum = name
            .bytes()
            .fold(7_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
        Self {
            name: name.to_owned(),
            mac: Some(if name == "lo" {
                "00:00:00:00:00:00".to_owned()
            } else {
                format!("bc:24:11:2e:c4:{sum:02x}")
            }),
            addresses: Vec::new(),
        }
    }

    /// With this MAC, as text.
    #[must_use]
    pub fn mac(mut self, mac: &str) -> Self {
        self.mac = Some(mac.to_owned());
        self
    }

    /// Without `hardware-address`, like a tunnel.
    #[must_use]
    pub fn without_mac(mut self) -> Self {
        self.mac = None;
        self
    }

    /// Also this address, `10.0.0.5/24` or `2001:db8::5`. Not checked, so that odd texts can be served; without a
    /// length it is the whole address.
    #[must_use]
    pub fn address(mut self, address: &str) -> Self {
        let (text, length) = address.split_once('/').unwrap_or((address, ""));
        let whole = if text.contains(':') { 128 } else { 32 };
        self.addresses
            .push((text.to_owned(), length.parse().unwrap_or(whole)));
        self
    }

    /// As the agent writes it: without addresses there are no statistics either.
    pub(crate) fn to_json(&self) -> Value {
        let mut interface = json!({"name": self.name});
        if let Some(mac) = &self.mac {
            interface["hardware-address"] = json!(mac);
        }
        if !self.addresses.is_empty() {
            let addresses: Vec<Value> = self
                .addresses
                .iter()
                .map(|(text, length)| {
                    let family = if text.contains(':') { "ipv6" } else { "ipv4" };
                    json!({"ip-address-type": family, "ip-address": text, "prefix": length})
                })
                .collect();
            interface["ip-addresses"] = json!(addresses);
            interface["statistics"] = json!({
                "rx-bytes": 726, "rx-packets": 9, "rx-errs": 0, "rx-dropped": 0,
                "tx-bytes": 806, "tx-packets": 9, "tx-errs": 0, "tx-dropped": 0,
            });
        }
        interface
    }
}
