use std::net::IpAddr;

use addr::Prefix;

use super::unmapped;
use crate::plan::settings::Semantics;

/// One item of a list of networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CidrItem {
    /// The text as it stands in the list.
    pub text: Box<str>,
    /// It starts with `!`.
    pub negated: bool,
    /// It was written without a length, which the replaced controller does not read.
    pub bare: bool,
    /// The network; host bits are cleared.
    pub prefix: Prefix,
}

impl CidrItem {
    fn parse(text: &str) -> Option<Self> {
        let (negated, network) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (address, length) = match network.split_once('/') {
            Some((address, length)) => (address, Some(decimal(length)?)),
            None => (network, None),
        };
        let prefix = masked(address.parse().ok()?, length)?;
        Some(Self {
            text: text.into(),
            negated,
            bare: length.is_none(),
            prefix,
        })
    }
}

/// Digits only: the standard parser would let `+8` through.
fn decimal(text: &str) -> Option<u8> {
    text.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse().ok())?
}

/// The network around an address; one inside `::ffff:0:0/96` is the IPv4 network it stands for.
fn masked(address: IpAddr, length: Option<u8>) -> Option<Prefix> {
    let plain = unmapped(address);
    let shortened = if plain == address { 0 } else { 96 };
    match length {
        None => Prefix::new_masked(plain, if plain.is_ipv4() { 32 } else { 128 }).ok(),
        Some(length) => match length.checked_sub(shortened) {
            Some(length) => Prefix::new_masked(plain, length).ok(),
            None => Prefix::new_masked(address, length).ok(),
        },
    }
}

/// What a list says about an address that was found in a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use<'a> {
    /// No item contains it.
    None,
    /// This plain item does.
    Plain(&'a CidrItem),
    /// This `!` item does.
    Negated(&'a CidrItem),
}

/// A list of networks as `external_ip_cidrs` and `ip_sort_order` have it (§5.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CidrList {
    items: Vec<CidrItem>,
}

impl CidrList {
    /// Parses items separated by commas or white space; also returns those that are no network.
    ///
    /// A plain address means its single-host network.
    #[must_use]
    pub fn parse(text: &str) -> (Self, Vec<String>) {
        let (mut items, mut refused) = (Vec::new(), Vec::new());
        let texts = text.split(|c: char| c == ',' || c.is_whitespace());
        for text in texts.filter(|text| !text.is_empty()) {
            match CidrItem::parse(text) {
                Some(item) => items.push(item),
                None => refused.push(text.to_owned()),
            }
        }
        (Self { items }, refused)
    }

    /// The items in the order written.
    #[must_use]
    pub fn items(&self) -> &[CidrItem] {
        &self.items
    }

    /// No items at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The list as the replaced controller reads it: without the addresses that have no length.
    #[must_use]
    pub fn without_bare(&self) -> Self {
        Self {
            items: self.items.iter().filter(|item| !item.bare).cloned().collect(),
        }
    }

