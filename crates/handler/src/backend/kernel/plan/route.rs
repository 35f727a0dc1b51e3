use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;

use super::refuse::Problem;
use super::target::Reading;
use crate::backend::kernel::net::{Hop, Prefix, Route};

/// `RT_SCOPE_LINK`: the destination is on the link itself.
const ON_LINK: u8 = 253;
/// What the kernel gives an IPv6 route without a metric.
const IPV6_METRIC: u32 = 1024;
/// Numbers of the kernel's route metrics (`RTAX_*`).
const LOCK: u16 = 1;
const METRICS: [(&str, u16); 7] = [
    ("mtu", 2),
    ("cwnd", 7),
    ("advmss", 8),
    ("initcwnd", 11),
    ("initrwnd", 14),
    ("quickack", 15),
    ("lock-mtu", LOCK),
];
const MTU: u16 = 2;
const CWND: u16 = 7;

/// The section `routes`.
pub(super) fn read(section: &Value, reading: &mut Reading<'_>) {
    let mut shared: Vec<(Route, Vec<Hop>)> = Vec::new();
    for entry in section
        .get("config")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        if entry.get("state").and_then(Value::as_str) == Some("absent") {
            absent(entry, reading);
            continue;
        }
        let route = match route(entry, reading) {
            Ok(route) => route,
            Err(reason) => {
                reading
                    .problems
                    .add(Problem::wrong("routes.config".to_owned(), reason));
                continue;
            }
        };
        match entry.get("weight").and_then(Value::as_u64) {
            Some(weight) => share(&mut shared, route, weight),
            None => reading.target.routes.ensure(route),
        }
    }
    for (mut route, mut hops) in shared {
        hops.sort_by(|a, b| (&a.link, a.gateway).cmp(&(&b.link, b.gateway)));
        route.hops = hops;
        reading.target.routes.ensure(route);
    }
}

/// Routes with a weight and the same destination are the ways of one route.
fn share(shared: &mut Vec<(Route, Vec<Hop>)>, mut route: Route, weight: u64) {
    let hop = Hop {
        link: route.link.take().unwrap_or_default(),
        gateway: route.gateway.take(),
        weight: u16::try_from(weight.clamp(1, 256)).unwrap_or(1),
        onlink: false,
    };
    route.scope = 0;
    match shared.iter_mut().find(|(other, _)| *other == route) {
        Some((_, hops)) => hops.push(hop),
        None => shared.push((route, vec![hop])),
    }
}

fn text<'a>(entry: &'a Value, key: &str) -> Option<&'a str> {
    entry
        .get(key)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

fn gateway(entry: &Value) -> Result<Option<IpAddr>, String> {
    let Some(text) = text(entry, "next-hop-address") else {
        return Ok(None);
    };
    let address: IpAddr = text
        .parse()
        .map_err(|_| format!("next hop `{text}` is no IP address"))?;
    // nmstate's way to say that there is none.
    Ok(Some(address).filter(|address| !address.is_unspecified()))
}

fn number(entry: &Value, key: &str) -> Option<u32> {
    let number = entry.get(key)?.as_i64()?;
    u32::try_from(number).ok()
}

/// The kernel's number for a kind of route.
fn kind(entry: &Value) -> Option<u8> {
    match text(entry, "route-type") {
        None => None,
        Some("blackhole") => Some(6),
        Some("unreachable") => Some(7),
        Some("prohibit") => Some(8),
        Some(_) => Some(0),
    }
}

fn route(entry: &Value, reading: &Reading<'_>) -> Result<Route, String> {
    let destination = text(entry, "destination").ok_or("a route without a destination")?;
    let mut route = Route::new(destination.parse::<Prefix>()?);
    let ipv6 = route.destination.address.is_ipv6();
    let default = if ipv6 { IPV6_METRIC } else { 0 };
    route.metric = number(entry, "metric")
        .filter(|metric| *metric > 0)
        .unwrap_or(default);
    if let Some(table) = table(entry, reading)? {
        route.table = table;
    }
    route.gateway = gateway(entry)?;
    match kind(entry) {
        Some(0) => return Err(format!("route type {} is not known", entry["route-type"])),
        Some(kind) => route.kind = kind,
        None => {
            let link = text(entry, "next-hop-interface");
            route.link = Some(
                link.ok_or_else(|| format!("route {destination} has no next-hop-interface"))?
                    .to_owned(),
            );
        }
    }
    if !ipv6 && route.link.is_some() && route.gateway.is_none() {
        route.scope = ON_LINK;
    }
    if let Some(source) = text(entry, "source") {
        route.source = Some(
            source
                .parse()
                .map_err(|_| format!("source `{source}` is no IP address"))?,
        );
    }
    route.metrics = metrics(entry);
    Ok(route)
}

/// By number, or by the VRF it belongs to.
fn table(entry: &Value, reading: &Reading<'_>) -> Result<Option<u32>, String> {
    if let Some(table) = number(entry, "table-id").filter(|table| *table > 0) {
        return Ok(Some(table));
    }
    let Some(name) = text(entry, "vrf-name") else {
        return Ok(None);
    };
    reading
        .vrf_table(name)
        .map(Some)
        .ok_or_else(|| format!("vrf-name {name} is no VRF"))
}

fn metrics(entry: &Value) -> BTreeMap<u16, u32> {
    let mut metrics = BTreeMap::new();
    for (key, id) in METRICS {
        let value = entry.get(key);
        let value = value.and_then(|value| value.as_u64().or_else(|| value.as_bool().map(u64::from)));
        let Some(value) = value.and_then(|value| u32::try_from(value).ok()) else {
            continue;
        };
        match id {
            LOCK if value == 1 => *metrics.entry(LOCK).or_default() |= 1 << MTU,
            LOCK => {}
            // Without its lock the kernel ignores it.
            CWND => {
                metrics.insert(id, value);
                *metrics.entry(LOCK).or_default() |= 1 << CWND;
            }
            id => {
                metrics.insert(id, value);
            }
        }
    }
    metrics
}

/// Removes the routes that have everything the entry says.
fn absent(entry: &Value, reading: &mut Reading<'_>) {
    let gateway = gateway(entry).ok().flatten();
    let destination = text(entry, "destination").and_then(|text| text.parse::<Prefix>().ok());
    let matches = |route: &Route| {
        let ipv6 = route.destination.address.is_ipv6();
        let default = if ipv6 { IPV6_METRIC } else { 0 };
        destination.is_none_or(|wish| wish == route.destination)
            && text(entry, "next-hop-interface").is_none_or(|link| route.uses(link))
            && gateway.is_none_or(|gateway| {
                route.gateway == Some(gateway) || route.hops.iter().any(|hop| hop.gateway == Some(gateway))
            })
            && number(entry, "table-id")
                .filter(|table| *table > 0)
                .is_none_or(|table| table == route.table)
            && number(entry, "metric")
                .is_none_or(|metric| metric == route.metric || (metric == 0 && route.metric == default))
            && kind(entry).is_none_or(|kind| kind == route.kind)
            && text(entry, "source")
                .is_none_or(|source| route.source.is_some_and(|ip| ip.to_string() == source))
    };
    let now = reading.now;
    for route in now
        .routes
        .iter()
        .filter(|route| !route.is_automatic() && matches(route))
    {
        reading.target.routes.remove(route.clone());
    }
}
