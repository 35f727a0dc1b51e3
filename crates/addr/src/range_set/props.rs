use proptest::prelude::*;

use super::RangeSet;
use super::model::*;

/// Every number of the window and its two neighbours, and the ends of the word.
fn probes<W: Windowed>(place: Place) -> Vec<W> {
    let inside = (0..WINDOW).map(|offset| W::at(place, offset));
    let around = [
        W::at(place, 0).prev(),
        W::at(place, WINDOW - 1).next(),
        Some(W::MIN),
        Some(W::MAX),
    ];
    inside.chain(around.into_iter().flatten()).collect()
}

/// A set of the window, or all numbers but those.
fn operand<W: Windowed>(place: Place, (spans, outside): &(Vec<(u8, u8)>, bool)) -> RangeSet<W> {
    let inside = set(place, spans);
    if *outside { inside.complement() } else { inside }
}

fn any_operand() -> impl Strategy<Value = (Vec<(u8, u8)>, bool)> {
    (spans(), any::<bool>())
}

fn follows_the_model<W: Windowed>(place: Place, ops: &[Op]) {
    let (mut set, mut model) = (RangeSet::<W>::new(), std::collections::BTreeSet::new());
    for op in ops {
        apply(place, op, &mut set, &mut model);
        check(place, &set, &model);
    }
    assert_eq!(
        set,
        of_model(place, &model),
        "however it came about, a set has one normal form"
    );
}

fn algebra<W: Windowed>(place: Place, a: &(Vec<(u8, u8)>, bool), b: &(Vec<(u8, u8)>, bool)) {
    let (a, b) = (operand::<W>(place, a), operand::<W>(place, b));
    let (union, both, only_a) = (a.union(&b), a.intersection(&b), a.difference(&b));
    for set in [&union, &both, &only_a] {
        check_normal_form(set);
    }
    for x in probes::<W>(place) {
        let (in_a, in_b) = (a.contains(x), b.contains(x));
        assert_eq!(union.contains(x), in_a || in_b, "{x} in {a} union {b}");
        assert_eq!(both.contains(x), in_a && in_b, "{x} in {a} intersection {b}");
        assert_eq!(only_a.contains(x), in_a && !in_b, "{x} in {a} difference {b}");
    }
    assert_eq!(union, b.union(&a));
    assert_eq!(both, b.intersection(&a));
    assert_eq!(
        union.complement(),
        a.complement().intersection(&b.complement()),
        "De Morgan"
    );
    assert_eq!(
        both.complement(),
        a.complement().union(&b.complement()),
        "De Morgan"
    );
    assert_eq!(only_a, a.intersection(&b.complement()));
    assert_eq!(only_a.union(&both), a);
    assert_eq!(a.is_disjoint(&b), both.is_empty());
    assert_eq!(a.is_subset(&b), only_a.is_empty());
    assert!(both.is_subset(&a) && a.is_subset(&union) && only_a.is_disjoint(&b));
}

fn in_place_is_the_same<W: Windowed>(place: Place, a: &(Vec<(u8, u8)>, bool), b: &(Vec<(u8, u8)>, bool)) {
    let (a, b) = (operand::<W>(place, a), operand::<W>(place, b));
    let (mut added, mut cut, mut extended) = (a.clone(), a.clone(), a.clone());
    for range in b.ranges() {
        added.insert(range.clone());
        cut.remove(range);
    }
    extended.extend(b.ranges());
    assert_eq!(added, a.union(&b));
    assert_eq!(extended, added);
    assert_eq!(cut, a.difference(&b));
    check_normal_form(&added);
    check_normal_form(&cut);
}

fn complement<W: Windowed>(place: Place, a: &(Vec<(u8, u8)>, bool)) {
    let a = operand::<W>(place, a);
    let rest = a.complement();
    assert_eq!(rest.complement(), a);
    assert!(a.is_disjoint(&rest));
    assert_eq!(a.union(&rest), RangeSet::full());
    let whole = W::MAX.distance(W::MIN); // One less than there are, so that it fits.
    if a.is_empty() || rest.is_empty() {
        assert_eq!(a.count().max(rest.count()), whole.saturating_add(1));
    } else {
        assert_eq!(
            a.count() + (rest.count() - 1),
            whole,
            "count and count of the complement make the whole"
        );
    }
}