    /// The most specific item that contains the address; of two equal ones the `!` item.
    #[must_use]
    pub fn most_specific(&self, address: IpAddr) -> Use<'_> {
        let inside = self.items.iter().filter(|item| item.prefix.contains(address));
        match inside.max_by_key(|item| (item.prefix.length(), item.negated)) {
            None => Use::None,
            Some(item) if item.negated => Use::Negated(item),
            Some(item) => Use::Plain(item),
        }
    }

    /// As `external_ip_cidrs`: plain is external, `!` is dropped (documented) or nothing at all (upstream).
    #[must_use]
    pub fn external(&self, address: IpAddr, semantics: Semantics) -> Use<'_> {
        match semantics {
            Semantics::Documented => self.most_specific(address),
            Semantics::Upstream => self.first(address, false).map_or(Use::None, Use::Plain),
        }
    }

    /// As `ip_sort_order`: the item that makes this address ignored, if any (§5.5).
    #[must_use]
    pub fn ignoring(&self, address: IpAddr, semantics: Semantics) -> Option<&CidrItem> {
        match semantics {
            Semantics::Documented => match self.most_specific(address) {
                Use::Negated(item) => Some(item),
                Use::Plain(_) | Use::None => None,
            },
            Semantics::Upstream if self.contradicts_itself() => None,
            Semantics::Upstream => self.first(address, false),
        }
    }

    /// As `ip_sort_order`: the networks that order addresses, first one first (§5.6).
    pub fn priorities(&self, semantics: Semantics) -> impl DoubleEndedIterator<Item = &CidrItem> + Clone {
        let (negated, inert) = match semantics {
            Semantics::Documented => (false, false),
            Semantics::Upstream => (true, self.contradicts_itself()),
        };
        self.items
            .iter()
            .filter(move |item| item.negated == negated && !inert)
    }

    /// A plain and a `!` item overlap: then the replaced controller drops the whole key.
    #[must_use]
    pub fn contradicts_itself(&self) -> bool {
        let (negated, plain): (Vec<_>, Vec<_>) = self.items.iter().partition(|item| item.negated);
        let overlap = |a: &Prefix, b: &Prefix| a.contains(b.base()) || b.contains(a.base());
        plain
            .iter()
            .any(|a| negated.iter().any(|b| overlap(&a.prefix, &b.prefix)))
    }

    fn first(&self, address: IpAddr, negated: bool) -> Option<&CidrItem> {
        self.items
            .iter()
            .find(|item| item.negated == negated && item.prefix.contains(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> CidrList {
        let (list, refused) = CidrList::parse(text);
        assert_eq!(refused, Vec::<String>::new());
        list
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn items_are_separated_by_commas_and_blanks_and_masked() {
        let list = list(
            " 203.0.113.0/24 198.51.100.7/24\t2001:db8:85a3::8a2e:370:7334/112,,!10.0.0.1 ::ffff:192.0.2.1/120\n",
        );
        let texts: Vec<String> = list
            .items()
            .iter()
            .map(|i| format!("{}{}", if i.negated { "!" } else { "" }, i.prefix))
            .collect();
        assert_eq!(
            texts,
            [
                "203.0.113.0/24",
                "198.51.100.0/24",
                "2001:db8:85a3::8a2e:370:0/112",
                "!10.0.0.1/32",
                "192.0.2.0/24"
            ]
        );
    }

    #[test]
    fn rubbish_is_named_and_spoils_nothing() {
        let (list, refused) = CidrList::parse(
            "10.0.0.0/33, !, 010.0.0.0/8, 10.0.0.0/+8, 10.0.0.0/8, x, 2001:db8::/129, 1.2.3.4/",
        );
        assert_eq!(list.items().len(), 1);
        assert_eq!(
            refused,
            [
                "10.0.0.0/33",
                "!",
                "010.0.0.0/8",
                "10.0.0.0/+8",
                "x",
                "2001:db8::/129",
                "1.2.3.4/"
            ]
        );
    }

    #[test]
    fn the_most_specific_item_decides_and_a_tie_goes_to_the_exclamation_mark() {
        let list = list("10.0.0.0/8,!10.1.0.0/16,10.1.2.0/24,!10.9.0.0/16,10.9.0.0/16");
        let plain = |text: &str| matches!(list.most_specific(ip(text)), Use::Plain(_));
        let negated = |text: &str| matches!(list.most_specific(ip(text)), Use::Negated(_));
        assert!(plain("10.0.0.1") && negated("10.1.0.1") && plain("10.1.2.3") && negated("10.9.0.1"));
        assert_eq!(list.most_specific(ip("192.0.2.1")), Use::None);
        assert_eq!(list.most_specific(ip("2001:db8::1")), Use::None);
    }

    #[test]
    fn upstream_exchanges_the_sort_key_and_drops_it_on_overlap() {
        let key = list("10.0.0.0/8,!192.168.0.0/16");
        assert!(key.ignoring(ip("10.0.0.1"), Semantics::Upstream).is_some());
        assert!(key.ignoring(ip("192.168.0.1"), Semantics::Upstream).is_none());
        assert!(key.ignoring(ip("192.168.0.1"), Semantics::Documented).is_some());
        assert_eq!(key.priorities(Semantics::Upstream).count(), 1);
        let overlap = list("10.0.0.0/8,!10.0.0.0/24");
        assert!(overlap.contradicts_itself());
        assert!(overlap.ignoring(ip("10.9.0.1"), Semantics::Upstream).is_none());
        assert_eq!(overlap.priorities(Semantics::Upstream).count(), 0);
        assert_eq!(overlap.priorities(Semantics::Documented).count(), 1);
    }
}
