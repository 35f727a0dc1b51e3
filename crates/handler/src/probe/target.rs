//! What the probes of the node's surroundings aim at: read from the running state. Pure.

use std::fmt;
use std::net::IpAddr;

use nodenet::plan::probe::default_route;
use serde_json::Value;

/// Next hop and name servers, as the node uses them now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets {
    /// Of the first running default route in the main table. `None` without one, or if it has no next hop.
    pub gateway: Option<Gateway>,
    /// In the order in which the node asks them.
    pub name_servers: Vec<NameServer>,
}

/// A next hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// Its address; a link-local one means the one on `interface`.
    pub address: IpAddr,
    /// The interface it is reached over.
    pub interface: String,
}

/// A name server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameServer {
    /// Its address.
    pub address: IpAddr,
    /// What follows `%` in the address: the interface of a link-local one.
    pub interface: Option<String>,
}

impl Targets {
    /// Reads a state in nmstate's schema. What is not as the schema says is left out.
    #[must_use]
    pub fn read(state: &Value) -> Self {
        let servers = state
            .pointer("/dns-resolver/running/server")
            .and_then(Value::as_array);
        Self {
            gateway: gateway(state),
            name_servers: servers
                .into_iter()
                .flatten()
                .filter_map(|server| NameServer::read(server.as_str()?))
                .collect(),
        }
    }
}

/// The route that the rules look at is the one that is probed.
fn gateway(state: &Value) -> Option<Gateway> {
    let (interface, next_hop) = default_route(state)?;
    let address: IpAddr = next_hop.parse().ok()?;
    let there = !address.is_unspecified() && !interface.is_empty();
    there.then(|| Gateway {
        address,
        interface: interface.to_owned(),
    })
}

impl NameServer {
    /// `192.0.2.53`, `2001:db8::53` or `fe80::53%eth0`.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (address, interface) = match text.split_once('%') {
            Some((address, interface)) => (address, Some(interface.to_owned())),
            None => (text, None),
        };
        Some(Self {
            address: address.parse().ok()?,
            interface,
        })
    }
}

impl fmt::Display for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.address, self.interface)
    }
}

impl fmt::Display for NameServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.interface {
            None => write!(f, "{}", self.address),
            Some(interface) => write!(f, "{}%{interface}", self.address),
        }
    }
}
