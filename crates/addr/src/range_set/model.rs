//! A naive set over a small window, to compare with, and windows at the places where arithmetic breaks.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use proptest::prelude::*;

use super::{RangeSet, Word};

/// Numbers in a window.
pub(super) const WINDOW: u8 = 48;

/// What can be done to a set, as offsets into the window.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Insert(u8, u8),
    Remove(u8, u8),
    InsertValue(u8),
    RemoveValue(u8),
    TakeFirst,
    Extend(Vec<(u8, u8)>),
}

pub(super) fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (0..WINDOW, 0..WINDOW).prop_map(|(a, b)| Op::Insert(a, b)),
        3 => (0..WINDOW, 0..WINDOW).prop_map(|(a, b)| Op::Remove(a, b)),
        4 => (0..WINDOW).prop_map(Op::InsertValue),
        4 => (0..WINDOW).prop_map(Op::RemoveValue),
        2 => Just(Op::TakeFirst),
        1 => prop::collection::vec((0..WINDOW, 0..WINDOW), 0..12).prop_map(Op::Extend),
    ]
}

/// Window offsets of ranges, in no order, some of them empty.
pub(super) fn spans() -> impl Strategy<Value = Vec<(u8, u8)>> {
    prop::collection::vec(
        (0..WINDOW, 0..6_u8).prop_map(|(a, n)| (a, (a + n).min(WINDOW - 1))),
        0..10,
    )
}

/// Where a window starts: the low end, across the middle, or just so that its last number is the highest there is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Low,
    Middle,
    High,
}

pub(super) fn place() -> impl Strategy<Value = Place> {
    prop_oneof![Just(Place::Low), Just(Place::Middle), Just(Place::High)]
}

/// A word with windows, and a set of it beside its model.
pub(super) trait Windowed: Word {
    fn base(place: Place) -> Self;

    fn at(place: Place, offset: u8) -> Self {
        Self::base(place)
            .offset(offset.into())
            .expect("the window ends at the highest number at most")
    }

    fn span(place: Place, (first, last): (u8, u8)) -> RangeInclusive<Self> {
        Self::at(place, first)..=Self::at(place, last)
    }
}

impl Windowed for u32 {
    fn base(place: Place) -> Self {
        match place {
            Place::Low => 0,
            Place::Middle => (1 << 31) - Self::from(WINDOW / 2),
            Place::High => Self::MAX - Self::from(WINDOW - 1),
        }
    }
}

impl Windowed for u128 {
    fn base(place: Place) -> Self {
        match place {
            Place::Low => 0,
            Place::Middle => (1 << 127) - Self::from(WINDOW / 2),
            Place::High => Self::MAX - Self::from(WINDOW - 1),
        }
    }
}

/// The model of a list of spans.
pub(super) fn members(spans: &[(u8, u8)]) -> BTreeSet<u8> {
    spans.iter().flat_map(|&(a, b)| a..=b).collect()
}

/// The set of a list of spans.
pub(super) fn set<W: Windowed>(place: Place, spans: &[(u8, u8)]) -> RangeSet<W> {
    spans.iter().map(|&span| W::span(place, span)).collect()
}

/// The set of a model, member by member.
pub(super) fn of_model<W: Windowed>(place: Place, model: &BTreeSet<u8>) -> RangeSet<W> {
    model.iter().map(|&offset| W::at(place, offset)).collect()
}

/// Applies the operation to both and compares its result.
pub(super) fn apply<W: Windowed>(place: Place, op: &Op, set: &mut RangeSet<W>, model: &mut BTreeSet<u8>) {
    match op {
        Op::Insert(a, b) => {
            set.insert(W::span(place, (*a, *b)));
            model.extend(*a..=*b);
        }
        Op::Remove(a, b) => {
            set.remove(W::span(place, (*a, *b)));
            model.retain(|member| !(a..=b).contains(&member));
        }
        Op::InsertValue(a) => assert_eq!(set.insert_value(W::at(place, *a)), model.insert(*a)),
        Op::RemoveValue(a) => assert_eq!(set.remove_value(W::at(place, *a)), model.remove(a)),
        Op::TakeFirst => {
            let expected = model.pop_first().map(|offset| W::at(place, offset));
            assert_eq!(set.take_first(), expected);
        }
        Op::Extend(spans) => {
            set.extend(spans.iter().map(|&span| W::span(place, span)));
            model.extend(members(spans));
        }
    }
}

/// Everything a set can be asked, compared with the model.
pub(super) fn check<W: Windowed>(place: Place, set: &RangeSet<W>, model: &BTreeSet<u8>) {
    let word = |offset: &u8| W::at(place, *offset);
    check_normal_form(set);
    assert_eq!(set.count(), model.len() as u128);
    assert_eq!(set.is_empty(), model.is_empty());
    assert_eq!(set.first(), model.first().map(word));
    assert_eq!(set.last(), model.last().map(word));
    for (index, member) in model.iter().enumerate() {
        assert_eq!(set.nth(index as u128), Some(word(member)));
    }
    assert_eq!(set.nth(model.len() as u128), None);
    for offset in 0..WINDOW {
        let value = word(&offset);
        assert_eq!(set.contains(value), model.contains(&offset));
        assert_eq!(set.range_around(value).is_some(), model.contains(&offset));
        assert_eq!(
            set.next_at_or_after(value),
            model.range(offset..).next().map(word)
        );
        let gap = (offset..WINDOW).find(|o| !model.contains(o)).map(|o| word(&o));
        // Past the window everything is free, up to the highest number.
        let gap = gap.or_else(|| W::at(place, WINDOW - 1).next());
        assert_eq!(set.next_gap_at_or_after(value), gap);
    }
}

/// Ranges ascend, are not empty and never touch; what is counted is what they hold.
pub(super) fn check_normal_form<W: Word>(set: &RangeSet<W>) {
    let ranges: Vec<_> = set.ranges().collect();
    assert_eq!(ranges.len(), set.range_count());
    assert!(ranges.iter().all(|r| r.start() <= r.end()));
    let apart =
        |pair: &[RangeInclusive<W>]| pair[0].end().next().is_some_and(|after| after < *pair[1].start());
    assert!(ranges.windows(2).all(apart), "{set}");
    let sizes = ranges
        .iter()
        .map(|r| r.end().distance(*r.start()).saturating_add(1));
    assert_eq!(set.count(), sizes.fold(0, u128::saturating_add));
}
