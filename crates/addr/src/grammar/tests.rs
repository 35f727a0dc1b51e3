use super::*;
use crate::Family;

fn error(text: &str) -> String {
    text.parse::<Entry>().unwrap_err().to_string()
}

fn address(text: &str) -> String {
    parse_address(text)
        .unwrap_or_else(|e| panic!("`{text}`: {e}"))
        .to_string()
}

#[test]
fn every_refusal_names_the_value_the_problem_and_the_remedy() {
    for (text, message) in [
        (
            "",
            "an empty value is no address; write an address such as `10.0.0.5` or `2001:db8::5`",
        ),
        ("10.0.0.1 ", "`10.0.0.1 ` contains a blank; remove it"),
        ("10.0.0.1\n", "`10.0.0.1\\n` contains a blank; remove it"),
        (
            "10.0.0.010",
            "`10.0.0.010` is no IP address; write the octets without leading zeros",
        ),
        (
            "10.0.0",
            "`10.0.0` is no IP address; an IPv4 address has four numbers from 0 to 255, as in `10.0.0.5`",
        ),
        (
            "fd00::1::2",
            "`fd00::1::2` is no IP address; an IPv6 address has eight groups of up to four hexadecimal digits, \
             with at most one `::`",
        ),
        (
            "10.0.0.1,2",
            "`10.0.0.1,2` is no IP address; write one entry per list item, without commas",
        ),
        (
            "fe80::1%",
            "`fe80::1%` is no IP address; write a zone after `%` or remove the `%`",
        ),
        (
            "10.0.0.1%eth0",
            "`10.0.0.1%eth0` is no IP address; a zone (`%…`) needs an IPv6 address in front of it",
        ),
        (
            "10.0.0.5-",
            "`10.0.0.5-` is no range: `` is no IP address; write two plain addresses such as `10.0.0.5-10.0.0.9`",
        ),
        (
            "10.0.0.5-10.0.0.8/30",
            "`10.0.0.5-10.0.0.8/30` is no range: `10.0.0.8/30` is no IP address; write two plain addresses such \
             as `10.0.0.5-10.0.0.9`",
        ),
        (
            "10.0.0.5-fd00::1",
            "`10.0.0.5-fd00::1` mixes IPv4 and IPv6; write one range per family",
        ),
        (
            "10.0.0.5-10.0.0.2",
            "`10.0.0.5-10.0.0.2` ends before it starts; write the lower address first",
        ),
        (
            "10.0/16",
            "`10.0/16` is no network: `10.0` is no IP address; write it as `10.0.0.0/24` or `2001:db8::/64`",
        ),
        (
            "fe80::%eth0/64",
            "`fe80::%eth0/64` has a zone, which a network cannot have; remove the part from `%` up to `/`",
        ),
        (
            "10.0.0.0/33",
            "`10.0.0.0/33` has no valid prefix length after `/`; write a number from 0 to 32 without sign or \
             leading zeros",
        ),
        (
            "fd00::/",
            "`fd00::/` has no valid prefix length after `/`; write a number from 0 to 128 without sign or \
             leading zeros",
        ),
    ] {
        assert_eq!(error(text), message);
    }
}

#[test]
fn a_plain_address_is_no_network_and_no_range() {
    let refusal = parse_address("10.0.0.0/24").unwrap_err().to_string();
    assert_eq!(
        refusal,
        "`10.0.0.0/24` is no IP address; a network is not allowed here; remove the part from `/` on"
    );
    assert!(parse_address("10.0.0.1-10.0.0.2").is_err());
    assert!(parse_address(" 10.0.0.1").is_err());
    assert!(parse_address("").is_err());
}

#[test]
fn long_and_unprintable_values_are_shortened_and_escaped() {
    let long = error(&"9".repeat(100_000));
    assert!(long.contains('…') && long.len() < 300, "{long}");
    assert_eq!(
        error("\0".repeat(100_000).as_str()).matches("\\0").count(),
        48,
        "found by fuzzing"
    );
    assert!(error("a\u{7}\u{202e}b'\"\\ü").contains("`a\\u{7}\\u{202e}b'\"\\ü`"));
}

