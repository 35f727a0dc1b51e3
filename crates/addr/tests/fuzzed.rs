//! The checks of the fuzz targets on stable: over arbitrary text, over text near the grammar, over arbitrary bytes.

mod checks;

use proptest::prelude::*;

/// Pieces of the grammar in any order: much more often nearly right than arbitrary text.
fn nearly() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => prop::sample::select(vec![
            "0", "1", "01", "9", "10", "255", "256", "00", "f", "FF", "fe80", "ffff", "12345", "eth0", "٣", "\u{a0}",
            "10.0.0.1", "255.255.255.255", "fd00::1", "::", "::ffff:", "24", "32", "33", "128", "129",
        ]).prop_map(String::from),
        4 => prop::sample::select(vec![".", ":", "::", "-", "/", "%", ",", " ", "+"]).prop_map(String::from),
        1 => "[0-9a-fA-F]{1,4}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// A right entry with one character replaced, doubled or gone.
fn mutated() -> impl Strategy<Value = String> {
    let right = prop::sample::select(vec![
        "192.0.2.1",
        "192.0.2.1-192.0.2.9",
        "192.0.2.0/24",
        "2001:db8::1",
        "2001:db8::1-2001:db8::f",
        "2001:db8::/32",
        "fe80::1%eth0",
        "::ffff:192.0.2.1",
        "1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:1.2.3.4",
        "::/0",
        "fe80::1%a-fe80::2%b",
    ]);
    let new = prop::sample::select(vec!["", "0", "1", "a", ".", ":", "-", "/", "%", " ", "::"]);
    (right, any::<prop::sample::Index>(), new, any::<bool>()).prop_map(|(right, at, new, keep)| {
        let at = at.index(right.len());
        let rest = if keep { &right[at..] } else { &right[at + 1..] };
        format!("{}{new}{rest}", &right[..at])
    })
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![2 => nearly(), 2 => mutated(), 1 => any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn any_text_is_an_entry_exactly_when_the_naive_grammar_says_so(text in text()) {
        checks::entry(&text);
    }

    #[test]
    fn any_text_is_an_address_exactly_when_the_naive_grammar_says_so(text in text()) {
        checks::address(&text);
    }
}

proptest! {
    #[test]
    fn any_programme_leaves_what_the_naive_set_has(programme in prop::collection::vec(any::<u8>(), 0..256)) {
        checks::sets::set_operations(&programme);
    }
}
