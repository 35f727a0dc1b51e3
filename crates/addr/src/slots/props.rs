//! Slots of a family against a walk over every slot of a small window.

use std::ops::RangeInclusive;

use proptest::prelude::*;

use super::SlotSpace;
use crate::{AddrRange, AddrSet, Family, RangeSet};

/// A window of `8 << host` addresses at the low end, the middle or the high end, and ranges in it.
#[derive(Clone, Debug)]
struct World {
    slots: SlotSpace,
    window: AddrRange,
    set: AddrSet,
    probe: AddrRange,
}

fn world() -> impl Strategy<Value = World> {
    let family = prop_oneof![Just(Family::V4), Just(Family::V6)];
    let spans = prop::collection::vec((0..64_u128, 0..20_u128), 0..6);
    (family, 0..=3_u8, 0..3_u8, spans, (0..64_u128, 0..20_u128)).prop_map(
        |(family, host, place, spans, probe)| {
            let max = family.max_bits();
            let base = match place {
                0 => 0,
                1 => max / 2 + 1 - 32, // Not aligned to the window, but to every slot in it.
                _ => max - 63,
            };
            let range = |(first, more): (u128, u128)| {
                AddrRange::from_bits(family, base + first, base + (first + more).min(63))
            };
            World {
                slots: SlotSpace::new(family, family.bits() - host).unwrap(),
                window: range((0, 63)),
                set: spans.into_iter().map(range).collect(),
                probe: range(probe),
            }
        },
    )
}

impl World {
    fn all_slots(&self) -> RangeInclusive<u128> {
        self.slots.slots_touching(self.window).unwrap()
    }
}

proptest! {
    #[test]
    fn slots_equal_a_walk_over_all_of_them(world in world()) {
        let (inside, touching) = (world.slots.slots_inside(&world.set), world.slots.slots_touching_any(&world.set));
        let blocked = world.slots.slots_touching(world.probe).unwrap();
        for slot in world.all_slots() {
            let range = world.slots.base_of(slot).unwrap().range();
            prop_assert_eq!(inside.contains(slot), world.set.covers(range));
            prop_assert_eq!(touching.contains(slot), world.set.overlaps(range));
            prop_assert_eq!(blocked.contains(&slot), range.intersection(world.probe).is_some());
        }
        let outside = |slots: &RangeSet<u128>| slots.difference(&RangeSet::from_iter([world.all_slots()]));
        prop_assert!(outside(&inside).is_empty() && outside(&touching).is_empty());
        prop_assert!(inside.is_subset(&touching));
    }

    #[test]
    fn numbers_and_prefixes_map_back_and_forth(world in world()) {
        for slot in world.all_slots() {
            let prefix = world.slots.base_of(slot).unwrap();
            prop_assert_eq!(prefix.length(), world.slots.length());
            prop_assert_eq!(world.slots.slot_of_prefix(prefix), Some(slot));
            prop_assert_eq!(world.slots.slot_of(prefix.range().last()), Some(slot));
            prop_assert_eq!(world.slots.slots_touching(prefix.range()), Some(slot..=slot));
        }
    }

    #[test]
    fn addresses_of_slots_are_the_addresses_inside(world in world()) {
        let inside = world.slots.slots_inside(&world.set);
        let addresses = world.slots.addresses_of(&inside);
        prop_assert!(addresses.is_subset(&world.set));
        prop_assert_eq!(world.slots.slots_inside(&addresses), inside);
    }

    #[test]
    fn any_length_works_at_any_address(family in prop_oneof![Just(Family::V4), Just(Family::V6)],
        length in 0..=128_u8, bits in any::<u128>()) {
        let length = length.min(family.bits());
        let slots = SlotSpace::new(family, length).unwrap();
        let address = family.address(bits & family.max_bits());
        let slot = slots.slot_of(address).unwrap();
        prop_assert!(slot <= slots.last_slot());
        prop_assert!(slots.base_of(slot).unwrap().contains(address));
        let whole = slots.slots_inside(&AddrSet::from(AddrRange::whole(family)));
        prop_assert_eq!(whole, RangeSet::from_iter([0..=slots.last_slot()]));
    }
}
