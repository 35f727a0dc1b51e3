use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteMetric, RouteNextHop,
    RouteNextHopFlags, RoutePreference, RouteVia,
};

use super::Names;
use crate::backend::kernel::net::{Hop, Prefix, Route};

/// Kinds people write: unicast, blackhole, unreachable, prohibit, throw. The others are the kernel's.
const KINDS: [u8; 5] = [1, 6, 7, 8, 9];
/// Written by redirects, the kernel, and router advertisements: they come and go by themselves.
const BY_THEMSELVES: [u8; 3] = [1, 2, 9];

/// None for what the kernel keeps itself.
pub(in crate::backend::kernel) fn read(message: &RouteMessage, names: &Names) -> Option<Route> {
    let header = &message.header;
    let kind: u8 = header.kind.into();
    let protocol: u8 = header.protocol.into();
    let ours = KINDS.contains(&kind) && !BY_THEMSELVES.contains(&protocol);
    if !ours || header.flags.contains(RouteFlags::Cloned) {
        return None;
    }
    let nowhere: IpAddr = match header.address_family {
        AddressFamily::Inet => Ipv4Addr::UNSPECIFIED.into(),
        AddressFamily::Inet6 => Ipv6Addr::UNSPECIFIED.into(),
        _ => return None,
    };
    let mut route = Route::new(Prefix {
        address: nowhere,
        length: header.destination_prefix_length,
    });
    route.table = header.table.into();
    route.tos = header.tos;
    route.kind = kind;
    route.protocol = protocol;
    route.scope = header.scope.into();
    route.onlink = header.flags.contains(RouteFlags::Onlink);
    if header.source_prefix_length > 0 {
        route.opaque = Some("a source prefix".to_owned());
    }
    for attribute in &message.attributes {
        attribute_of(attribute, &mut route, names);
    }
    // The kernel puts what goes nowhere on the loopback link.
    if kind != 1 {
        route.link = None;
    }
    Some(route)
}

fn attribute_of(attribute: &RouteAttribute, route: &mut Route, names: &Names) {
    let mut opaque = |what: &str| {
        route.opaque.get_or_insert_with(|| what.to_owned());
    };
    match attribute {
        RouteAttribute::Destination(address) => {
            if let Some(address) = ip(address) {
                route.destination.address = address;
            }
        }
        RouteAttribute::Oif(number) => {
            route.link = Some(
                names
                    .name(*number)
                    .map_or_else(|| number.to_string(), str::to_owned),
            );
        }
        RouteAttribute::Gateway(address) => route.gateway = ip(address),
        RouteAttribute::Via(RouteVia::Inet(address)) => route.gateway = Some((*address).into()),
        RouteAttribute::Via(RouteVia::Inet6(address)) => route.gateway = Some((*address).into()),
        RouteAttribute::PrefSource(address) => route.source = ip(address),
        RouteAttribute::Table(table) => route.table = *table,
        RouteAttribute::Priority(metric) => route.metric = *metric,
        RouteAttribute::Metrics(metrics) => route.metrics = metrics.iter().filter_map(metric).collect(),
        RouteAttribute::MultiPath(hops) => route.hops = hops.iter().map(|way| hop(way, names)).collect(),
        RouteAttribute::Preference(RoutePreference::Medium) => {}
        RouteAttribute::Preference(_) => opaque("a preference"),
        RouteAttribute::CacheInfo(life) if life.expires == 0 => {}
        RouteAttribute::CacheInfo(_) | RouteAttribute::Expires(_) => opaque("an end of life"),
        RouteAttribute::EncapType(_) | RouteAttribute::Encap(_) | RouteAttribute::NewDestination(_) => {
            opaque("an encapsulation");
        }
        RouteAttribute::NhId(_) => opaque("a next-hop object"),
        RouteAttribute::Source(_) => opaque("a source prefix"),
        RouteAttribute::Realm(_) => opaque("a realm"),
        _ => {}
    }
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some((*address).into()),
        RouteAddress::Inet6(address) => Some((*address).into()),
        _ => None,
    }
}

fn hop(way: &RouteNextHop, names: &Names) -> Hop {
    let number = way.interface_index;
    let gateway = way.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Gateway(address) => ip(address),
        _ => None,
    });
    Hop {
        link: names
            .name(number)
            .map_or_else(|| number.to_string(), str::to_owned),
        gateway,
        weight: u16::from(way.hops) + 1,
        onlink: way.flags.contains(RouteNextHopFlags::Onlink),
    }
}

