//! `v1alpha1` to `v1alpha2` (spec §4.1).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use addr::{Entry, Prefix};
use api::pool::{AddressPoolSpec, AddressPoolSpecV1Alpha1, PoolKind};
use serde_json::to_value;

use super::{
    Problem,
    object::Object,
    stash::{self, Hub},
};

pub(super) fn convert(object: &mut Object, kind: PoolKind) -> Result<(), Problem> {
    let old = filled(object.spec(&[])?)?;
    let mut new = expanded(&old);
    if let Some(hub) = object.take_stash()?.as_deref().and_then(Hub::read) {
        hub.restore(&mut new);
    }
    object.put_stash(stash::of_v1alpha1(kind, &old, object.counts()))?;
    object.set_spec(to_value(new).map_err(Problem::Spec)?);
    Ok(())
}

/// Step 2: what follows from `subnet` is written out.
pub(super) fn filled(mut spec: AddressPoolSpecV1Alpha1) -> Result<AddressPoolSpecV1Alpha1, Problem> {
    if spec.subnet.is_empty() {
        return Ok(spec);
    }
    let subnet = parse_subnet(&spec.subnet)?;
    let range = subnet.range();
    if spec.start.is_empty() {
        spec.start = after(range.first()).to_string();
    }
    if spec.end.is_empty() {
        spec.end = before(range.last()).to_string();
    }
    if spec.prefix == 0 {
        spec.prefix = subnet.length().into();
    }
    Ok(spec)
}

/// Steps 1 and 3.
pub(super) fn expanded(old: &AddressPoolSpecV1Alpha1) -> AddressPoolSpec {
    let mut addresses = old.addresses.clone().unwrap_or_default();
    if !old.start.is_empty() && !old.end.is_empty() {
        addresses.push(format!("{}-{}", old.start, old.end));
    }
    AddressPoolSpec {
        addresses,
        prefix: old.prefix,
        gateway: Some(old.gateway.clone()).filter(|text| !text.is_empty()),
        ..AddressPoolSpec::default()
    }
}

fn parse_subnet(text: &str) -> Result<Prefix, Problem> {
    let entry: Entry = text.parse().map_err(Problem::Subnet)?;
    entry.prefix().ok_or_else(|| Problem::NoCidr(text.to_owned()))
}

/// The next address; the last one of the family stays itself. A subnet that ends there is one address long, and its
/// range comes out reversed all the same, for admission to refuse.
fn after(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(a) => Ipv4Addr::from_bits(a.to_bits().saturating_add(1)).into(),
        IpAddr::V6(a) => Ipv6Addr::from_bits(a.to_bits().saturating_add(1)).into(),
    }
}

/// The address before; the first one of the family stays itself, as in [`after`].
fn before(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(a) => Ipv4Addr::from_bits(a.to_bits().saturating_sub(1)).into(),
        IpAddr::V6(a) => Ipv6Addr::from_bits(a.to_bits().saturating_sub(1)).into(),
    }
}
