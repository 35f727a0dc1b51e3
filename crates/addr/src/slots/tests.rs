use std::net::IpAddr;

use super::SlotSpace;
use crate::{AddrRange, AddrSet, Entry, Family, Prefix, RangeSet};

fn range(text: &str) -> AddrRange {
    text.parse::<Entry>().unwrap().range()
}

fn set(entries: &str) -> AddrSet {
    entries.split_whitespace().map(range).collect()
}

fn space(length: u8) -> SlotSpace {
    SlotSpace::new(Family::V6, length).unwrap()
}

fn show(space: SlotSpace, slot: Option<u128>) -> Option<String> {
    slot.and_then(|slot| space.base_of(slot))
        .map(|prefix| prefix.to_string())
}

/// The slots of a prefix pool: inside `prefixes`, not touched by `excluded` or `used`.
fn free(space: SlotSpace, prefixes: &str, excluded: &str, used: &str) -> RangeSet<u128> {
    let inside = space.slots_inside(&set(prefixes));
    let blocked = space
        .slots_touching_any(&set(excluded))
        .union(&space.slots_touching_any(&set(used)));
    inside.difference(&blocked)
}

#[test]
fn slots_of_case_125() {
    let slots = space(64);
    let mut free = free(slots, "fd00::/62", "", "");
    assert_eq!(show(slots, free.take_first()).as_deref(), Some("fd00::/64"));
    assert_eq!(show(slots, free.take_first()).as_deref(), Some("fd00:0:0:1::/64"));
}

#[test]
fn slots_of_case_126() {
    let slots = space(56);
    let mut free = free(slots, "fd06::/48", "", "");
    assert_eq!(free.count(), 256);
    assert_eq!(show(slots, free.take_first()).as_deref(), Some("fd06::/56"));
    assert_eq!(
        show(slots, free.take_first()).as_deref(),
        Some("fd06:0:0:100::/56")
    );
    assert_eq!(free.count(), 254);
}

#[test]
fn slots_of_case_127() {
    let slots = space(64);
    let mut free = free(slots, "fd10::/48 fd00:0:0:1::/64", "", "");
    assert_eq!(show(slots, free.take_first()).as_deref(), Some("fd00:0:0:1::/64"));
    assert_eq!(show(slots, free.take_first()).as_deref(), Some("fd10::/64"));
}

#[test]
fn slots_of_case_128() {
    let slots = space(64);
    let prefixes = "fd00::/63 fd00::/62 fd00:0:0:8::/62";
    assert_eq!(free(slots, prefixes, "", "").count(), 8);
    assert_eq!(
        show(slots, free(slots, prefixes, "", "fd00::/62").first()).as_deref(),
        Some("fd00:0:0:8::/64")
    );
}

#[test]
fn slots_of_case_129() {
    let slots = space(64);
    let free = free(slots, "fd00::/62", "fd00:0:0:1::/64", "");
    assert_eq!(free.count(), 3);
    assert_eq!(show(slots, free.first()).as_deref(), Some("fd00::/64"));
}

#[test]
fn slots_of_case_130() {
    let slots = space(64);
    let in_use = Prefix::new_masked("fd00:0:0:5::1234".parse().unwrap(), 64).unwrap();
    assert_eq!(in_use.to_string(), "fd00:0:0:5::/64");
    let slot = slots.slot_of_prefix(in_use);
    assert_eq!(show(slots, slot).as_deref(), Some("fd00:0:0:5::/64"));
}

#[test]
fn prefixes_of_other_lengths_block_what_they_touch() {
    assert_eq!(
        space(64)
            .slots_touching(range("fd00::/56"))
            .map(|r| r.end() - r.start() + 1),
        Some(256)
    );
    let slots = space(63);
    let blocked = slots.slots_touching(range("fd00:0:0:5::/64")).unwrap();
    assert_eq!(blocked.start(), blocked.end());
    assert_eq!(
        show(slots, Some(*blocked.start())).as_deref(),
        Some("fd00:0:0:4::/63")
    );
    assert_eq!(
        slots.slot_of_prefix(Prefix::new_masked(range("fd00::").first(), 64).unwrap()),
        None
    );
}

