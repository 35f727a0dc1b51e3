//! What must hold for any input whatever: run by proptest on stable (`fuzzed.rs`) and by cargo-fuzz (`fuzz/`).
//!
//! Each function panics when something does not hold.

mod oracle;
pub(crate) mod sets;

use addr::{Entry, ParseError, parse_address};

/// One text as an entry of the grammar: accepted exactly when the naive grammar accepts it, and consistent if so.
pub(crate) fn entry(text: &str) {
    let parsed = text.parse::<Entry>();
    assert_eq!(parsed.is_ok(), oracle::is_entry(text), "{text:?} gave {parsed:?}");
    match parsed {
        Ok(entry) => consistent(entry),
        Err(error) => printable(&error),
    }
}

/// One text as a plain address.
pub(crate) fn address(text: &str) {
    let parsed = parse_address(text);
    let expected = oracle::address_with_zone(text);
    assert_eq!(
        parsed.as_ref().ok().copied(),
        expected,
        "{text:?} gave {parsed:?}"
    );
    match parsed {
        Ok(address) => {
            let canonical = address.to_string();
            assert_eq!(canonical.parse(), Ok(address), "canonical text is plain");
            assert_eq!(parse_address(&canonical), Ok(address));
            assert_eq!(canonical.to_ascii_lowercase(), canonical);
        }
        Err(error) => printable(&error),
    }
}

fn consistent(entry: Entry) {
    let canonical = entry.to_string();
    assert_eq!(canonical.parse(), Ok(entry), "{canonical}");
    let range = entry.range();
    assert!(range.first() <= range.last());
    assert!(range.count() >= 1);
    assert_eq!(range.family(), entry.family());
    if let Some(prefix) = entry.prefix() {
        assert_eq!(prefix.range(), range);
        assert_eq!(range.as_prefix(), Some(prefix));
        assert_eq!(
            prefix.to_string().parse::<Entry>().map(|network| network.range()),
            Ok(range)
        );
    }
    assert!(entry.prefix().is_some() || !entry.is_network_aligned());
}

/// A message fits on one line of a log and says something.
fn printable(error: &ParseError) {
    let message = error.to_string();
    assert!(
        !message.is_empty() && !message.contains(char::is_control),
        "{message:?}"
    );
    assert!(message.chars().count() < 400, "{message}");
}
