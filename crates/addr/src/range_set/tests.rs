use super::RangeSet;

fn set(ranges: &[(u128, u128)]) -> RangeSet<u128> {
    ranges.iter().map(|&(a, b)| a..=b).collect()
}

const MAX: u128 = u128::MAX;

#[test]
fn adjacent_and_overlapping_ranges_merge() {
    assert_eq!(set(&[(5, 9), (1, 4)]).to_string(), "[1-9]");
    assert_eq!(
        set(&[(5, 9), (1, 5), (7, 12), (14, 14)]).to_string(),
        "[1-12 14-14]"
    );
    let mut by_hand = RangeSet::new();
    for value in [3_u32, 1, 2, 5] {
        assert!(by_hand.insert_value(value));
        assert!(!by_hand.insert_value(value));
    }
    assert_eq!(format!("{by_hand:?} {}", by_hand.range_count()), "[1-3 5-5] 2");
}

#[test]
fn empty_ranges_change_and_hold_nothing() {
    #[expect(clippy::reversed_empty_ranges, reason = "what the test is about")]
    let empty = 5..=4;
    let mut numbers = set(&[(1, 9)]);
    numbers.insert(empty.clone());
    numbers.remove(empty.clone());
    assert_eq!(numbers, set(&[(1, 9)]));
    assert_eq!(RangeSet::from_iter([empty.clone()]), RangeSet::<u128>::new());
    assert!(numbers.covers(empty.clone()) && !numbers.overlaps(empty.clone()));
    assert!(numbers.intersection_with_range(empty).is_empty());
}

#[test]
fn the_empty_set_answers_everything() {
    let mut empty = RangeSet::<u32>::default();
    assert!(empty.is_empty() && empty.count() == 0 && empty.range_count() == 0);
    assert_eq!(
        (empty.first(), empty.last(), empty.nth(0), empty.take_first()),
        (None, None, None, None)
    );
    assert_eq!(
        (empty.next_at_or_after(0), empty.next_gap_at_or_after(7)),
        (None, Some(7))
    );
    assert!(!empty.contains(0) && !empty.remove_value(0));
    assert_eq!(empty.to_string(), "[]");
    assert_eq!(empty.complement(), RangeSet::full());
}

#[test]
fn the_full_set_saturates_only_where_it_must() {
    assert_eq!(RangeSet::<u32>::full().count(), 1 << 32);
    let mut all = RangeSet::<u128>::full();
    assert_eq!(all.count(), MAX, "2^128 does not fit");
    assert_eq!(all.nth(MAX), Some(MAX));
    assert_eq!(all.next_gap_at_or_after(0), None);
    assert!(!all.is_empty() && all.complement().is_empty());
    assert!(!all.insert_value(7), "it was there");
    assert!(all.remove_value(7), "2^128 less one fits again");
    assert_eq!(all.count(), MAX);
    assert_eq!(all.take_first(), Some(0));
    assert_eq!(all.count(), MAX - 1);
    assert!(all.insert_value(0) && all.insert_value(7));
    assert_eq!(all, RangeSet::full());
}

#[test]
fn the_ends_of_the_numbers_are_ordinary() {
    let mut ends = set(&[(0, 0), (MAX, MAX)]);
    ends.insert(1..=1);
    ends.insert(MAX - 1..=MAX - 1);
    assert_eq!(ends, set(&[(0, 1), (MAX - 1, MAX)]));
    assert_eq!(
        (ends.next_at_or_after(2), ends.next_gap_at_or_after(MAX)),
        (Some(MAX - 1), None)
    );
    ends.remove(0..=0);
    ends.remove(MAX..=MAX);
    assert_eq!(ends, set(&[(1, 1), (MAX - 1, MAX - 1)]));
    ends.insert(0..=MAX);
    assert_eq!(ends, RangeSet::full());
    ends.remove(0..=MAX);
    assert!(ends.is_empty() && ends.count() == 0);
}

#[test]
fn a_cut_leaves_both_sides() {
    let mut numbers = set(&[(10, 20), (30, 40), (50, 60)]);
    numbers.remove(15..=55);
    assert_eq!(numbers, set(&[(10, 14), (56, 60)]));
    numbers.remove(57..=57);
    assert_eq!(numbers, set(&[(10, 14), (56, 56), (58, 60)]));
    numbers.remove(0..=9);
    numbers.remove(61..=MAX);
    assert_eq!(numbers.count(), 9);
}

#[test]
fn a_large_extension_merges_and_a_small_one_inserts_with_the_same_result() {
    let evens = || (0..1_000_u128).map(|n| n * 2);
    let mut numbers: RangeSet<u128> = evens().collect();
    numbers.extend([1_u128, 3]);
    assert_eq!(
        (numbers.count(), numbers.first(), numbers.range_count()),
        (1_002, Some(0), 998)
    );
    numbers.extend(evens().map(|n| n + 1));
    assert_eq!(numbers, set(&[(0, 1_999)]));
    numbers.clear();
    assert_eq!(numbers, RangeSet::new());
}

#[test]
fn ranges_can_be_walked_from_both_ends() {
    let numbers = set(&[(1, 2), (4, 5), (9, 9)]);
    assert!(numbers.ranges().rev().eq([9..=9, 4..=5, 1..=2]));
    assert!(numbers.ranges_within(2..=4).eq([2..=2, 4..=4]));
}