fn windows_of_a_set<W: Windowed>(place: Place, a: &(Vec<(u8, u8)>, bool), span: (u8, u8)) {
    let a = operand::<W>(place, a);
    let range = W::span(place, span);
    let window: RangeSet<W> = RangeSet::from_iter([range.clone()]);
    let part = a.intersection_with_range(range.clone());
    assert_eq!(part, a.intersection(&window));
    assert!(part.ranges().eq(a.ranges_within(range.clone())));
    assert_eq!(a.overlaps(range.clone()), !part.is_empty());
    assert_eq!(a.covers(range), window.is_subset(&a));
    for value in probes::<W>(place) {
        let around = a.range_around(value);
        assert_eq!(around.is_some(), a.contains(value));
        assert!(around.is_none_or(|r| r.contains(&value) && a.covers(r)));
    }
}

fn nth_and_next_agree<W: Windowed>(place: Place, a: &(Vec<(u8, u8)>, bool)) {
    let a = operand::<W>(place, a);
    let mut walker = a.clone();
    let mut cursor = a.first();
    for index in 0..u128::from(WINDOW) {
        assert_eq!(cursor, a.nth(index));
        assert_eq!(
            walker.take_first(),
            cursor,
            "the lowest member is handed out first"
        );
        cursor = cursor
            .and_then(W::next)
            .and_then(|above| a.next_at_or_after(above));
    }
    if let Some(last) = a.last().filter(|_| a.count() < u128::MAX) {
        assert_eq!(a.nth(a.count() - 1), Some(last));
        assert_eq!(a.nth(a.count()), None);
    }
}

proptest! {
    #[test]
    fn any_changes_leave_what_the_naive_set_has(place in place(), ops in prop::collection::vec(op(), 0..40)) {
        follows_the_model::<u32>(place, &ops);
        follows_the_model::<u128>(place, &ops);
    }

    #[test]
    fn set_algebra_laws_hold(place in place(), a in any_operand(), b in any_operand()) {
        algebra::<u32>(place, &a, &b);
        algebra::<u128>(place, &a, &b);
    }

    #[test]
    fn changing_in_place_equals_the_algebra(place in place(), a in any_operand(), b in any_operand()) {
        in_place_is_the_same::<u32>(place, &a, &b);
        in_place_is_the_same::<u128>(place, &a, &b);
    }

    #[test]
    fn a_set_and_its_complement_make_the_whole(place in place(), a in any_operand()) {
        complement::<u32>(place, &a);
        complement::<u128>(place, &a);
    }

    #[test]
    fn a_window_of_a_set_is_an_intersection(
        place in place(), a in any_operand(), span in (0..WINDOW, 0..WINDOW),
    ) {
        windows_of_a_set::<u32>(place, &a, span);
        windows_of_a_set::<u128>(place, &a, span);
    }

    #[test]
    fn nth_next_and_take_first_walk_the_same_way(place in place(), a in any_operand()) {
        nth_and_next_agree::<u32>(place, &a);
        nth_and_next_agree::<u128>(place, &a);
    }

    #[test]
    fn release_then_allocate_ends_where_it_began(place in place(), spans in spans(), gone in 0..WINDOW) {
        let mut free: RangeSet<u128> = set(place, &spans);
        let before = free.clone();
        let value = <u128 as Windowed>::at(place, gone);
        if free.remove_value(value) {
            prop_assert!(free.insert_value(value));
        } else {
            prop_assert!(free.insert_value(value));
            prop_assert!(free.remove_value(value));
        }
        prop_assert_eq!(free, before);
    }

    #[test]
    fn building_in_any_order_gives_the_same_set(place in place(), spans in spans(), seed in any::<u64>()) {
        let built: RangeSet<u32> = set(place, &spans);
        prop_assert_eq!(&built, &of_model(place, &members(&spans)));
        let mut turned = spans.clone();
        if !turned.is_empty() {
            let by = usize::try_from(seed % turned.len() as u64).unwrap();
            turned.rotate_left(by);
            turned.reverse();
        }
        prop_assert_eq!(set::<u32>(place, &turned), built);
    }
}
