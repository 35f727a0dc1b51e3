//! Address pools: rules V1 to V12 of spec §10.2 and the allocatable set of spec §6.

use std::net::IpAddr;

use addr::{AddrSet, Entry, Family, Prefix, SlotSpace, parse_address};
use api::pool::AddressPoolSpec;

use super::{Domain, Door, FieldError, Findings, Unit, Weight};

const ADDRESSES: &str = "spec.addresses";
const PREFIX: &str = "spec.prefix";
const GATEWAY: &str = "spec.gateway";
const EXCLUDED: &str = "spec.excludedAddresses";
const GRACE: &str = "spec.addressReuseGracePeriodSeconds";

pub(super) fn read(spec: &AddressPoolSpec, door: Door) -> Result<Domain, Vec<FieldError>> {
    let mut findings = Findings::default();
    let parts = Parts::parse(spec, &mut findings);
    findings.settle(door)?;

    let union: AddrSet = parts.entries.iter().map(|(_, entry)| entry.range()).collect();
    let subnet = subnet(&union, spec.prefix).map_err(|problem| vec![problem])?;
    for (text, _) in parts
        .entries
        .iter()
        .filter(|(_, entry)| !subnet.range().covers(entry.range()))
    {
        findings.add(Weight::Tolerable, outside(text, subnet));
    }
    findings.settle(door)?;

    let space = SlotSpace::addresses(subnet.family());
    let allocatable = allocatable(spec, &union, &parts, subnet);
    Ok(Domain {
        space,
        slots: space.slots_inside(&allocatable),
        prefix: subnet.length(),
        gateway: gateway_text(spec).map(str::to_owned),
        grace_seconds: u32::try_from(spec.address_reuse_grace_period_seconds.unwrap_or(0)).unwrap_or(0),
        unit: Unit::Address { subnet },
        union,
    })
}

/// The texts of the spec that parsed.
struct Parts<'a> {
    entries: Vec<(&'a str, Entry)>,
    excluded: Vec<(&'a str, Entry)>,
    gateway: Option<IpAddr>,
}

impl<'a> Parts<'a> {
    /// Group A of spec §10.2: everything that can be said field by field.
    fn parse(spec: &'a AddressPoolSpec, findings: &mut Findings) -> Self {
        if spec.addresses.is_empty() {
            let message = "the list is empty; add at least one address, range or CIDR";
            findings.add(Weight::Unusable, FieldError::missing(ADDRESSES, message)); // V1
        }
        if spec.prefix < 0 {
            let message = format!(
                "{} is negative; set the prefix length of the subnet, 0 to 32 or 128",
                spec.prefix
            );
            findings.add(
                Weight::Unusable,
                FieldError::new(PREFIX, spec.prefix.to_string(), message),
            ); // V2
        }
        let entries = entries(ADDRESSES, &spec.addresses, findings); // V3
        if let Some((one, other)) = mixed(&entries) {
            let message = format!(
                "`{one}` and `{other}` belong to different address families; make one pool for each family"
            );
            findings.add(
                Weight::Unusable,
                FieldError::new(ADDRESSES, format!("{one}, {other}"), message),
            ); // V4
        }
        let gateway = gateway(spec, &entries, findings);
        let excluded = excluded(spec, &entries, findings);
        if let Some(seconds) = spec
            .address_reuse_grace_period_seconds
            .filter(|seconds| *seconds < 0)
        {
            let message = format!("{seconds} is negative; set the seconds to wait, or remove the field");
            findings.add(
                Weight::Tolerable,
                FieldError::new(GRACE, seconds.to_string(), message),
            ); // V10
        }
        Self {
            entries,
            excluded,
            gateway,
        }
    }
}

/// The entries that parse; the others become findings (V3, V7).
fn entries<'a>(field: &'static str, texts: &'a [String], findings: &mut Findings) -> Vec<(&'a str, Entry)> {
    let mut good = Vec::with_capacity(texts.len());
    for text in texts {
        match text.parse::<Entry>() {
            Ok(entry) => good.push((text.as_str(), entry)),
            Err(e) => findings.add(Weight::Unusable, FieldError::new(field, text, e.to_string())),
        }
    }
    good
}

