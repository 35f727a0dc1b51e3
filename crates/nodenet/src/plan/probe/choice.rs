//! Which probes run, and which of them must pass (spec §10).

use std::fmt;
use std::net::IpAddr;

use serde_json::Value;

use api::nmstate::probes::{DnsMode, GatewayMode, InternalMode};

use super::settings::Settings;
use crate::plan::document::leaf::{is_absent, wipes};
use crate::plan::document::{at, interface, list, text};

/// One probe.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Probe {
    /// The default gateway answers; upstream calls it `ping`.
    Gateway,
    /// A name server answers.
    Dns,
    /// The API server answers.
    ApiServer,
    /// The Node is Ready.
    NodeReady,
    /// A host accepts a connection.
    Tcp(IpAddr, u16),
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gateway => f.write_str("ping"),
            Self::Dns => f.write_str("dns"),
            Self::ApiServer => f.write_str("api-server"),
            Self::NodeReady => f.write_str("node-readiness"),
            Self::Tcp(host, port) => match host {
                IpAddr::V4(host) => write!(f, "tcp {host}:{port}"),
                IpAddr::V6(host) => write!(f, "tcp [{host}]:{port}"),
            },
        }
    }
}

/// What is done with one probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Must pass before, or nothing is applied; must pass after.
    Required,
    /// Tried before; must pass after if it passed before.
    IfItPassed,
    /// Not tried before; must pass after.
    After,
}

/// The probes of one apply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// In the order in which failures are named.
    pub probes: Vec<(Probe, Need)>,
    /// What was left out on purpose, for the enactment's message.
    pub notes: Vec<String>,
}

/// The default route the gateway probe asks: the first running one of the main table.
#[must_use]
pub fn default_route(state: &Value) -> Option<(&str, &str)> {
    let route = list(state, &["routes", "running"])
        .iter()
        .find(|route| is_default_route(route))?;
    let hop = text(route, "next-hop-address").filter(|hop| !hop.is_empty())?;
    Some((text(route, "next-hop-interface")?, hop))
}

/// Chooses the probes for applying `desired` to a node in the state `current`.
#[must_use]
pub fn choose(settings: &Settings, desired: &Value, current: &Value) -> Choice {
    let mut choice = Choice::default();
    match settings.gateway {
        GatewayMode::Disabled => {}
        GatewayMode::Auto if removes_default_route(desired, current) => {
            choice
                .notes
                .push("gateway probe skipped: the desired state removes the default route".to_owned());
        }
        GatewayMode::Auto => choice.probes.push((Probe::Gateway, Need::IfItPassed)),
        GatewayMode::Icmp | GatewayMode::Arp => choice.probes.push((Probe::Gateway, Need::Required)),
    }
    match settings.dns {
        DnsMode::Disabled => {}
        DnsMode::Auto if removes_dns(desired, current) => {
            choice
                .notes
                .push("dns probe skipped: the desired state removes all DNS servers".to_owned());
        }
        DnsMode::Auto => choice.probes.push((Probe::Dns, Need::IfItPassed)),
        DnsMode::Required => choice.probes.push((Probe::Dns, Need::Required)),
    }
    for (probe, mode) in [
        (Probe::ApiServer, settings.api_server),
        (Probe::NodeReady, settings.node_ready),
    ] {
        if mode == InternalMode::Required {
            choice.probes.push((probe, Need::After));
        }
    }
    choice.probes.extend(
        settings
            .tcp
            .iter()
            .map(|(host, port)| (Probe::Tcp(*host, *port), Need::Required)),
    );
    choice
}

impl Choice {
    /// Probes to try before applying.
    pub fn before(&self) -> impl Iterator<Item = &Probe> {
        self.probes
            .iter()
            .filter(|(_, need)| *need != Need::After)
            .map(|(probe, _)| probe)
    }

    /// What follows from the answers before applying: the probes that must pass after it.
    ///
    /// # Errors
    /// Required probes that did not pass; nothing may be applied.
    pub fn after(&self, passed: &[Probe]) -> Result<Vec<Probe>, Vec<Probe>> {
        let failed: Vec<Probe> = self
            .probes
            .iter()
            .filter(|(probe, need)| *need == Need::Required && !passed.contains(probe))
            .map(|(probe, _)| probe.clone())
            .collect();
        if !failed.is_empty() {
            return Err(failed);
        }
        let needed = self
            .probes
            .iter()
            .filter(|(probe, need)| *need != Need::IfItPassed || passed.contains(probe));
        Ok(needed.map(|(probe, _)| probe.clone()).collect())
    }
}

/// Whether a route is a default route of the main table.
#[must_use]
pub fn is_default_route(route: &Value) -> bool {
    let main = route
        .get("table-id")
        .is_none_or(|table| *table == 254 || *table == 0 || table.is_null());
    main && matches!(text(route, "destination"), Some("0.0.0.0/0" | "::/0"))
}

/// Whether `desired` takes away every default route the node has, and brings none.
#[must_use]
pub fn removes_default_route(desired: &Value, current: &Value) -> bool {
    let wanted = list(desired, &["routes", "config"]);
    let running: Vec<&Value> = list(current, &["routes", "running"])
        .iter()
        .filter(|route| is_default_route(route))
        .collect();
    let brings = wanted
        .iter()
        .any(|route| !is_absent(route) && is_default_route(route));
    !running.is_empty() && !brings && running.iter().all(|route| is_taken(route, desired))
}

fn is_taken(route: &Value, desired: &Value) -> bool {
    if list(desired, &["routes", "config"])
        .iter()
        .any(|entry| wipes(entry, route))
    {
        return true;
    }
    let Some(over) = text(route, "next-hop-interface").and_then(|name| interface(desired, name)) else {
        return false;
    };
    let family = if text(route, "destination") == Some("::/0") {
        "ipv6"
    } else {
        "ipv4"
    };
    matches!(text(over, "state"), Some("absent" | "down"))
        || at(over, &[family, "enabled"]).is_some_and(|enabled| *enabled == false)
        || at(over, &[family, "auto-gateway"]).is_some_and(|auto| *auto == false)
}

/// Whether `desired` clears the list of DNS servers of a node that has some.
#[must_use]
pub fn removes_dns(desired: &Value, current: &Value) -> bool {
    let has = !list(current, &["dns-resolver", "running", "server"]).is_empty();
    let cleared = at(desired, &["dns-resolver", "config"]).is_some_and(|config| match config.get("server") {
        Some(Value::Array(servers)) => servers.is_empty(),
        // `config: {}` purges all of it.
        _ => config.as_object().is_some_and(serde_json::Map::is_empty),
    });
    has && cleared
}