#[test]
fn one_excluded_address_kills_the_slot_around_it() {
    let slots = space(64);
    let free = free(
        slots,
        "fd00::/62",
        "fd00:0:0:2::7 fd00:0:0:2:ffff:ffff:ffff:ffff-fd00:0:0:3::",
        "",
    );
    assert_eq!(free.count(), 2);
    assert_eq!(show(slots, free.last()).as_deref(), Some("fd00:0:0:1::/64"));
}

#[test]
fn a_slot_may_be_put_together_and_a_cut_one_does_not_count() {
    let slots = space(63);
    assert_eq!(slots.slots_inside(&set("fd00::/64 fd00:0:0:1::/64")).count(), 1);
    assert_eq!(
        slots
            .slots_inside(&set("fd00:0:0:1::/64 fd00:0:0:2::/64"))
            .count(),
        0
    );
    let cut = "fd00::1-fd00:0:0:4::";
    assert_eq!(slots.slots_inside(&set(cut)).count(), 1);
}

#[test]
fn length_zero_is_one_slot() {
    for family in Family::ALL {
        let slots = SlotSpace::new(family, 0).unwrap();
        let whole = AddrSet::from(AddrRange::whole(family));
        assert_eq!(slots.last_slot(), 0);
        assert_eq!(slots.slots_inside(&whole).count(), 1);
        assert_eq!(
            slots.base_of(0).map(|p| p.range()),
            Some(AddrRange::whole(family))
        );
        assert_eq!(slots.base_of(1), None);
        assert_eq!(slots.slot_of(family.highest()), Some(0));
        let mut nearly = whole.clone();
        nearly.remove_addr(family.highest());
        assert!(slots.slots_inside(&nearly).is_empty());
        assert_eq!(slots.addresses_of(&RangeSet::from_iter([0])), whole);
    }
}

#[test]
fn huge_pools_are_counted_without_enumeration() {
    let slots = space(128);
    assert_eq!(slots.slots_inside(&set("::/1")).count(), 1 << 127);
    assert_eq!(slots.slots_inside(&set("::/0")).count(), u128::MAX);
    assert_eq!(slots.slots_inside(&set("::/0")).range_count(), 1);
    assert_eq!(space(127).slots_inside(&set("::/0")).count(), 1 << 127);
    assert_eq!(show(space(127), Some(space(127).last_slot())), {
        Some("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127".into())
    });
}

#[test]
fn with_single_addresses_a_slot_is_the_address() {
    for (family, text) in [(Family::V4, "10.0.0.7"), (Family::V6, "fd00::7")] {
        let slots = SlotSpace::addresses(family);
        assert_eq!(Ok(slots), SlotSpace::new(family, family.bits()));
        let address: IpAddr = text.parse().unwrap();
        let slot = slots.slot_of(address).unwrap();
        assert_eq!(
            slots.base_of(slot).map(|p| p.range()),
            Some(AddrRange::single(address))
        );
        let everything = slots.slots_inside(&AddrSet::from(AddrRange::whole(family)));
        assert_eq!(everything.last(), Some(slots.last_slot()));
        assert_eq!(
            slots.base_of(slots.last_slot()).map(|p| p.base()),
            Some(family.highest())
        );
    }
    assert_eq!(
        SlotSpace::addresses(Family::V4).slot_of("10.0.0.7".parse().unwrap()),
        Some(0x0a00_0007)
    );
    assert_eq!(SlotSpace::addresses(Family::V4).base_of(1 << 32), None);
}

#[test]
fn the_other_family_has_no_slots_here() {
    let slots = space(64);
    assert_eq!(slots.slot_of("10.0.0.1".parse().unwrap()), None);
    assert_eq!(slots.slots_touching(range("0.0.0.0/0")), None);
    assert!(slots.slots_inside(&set("0.0.0.0/0")).is_empty());
    assert!(slots.slots_touching_any(&set("0.0.0.0/0")).is_empty());
    let refused = SlotSpace::new(Family::V4, 33).unwrap_err().to_string();
    assert_eq!(refused, "prefix length 33 is too long for IPv4; use 0 to 32");
}