/// Number and value of a metric.
fn metric(metric: &RouteMetric) -> Option<(u16, u32)> {
    Some(match *metric {
        RouteMetric::Lock(value) => (1, value),
        RouteMetric::Mtu(value) => (2, value),
        RouteMetric::Window(value) => (3, value),
        RouteMetric::Rtt(value) => (4, value),
        RouteMetric::RttVar(value) => (5, value),
        RouteMetric::SsThresh(value) => (6, value),
        RouteMetric::Cwnd(value) => (7, value),
        RouteMetric::Advmss(value) => (8, value),
        RouteMetric::Reordering(value) => (9, value),
        RouteMetric::Hoplimit(value) => (10, value),
        RouteMetric::InitCwnd(value) => (11, value),
        RouteMetric::Features(value) => (12, value),
        RouteMetric::RtoMin(value) => (13, value),
        RouteMetric::InitRwnd(value) => (14, value),
        RouteMetric::QuickAck(value) => (15, value),
        RouteMetric::FastopenNoCookie(value) => (17, value),
        _ => return None,
    })
}

fn metric_back((number, value): (&u16, &u32)) -> Option<RouteMetric> {
    let value = *value;
    Some(match number {
        1 => RouteMetric::Lock(value),
        2 => RouteMetric::Mtu(value),
        3 => RouteMetric::Window(value),
        4 => RouteMetric::Rtt(value),
        5 => RouteMetric::RttVar(value),
        6 => RouteMetric::SsThresh(value),
        7 => RouteMetric::Cwnd(value),
        8 => RouteMetric::Advmss(value),
        9 => RouteMetric::Reordering(value),
        10 => RouteMetric::Hoplimit(value),
        11 => RouteMetric::InitCwnd(value),
        12 => RouteMetric::Features(value),
        13 => RouteMetric::RtoMin(value),
        14 => RouteMetric::InitRwnd(value),
        15 => RouteMetric::QuickAck(value),
        17 => RouteMetric::FastopenNoCookie(value),
        _ => return None,
    })
}

/// The message that adds it, or removes it.
pub(in crate::backend::kernel) fn write(route: &Route, names: &Names) -> Result<RouteMessage, String> {
    let mut message = RouteMessage::default();
    let ipv6 = route.destination.address.is_ipv6();
    message.header = RouteHeader {
        address_family: if ipv6 {
            AddressFamily::Inet6
        } else {
            AddressFamily::Inet
        },
        destination_prefix_length: route.destination.length,
        source_prefix_length: 0,
        tos: route.tos,
        table: u8::try_from(route.table).unwrap_or(RouteHeader::RT_TABLE_UNSPEC),
        protocol: route.protocol.into(),
        scope: route.scope.into(),
        kind: route.kind.into(),
        flags: if route.onlink {
            RouteFlags::Onlink
        } else {
            RouteFlags::empty()
        },
    };
    let attributes = &mut message.attributes;
    if route.destination.length > 0 {
        attributes.push(RouteAttribute::Destination(route.destination.address.into()));
    }
    attributes.push(RouteAttribute::Table(route.table));
    if route.metric > 0 {
        attributes.push(RouteAttribute::Priority(route.metric));
    }
    if let Some(link) = &route.link {
        attributes.push(RouteAttribute::Oif(names.number(link)?));
    }
    if let Some(gateway) = route.gateway {
        attributes.push(through(gateway, ipv6));
    }
    if let Some(source) = route.source {
        attributes.push(RouteAttribute::PrefSource(source.into()));
    }
    let metrics: &BTreeMap<u16, u32> = &route.metrics;
    if !metrics.is_empty() {
        attributes.push(RouteAttribute::Metrics(
            metrics.iter().filter_map(metric_back).collect(),
        ));
    }
    if !route.hops.is_empty() {
        let hops: Result<Vec<_>, String> = route.hops.iter().map(|way| hop_back(way, ipv6, names)).collect();
        attributes.push(RouteAttribute::MultiPath(hops?));
    }
    Ok(message)
}

/// An IPv4 route may go through an IPv6 router (RFC 5549).
fn through(gateway: IpAddr, ipv6: bool) -> RouteAttribute {
    match gateway {
        IpAddr::V6(address) if !ipv6 => RouteAttribute::Via(RouteVia::Inet6(address)),
        address => RouteAttribute::Gateway(address.into()),
    }
}

fn hop_back(way: &Hop, ipv6: bool, names: &Names) -> Result<RouteNextHop, String> {
    let mut hop = RouteNextHop::default();
    hop.interface_index = names.number(&way.link)?;
    hop.hops = u8::try_from(way.weight.saturating_sub(1)).unwrap_or(u8::MAX);
    if way.onlink {
        hop.flags = RouteNextHopFlags::Onlink;
    }
    hop.attributes
        .extend(way.gateway.map(|gateway| through(gateway, ipv6)));
    Ok(hop)
}
