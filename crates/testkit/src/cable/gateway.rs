//! The router at the other end: a namespace of its own, whose kernel answers.

use std::fs;

use anyhow::{Context as _, Result};

use crate::netns::Netns;

/// A router on a veth pair with the node.
#[derive(Debug)]
pub struct Gateway {
    namespace: Netns,
    interface: String,
}

impl Gateway {
    /// Makes the pair: `interface` is the node's end, `far` the other one. Both are up, neither has an address.
    ///
    /// # Errors
    /// Without root, or when the node has such an interface already.
    pub fn new(node: &Netns, interface: &str) -> Result<Self> {
        let namespace = Netns::new("gateway")?;
        let peer = ["type", "veth", "peer", "name", "far", "netns", namespace.name()];
        node.ip(&[&["link", "add", interface][..], &peer].concat())?;
        node.ip(&["link", "set", interface, "up"])?;
        namespace.ip(&["link", "set", "far", "up"])?;
        Ok(Self {
            namespace,
            interface: "far".to_owned(),
        })
    }

    /// Gives it an address such as `192.0.2.1/24`, which it answers to at once.
    ///
    /// # Errors
    /// When `ip` refuses it.
    pub fn address(&self, address: &str) -> Result<()> {
        self.namespace
            .ip(&["address", "add", address, "dev", &self.interface, "nodad"])
            .map(drop)
    }

    /// Takes the address away again: the router is gone from there.
    ///
    /// # Errors
    /// When it has none such.
    pub fn remove(&self, address: &str) -> Result<()> {
        self.namespace
            .ip(&["address", "del", address, "dev", &self.interface])
            .map(drop)
    }

    /// Whether it answers echo requests; a firewall in front of it would not change ARP and neighbour discovery either.
    ///
    /// # Errors
    /// When the kernel's switches cannot be written.
    pub fn answer_pings(&self, answer: bool) -> Result<()> {
        let ignore = if answer { "0" } else { "1" };
        self.namespace.run(|| {
            for switch in ["ipv4/icmp_echo_ignore_all", "ipv6/icmp/echo_ignore_all"] {
                let file = format!("/proc/sys/net/{switch}");
                fs::write(&file, ignore).with_context(|| format!("cannot write {file}"))?;
            }
            anyhow::Ok(())
        })?
    }

    /// Where it lives.
    #[must_use]
    pub fn namespace(&self) -> &Netns {
        &self.namespace
    }

    /// The name of its end of the pair, in its namespace.
    #[must_use]
    pub fn interface(&self) -> &str {
        &self.interface
    }
}
