//! What must hold for any input whatever: run by proptest on stable (`fuzzed.rs`) and by cargo-fuzz (`fuzz/`).
//!
//! Each function panics when something does not hold.

use std::collections::BTreeSet;
use std::net::IpAddr;

use cloud::config;
use cloud::plan::address::{CidrItem, CidrList, Provided, Use};
use cloud::plan::settings::Semantics;

/// A configuration file: refused with a reason, or understood; then what is printed of it means the same.
pub(crate) fn config(text: &str) {
    let config = match config::parse(text) {
        Ok(config) => config,
        Err(error) => {
            assert!(!error.problems.is_empty(), "refused without a reason");
            return;
        }
    };
    let regions: BTreeSet<_> = config.regions.iter().map(|settings| &settings.region).collect();
    assert!(!regions.is_empty(), "a controller without work");
    assert_eq!(regions.len(), config.regions.len(), "a region twice");
    let printed = config.to_string();
    let again = config::parse(&printed).unwrap_or_else(|error| panic!("{error}\n{printed}"));
    assert_eq!(again.settings, config.settings, "{printed}");
    assert_eq!(again.to_string(), printed);
}

/// A list of networks, compared with a naive search.
pub(crate) fn cidr_list(text: &str) {
    let words = || {
        text.split(|c: char| c == ',' || c.is_whitespace())
            .filter(|word| !word.is_empty())
    };
    let (list, refused) = CidrList::parse(text);
    let items = list.items();
    assert_eq!(
        items.len() + refused.len(),
        words().count(),
        "a word is lost or made up"
    );
    for item in items {
        let word = words().any(|word| word == &*item.text);
        assert!(word, "{item:?} is not written there");
        assert_eq!(item.negated, item.text.starts_with('!'));
        assert_eq!(item.bare, !item.text.contains('/'));
    }
    let texts: Vec<&str> = items.iter().map(|item| &*item.text).collect();
    let (again, none) = CidrList::parse(&texts.join(", "));
    assert!(again == list && none.is_empty(), "{again:?}");
    for address in items.iter().filter_map(address) {
        assert_eq!(list.most_specific(address), naive(items, address), "{address}");
        let external = list.external(address, Semantics::Upstream);
        assert!(!matches!(external, Use::Negated(_)), "{address}");
        for semantics in [Semantics::Documented, Semantics::Upstream] {
            let ignoring = list.ignoring(address, semantics);
            assert!(ignoring.is_none_or(|item| item.prefix.contains(address)));
        }
    }
    assert!(list.without_bare().items().iter().all(|item| !item.bare));
}

/// The address an item is written with.
fn address(item: &CidrItem) -> Option<IpAddr> {
    let text = item.text.trim_start_matches('!');
    let address: IpAddr = text.split('/').next()?.parse().ok()?;
    Some(address.to_canonical())
}

/// The longest prefix around an address; of equal ones the `!` item.
fn naive(items: &[CidrItem], address: IpAddr) -> Use<'_> {
    let mut best: Option<&CidrItem> = None;
    for item in items.iter().filter(|item| item.prefix.contains(address)) {
        let (length, known) = (item.prefix.length(), best.map(|best| best.prefix.length()));
        let is_better = match known {
            None => true,
            Some(known) if known == length => item.negated || !best.is_some_and(|best| best.negated),
            Some(known) => known < length,
        };
        if is_better {
            best = Some(item);
        }
    }
    match best {
        None => Use::None,
        Some(item) if item.negated => Use::Negated(item),
        Some(item) => Use::Plain(item),
    }
}

/// Kubelet's annotation: refused with its value, or at most one usable address of each family.
pub(crate) fn provided(text: &str) {
    let spaced: Vec<String> = text.split(',').map(|part| format!(" {part}\t")).collect();
    let read = Provided::read(Some(text));
    match (&read, Provided::read(Some(&spaced.join(",")))) {
        (Ok(one), Ok(other)) => assert_eq!(*one, other, "blanks mean something"),
        (Err(one), Err(other)) => assert_eq!(one.problem, other.problem),
        (one, other) => panic!("blanks mean something: {one:?}, {other:?}"),
    }
    match read {
        Err(error) => {
            assert!(!error.problem.is_empty());
            assert_eq!(error.value, text.trim());
        }
        Ok(Provided::Absent) => {
            let unspecified = |text: &str| !text.bytes().any(|b| matches!(b, b'1'..=b'9' | b'a'..=b'e'));
            assert!(unspecified(text), "{text:?} is something");
        }
        Ok(Provided::Given(addresses)) => {
            assert!(
                addresses.iter().all(|ip| *ip == ip.to_canonical()),
                "{addresses:?}"
            );
            match addresses.as_slice() {
                [one] => assert!(!one.is_unspecified()),
                [one, two] => {
                    assert_ne!(one.is_ipv4(), two.is_ipv4(), "one of each family");
                    assert!(!one.is_unspecified() && !two.is_unspecified());
                }
                more => panic!("{more:?}"),
            }
        }
    }
}
