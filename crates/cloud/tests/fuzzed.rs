//! The checks of the fuzz targets on stable: over arbitrary input, over input that is nearly right, and over the seeds.

mod checks;

use std::fs;
use std::path::Path;

use proptest::prelude::*;

/// A right configuration with some values replaced, and some lines lost.
fn mutated() -> impl Strategy<Value = String> {
    let value = prop::sample::select(vec![
        "auto",
        "qemu",
        "off",
        "\"off\"",
        "true",
        "7",
        "[]",
        "{}",
        "null",
        "~",
        "10s",
        "1h30m",
        "&a x",
        "*a",
        "'!10.0.0.0/8'",
        "\"2001:db8::/32 x\"",
        "https://h:8006/",
        "ftp://h",
        "[https://a, https://b]",
        "[lo, eth*]",
        "\"a: b # c\"",
        "\"http://[2001:db8::1]:8006\"",
        "'x: y, [z] # \"q\"'",
        "/etc/a b",
        "\"on\"",
        "|",
    ]);
    let values = prop::collection::vec(prop::option::weighted(0.12, value), 21);
    (values, prop::collection::vec(prop::bool::weighted(0.95), 26)).prop_map(|(values, kept)| {
        let lines = [
            ("features:", ""),
            ("  provider: ", "capmox"),
            ("  ha_group: ", "true"),
            ("  match_name: ", "\"off\""),
            ("  foreign_nodes: ", "untaint"),
            ("  force_update_labels: ", "false"),
            ("  network:", ""),
            ("    mode: ", "qemu"),
            ("    external_ip_cidrs: ", "'203.0.113.0/24,!10.0.0.0/8'"),
            ("    ip_sort_order: ", "192.168.0.0/16"),
            ("    cidr_semantics: ", "documented"),
            ("    ipv6_ula: ", "keep"),
            ("    nic_match: ", "mac"),
            ("    guest_timeout: ", "5s"),
            ("    interfaces:", ""),
            ("      exclude: ", "[eth9]"),
            ("      exclude_defaults: ", "false"),
            ("clusters:", ""),
            ("- url: ", "https://pve.example.net:8006"),
            ("  region: ", "fsn"),
            ("  insecure: ", "true"),
            ("  timeout: ", "3s"),
            ("  token_id: ", "a@pve!b"),
            ("  token_secret: ", "c"),
            (
                "- {url: 'https://h', region: nbg, username: a@pve, password: ",
                "'b'}",
            ),
            ("  nonsense: ", "1"),
        ];
        let mut values = values.iter();
        let line = |((key, default), kept): ((&str, &'static str), &bool)| {
            let value = if default.is_empty() { None } else { values.next() };
            let value = value.copied().flatten().unwrap_or(default);
            kept.then(|| format!("{key}{value}\n"))
        };
        lines.into_iter().zip(&kept).filter_map(line).collect()
    })
}

/// Networks, and what is nearly one.
fn networks() -> impl Strategy<Value = String> {
    let address = prop_oneof![
        4 => prop::sample::select(vec![
            "10.0.0.0", "10.1.0.0", "10.1.2.3", "0.0.0.0", "::", "2001:db8::", "2001:db8::5", "::ffff:10.0.0.0",
            "::ffff:0:0", "fe80::1%eth0", "010.0.0.1", "x", "",
        ]).prop_map(str::to_owned),
        1 => any::<std::net::IpAddr>().prop_map(|address| address.to_string()),
    ];
    let length = prop::sample::select(vec![
        "", "/0", "/8", "/16", "/32", "/33", "/96", "/104", "/128", "/129", "/+8", "/", "/08",
    ]);
    let item = (prop::sample::select(vec!["", "", "!", "!!"]), address, length)
        .prop_map(|(negation, address, length)| format!("{negation}{address}{length}"));
    let gap = prop::sample::select(vec![",", " ", "\t", ", ", ",,", "\u{a0}"]);
    prop::collection::vec((item, gap), 0..8)
        .prop_map(|items| items.into_iter().map(|(item, gap)| item + gap).collect())
}

/// One to four addresses as kubelet writes them, or nearly so.
fn annotation() -> impl Strategy<Value = String> {
    let address = prop::sample::select(vec![
        "10.0.0.5",
        "10.0.0.6",
        "010.0.0.5",
        "2001:db8::5",
        "2001:DB8::A",
        "::ffff:10.0.0.5",
        "0.0.0.0",
        "::",
        "000.0.0.00",
        "abc",
        "",
        " ",
        "10.0.0.256",
        "fe80::1%eth0",
    ]);
    prop::collection::vec(address, 0..4).prop_map(|parts| parts.join(","))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn any_configuration_is_refused_or_can_be_printed_and_read_again(
        text in prop_oneof![1 => any::<String>(), 9 => mutated()],
    ) {
        checks::config(&text);
    }

    #[test]
    fn any_list_of_networks_is_read_as_a_naive_search_reads_it(
        text in prop_oneof![1 => any::<String>(), 9 => networks()],
    ) {
        checks::cidr_list(&text);
    }

    #[test]
    fn any_annotation_is_refused_or_has_one_address_of_a_family(
        text in prop_oneof![1 => any::<String>(), 2 => "[0-9a-f:., ]{0,24}", 7 => annotation()],
    ) {
        checks::provided(&text);
    }
}

type Check = fn(&str);

/// What the fuzzer begins with is right to begin with.
#[test]
fn every_seed_passes_its_check() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    let checks: [(&str, Check); 3] = [
        ("cloud_config", checks::config),
        ("cloud_cidr_list", checks::cidr_list),
        ("cloud_provided", checks::provided),
    ];
    for (target, check) in checks {
        let mut count = 0;
        for file in fs::read_dir(seeds.join(target)).expect("there are seeds") {
            let text = fs::read_to_string(file.expect("a file").path()).expect("text");
            check(&text);
            if target == "cloud_config" {
                assert!(cloud::config::parse(&text).is_ok(), "{text}");
            }
            count += 1;
        }
        assert!(count >= 3, "{target}: {count} seeds");
    }
}
