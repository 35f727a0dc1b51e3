//! Prefix pools: field rules P1 to P8 of spec §10.5 and the slots of spec §8.

use addr::{AddrRange, AddrSet, Entry, Family, RangeSet, SlotSpace, parse_address};
use api::pool::PrefixPoolSpec;

use super::{Domain, Door, FieldError, Findings, Unit, Weight};

const PREFIXES: &str = "spec.prefixes";
pub(crate) const LENGTH: &str = "spec.allocationPrefixLength";
const GATEWAY: &str = "spec.gateway";
const EXCLUDED: &str = "spec.excludedPrefixes";

pub(super) fn read(spec: &PrefixPoolSpec, door: Door) -> Result<Domain, Vec<FieldError>> {
    if spec.prefixes.is_empty() {
        let message = "the list is empty; add at least one IPv6 prefix such as `fd00::/48`";
        return Err(vec![FieldError::missing(PREFIXES, message)]); // P1
    }
    let space = space(spec.effective_length()).map_err(|problem| vec![problem])?; // P2

    let mut findings = Findings::default();
    let ranges = spec
        .prefixes
        .iter()
        .filter_map(|text| prefix(text, space, &mut findings));
    let union: AddrSet = ranges.collect();
    check_gateway(spec, &mut findings);
    let excluded = excluded(spec, &mut findings);
    findings.settle(door)?;

    // One excluded address takes the whole slot around it.
    let blocked: RangeSet<u128> = space.slots_touching_any(&excluded);
    Ok(Domain {
        space,
        slots: space.slots_inside(&union).difference(&blocked),
        prefix: space.length(),
        gateway: spec.gateway.clone().filter(|text| !text.is_empty()),
        grace_seconds: 0,
        unit: Unit::Prefix,
        union,
    })
}

/// P2.
fn space(length: i64) -> Result<SlotSpace, FieldError> {
    let slots = u8::try_from(length).ok().filter(|length| *length > 0);
    slots
        .and_then(|length| SlotSpace::new(Family::V6, length).ok())
        .ok_or_else(|| {
            let message =
                format!("{length} is no IPv6 prefix length; use 1 to 128, or remove the field for 64");
            FieldError::new(LENGTH, length.to_string(), message)
        })
}

/// P3 to P6 for one entry; the network it means, unless it means none.
fn prefix(text: &str, space: SlotSpace, findings: &mut Findings) -> Option<AddrRange> {
    let mut refuse = |weight, message| findings.add(weight, FieldError::new(PREFIXES, text, message));
    let entry = match text.parse::<Entry>() {
        Ok(entry) => entry,
        Err(e) => {
            refuse(Weight::Unusable, e.to_string()); // P3
            return None;
        }
    };
    let Some(prefix) = entry.prefix() else {
        refuse(
            Weight::Unusable,
            format!("`{text}` is no CIDR; write an IPv6 prefix such as `fd00::/48`"),
        ); // P3
        return None;
    };
    if prefix.family() == Family::V4 {
        refuse(
            Weight::Unusable,
            format!("`{text}` is IPv4; prefix pools hand out IPv6 prefixes only"),
        ); // P4
        return None;
    }
    if !entry.is_network_aligned() {
        refuse(
            Weight::Tolerable,
            format!("`{text}` has host bits set; write the network, `{prefix}`"),
        ); // P5
    }
    if prefix.length() > space.length() {
        let message = format!(
            "`{text}` is smaller than one /{}; use a shorter prefix, or a longer {LENGTH} for the pool",
            space.length()
        );
        refuse(Weight::Tolerable, message); // P6
    }
    Some(prefix.range())
}

/// P7.
fn check_gateway(spec: &PrefixPoolSpec, findings: &mut Findings) {
    let Some(text) = spec.gateway.as_deref().filter(|text| !text.is_empty()) else {
        return;
    };
    let problem = match parse_address(text).map(Family::of) {
        Ok(Family::V6) => return,
        Ok(Family::V4) => format!("`{text}` is IPv4; use an IPv6 gateway or none"),
        Err(e) => e.to_string(),
    };
    findings.add(Weight::Tolerable, FieldError::new(GATEWAY, text, problem));
}

/// P8; the exclusions that parse.
fn excluded(spec: &PrefixPoolSpec, findings: &mut Findings) -> AddrSet {
    let mut set = AddrSet::new();
    for text in spec.excluded_prefixes.as_deref().unwrap_or_default() {
        match text.parse::<Entry>() {
            Ok(entry) if entry.family() == Family::V6 => set.insert(entry.range()),
            Ok(_) => {
                let message =
                    format!("`{text}` is IPv4; remove it or write an IPv6 address, range or prefix");
                findings.add(Weight::Tolerable, FieldError::new(EXCLUDED, text, message));
            }
            Err(e) => findings.add(Weight::Unusable, FieldError::new(EXCLUDED, text, e.to_string())),
        }
    }
    set
}