#[test]
fn zones_are_dropped_on_addresses_and_range_ends_and_refused_elsewhere() {
    assert_eq!(address("fe80::1%eth0"), "fe80::1");
    assert_eq!(address("::ffff:10.0.0.1%1"), "::ffff:10.0.0.1");
    assert_eq!(
        "fe80::1%eth0-fe80::3%eth0".parse::<Entry>(),
        "fe80::1-fe80::3".parse()
    );
    for text in [
        "fe80::1%",
        "10.0.0.1%eth0",
        "%eth0",
        "fe80::1%et h0",
        "fe80::1%eth0/64",
        "fe80::/64%eth0",
    ] {
        assert!(text.parse::<Entry>().is_err(), "{text}");
    }
    // The first dash decides (spec §5), also inside a zone.
    assert!("fe80::1%eth-0".parse::<Entry>().is_err());
}

#[test]
fn prefix_lengths_are_plain_decimal_numbers_up_to_the_family() {
    for text in [
        "0.0.0.0/0",
        "10.0.0.1/32",
        "::/0",
        "fd00::1/128",
        "::ffff:10.0.0.1/128",
    ] {
        assert_eq!(text.parse::<Entry>().unwrap().to_string(), text);
    }
    for length in [
        "",
        "00",
        "01",
        "-1",
        "+1",
        "1.0",
        "0x10",
        "1e1",
        "٣",
        "33",
        "256",
        "4294967296",
        " 8",
        "8/8",
    ] {
        assert!(format!("10.0.0.0/{length}").parse::<Entry>().is_err(), "{length}");
    }
}

#[test]
fn the_whole_of_both_families_is_an_entry() {
    assert_eq!("0.0.0.0/0".parse::<Entry>().unwrap().range().count(), 1 << 32);
    assert_eq!("::/0".parse::<Entry>().unwrap().range().count(), u128::MAX);
}

#[test]
fn a_mapped_address_is_ipv6() {
    let mapped: Entry = "::ffff:10.0.0.1".parse().unwrap();
    assert_eq!(mapped.family(), Family::V6);
    assert_ne!(mapped, "10.0.0.1".parse().unwrap());
    assert!("::ffff:10.0.0.1-10.0.0.2".parse::<Entry>().is_err());
    assert!(
        "::ffff:10.0.0.0/120"
            .parse::<Entry>()
            .unwrap()
            .is_network_aligned()
    );
}

#[test]
fn output_is_canonical() {
    for (text, canonical) in [
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("0:0:1:0:0:0:1:0", "0:0:1::1:0"),
        ("1:0:0:2:0:0:0:0", "1:0:0:2::"),
        ("0:0:0:0:0:0:0:0", "::"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("::1.2.3.4", "::102:304"),
        ("::FFFF:1.2.3.4", "::ffff:1.2.3.4"),
        ("::ffff:a00:1", "::ffff:10.0.0.1"),
        ("64:ff9b::10.0.0.1", "64:ff9b::a00:1"),
        ("::ffff:0:1.2.3.4", "::ffff:0:102:304"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
        ("192.0.2.1", "192.0.2.1"),
    ] {
        assert_eq!(address(text), canonical);
    }
}

#[test]
fn entries_keep_what_was_written() {
    let cidr: Entry = "FD00::1/64".parse().unwrap();
    assert_eq!(cidr.to_string(), "fd00::1/64");
    assert_eq!(cidr.prefix().map(|p| p.to_string()).as_deref(), Some("fd00::/64"));
    assert!(!cidr.is_network_aligned());
    assert!("fd00::/64".parse::<Entry>().unwrap().is_network_aligned());
    for other in ["fd00::", "fd00::-fd00::ffff"] {
        let other: Entry = other.parse().unwrap();
        assert!(other.prefix().is_none() && !other.is_network_aligned());
    }
    let Entry::Range { first, last, .. } = "10.0.0.1-10.0.0.9".parse().unwrap() else {
        panic!("a range")
    };
    assert_eq!(
        (first.to_string(), last.to_string()),
        ("10.0.0.1".into(), "10.0.0.9".into())
    );
}