/// The first entry and the first one of the other family, if there are both.
fn mixed<'a>(entries: &[(&'a str, Entry)]) -> Option<(&'a str, &'a str)> {
    let (first, one) = entries.first()?;
    let (other, _) = entries.iter().find(|(_, entry)| entry.family() != one.family())?;
    Some((first, other))
}

/// The gateway as written, `None` when absent or empty.
fn gateway_text(spec: &AddressPoolSpec) -> Option<&str> {
    spec.gateway.as_deref().filter(|text| !text.is_empty())
}

/// V5 and V6.
fn gateway(spec: &AddressPoolSpec, entries: &[(&str, Entry)], findings: &mut Findings) -> Option<IpAddr> {
    let text = gateway_text(spec)?;
    let gateway = match parse_address(text) {
        Ok(gateway) => gateway,
        Err(e) => {
            findings.add(Weight::Unusable, FieldError::new(GATEWAY, text, e.to_string())); // V5
            return None;
        }
    };
    let family = Family::of(gateway);
    if let Some((entry, _)) = entries.iter().find(|(_, entry)| entry.family() != family) {
        let message = format!(
            "`{text}` is {family}, but the pool has `{entry}`; use a gateway of the pool's family or none"
        );
        findings.add(Weight::Tolerable, FieldError::new(GATEWAY, text, message)); // V6
    }
    Some(gateway)
}

/// V7 to V9.
fn excluded<'a>(
    spec: &'a AddressPoolSpec,
    entries: &[(&str, Entry)],
    findings: &mut Findings,
) -> Vec<(&'a str, Entry)> {
    let texts = spec.excluded_addresses.as_deref().unwrap_or_default();
    let excluded = self::entries(EXCLUDED, texts, findings); // V7
    if let Some((one, other)) = mixed(&excluded) {
        let message =
            format!("`{one}` and `{other}` belong to different address families; keep those of the pool");
        findings.add(
            Weight::Tolerable,
            FieldError::new(EXCLUDED, format!("{one}, {other}"), message),
        ); // V8
    }
    let pairs = excluded.iter().flat_map(|e| entries.iter().map(move |a| (a, e)));
    if let Some(((inside, _), (text, entry))) = pairs
        .into_iter()
        .find(|((_, a), (_, e))| a.family() != e.family())
    {
        let family = entry.family();
        let message =
            format!("`{text}` is {family}, but the pool has `{inside}`; remove it or use the pool's family");
        findings.add(Weight::Tolerable, FieldError::new(EXCLUDED, *text, message)); // V9
    }
    excluded
}

/// The lowest address of the pool, masked with its prefix; V11 when the family has no such prefix.
fn subnet(union: &AddrSet, prefix: i64) -> Result<Prefix, FieldError> {
    let lowest = union
        .first()
        .ok_or_else(|| FieldError::missing(ADDRESSES, "there is no address in the list"))?;
    let family = Family::of(lowest);
    let masked = u8::try_from(prefix)
        .ok()
        .and_then(|length| Prefix::new_masked(lowest, length).ok());
    masked.ok_or_else(|| {
        let message = format!(
            "{prefix} is no {family} prefix length; use 0 to {}",
            family.bits()
        );
        FieldError::new(PREFIX, prefix.to_string(), message)
    })
}

/// V12.
fn outside(text: &str, subnet: Prefix) -> FieldError {
    let message = format!(
        "`{text}` is not completely inside {subnet}, the subnet of the pool's lowest address; remove it, or choose a \
         spec.prefix whose subnet holds every entry"
    );
    FieldError::new(ADDRESSES, text, message)
}

/// S of spec §6.
fn allocatable(spec: &AddressPoolSpec, union: &AddrSet, parts: &Parts<'_>, subnet: Prefix) -> AddrSet {
    let excluded: AddrSet = parts.excluded.iter().map(|(_, entry)| entry.range()).collect();
    let mut set = union.difference(&excluded);
    if spec.allocate_reserved_ip_addresses != Some(true) {
        set.remove_addr(subnet.range().first());
        // IPv6 has no broadcast; its last address is an ordinary one.
        if subnet.family() == Family::V4 {
            set.remove_addr(subnet.range().last());
        }
    }
    if let Some(gateway) = parts.gateway {
        set.remove_addr(gateway);
    }
    set
}
