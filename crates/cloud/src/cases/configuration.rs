//! Cases 77 and 130 to 134: configuration files. 135 to 137 need a server; they are with the source.

use std::path::PathBuf;

use super::world::configured;
use crate::config::{self, ConfigError};
use crate::source::proxmox::Credentials;

const TOKEN: &str = "token_id: a@pve!b, token_secret: hunter2";

fn clusters(list: &str) -> Result<config::Config, ConfigError> {
    config::parse(&format!("clusters: {list}\n"))
}

/// Exactly this is wrong, and no secret is in the message.
fn refused(text: &str, expected: &str) {
    let error = config::parse(text).expect_err(text);
    assert!(error.to_string().contains(expected), "{text}\n{error}");
    assert_eq!(error.problems.len(), 1, "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

fn cluster(fields: &str) -> String {
    format!("clusters: [{{{fields}}}]\n")
}

#[test]
fn case_77() {
    refused(
        &cluster(&format!("url: https://h:8006, region: cluster 1, {TOKEN}")),
        "cluster 1: region \"cluster 1\" cannot be a label value",
    );
}

#[test]
fn case_130() {
    for text in ["", "# nothing\n"] {
        refused(text, "the file is empty");
    }
    for text in ["---\n", "clusters:\n", "features: {}\n", "clusters: []\n"] {
        refused(text, "no clusters");
    }
    refused(
        &cluster(&format!("url: 'ftp://h', region: a, {TOKEN}")),
        "cluster 1: API URL missing: \"ftp://h\" does not begin with https:// or http://",
    );
    refused(
        &cluster(&format!("url: httpx://h, region: a, {TOKEN}")),
        "API URL missing",
    );
    refused(
        &cluster(&format!("region: a, {TOKEN}")),
        "cluster 1: API URL missing",
    );
    refused(
        &cluster(&format!("url: https://h, {TOKEN}")),
        "cluster 1: region missing",
    );
    refused(
        &cluster(&format!(
            "url: https://h, region: a, {TOKEN}, username: u, password: p"
        )),
        "only one kind of credentials is allowed, and there are token_id and token_secret, username and password",
    );
    refused(
        &cluster("url: https://h, region: a"),
        "cluster 1: credentials missing",
    );
    refused(
        &cluster("url: https://h, region: a, username: u"),
        "username needs password beside it",
    );
    refused(
        &cluster("url: https://h, region: a, token_id: x"),
        "cluster 1: token_id is set but token_secret is empty; set both",
    );
    refused(
        &cluster("url: https://h, region: a, token_secret_file: /x"),
        "token_secret_file is set but token_id_file is empty",
    );
    // A token file that cannot be read is found by the source: nothing here opens files.
}

#[test]
fn case_131() {
    let config = clusters(&format!("[{{url: https://h, region: a, username: u, {TOKEN}}}]")).unwrap();
    assert!(matches!(&config.regions[0].credentials, Credentials::Token { id, .. } if id == "a@pve!b"));
}

/// The paths are all that is read here; what is in the files is trimmed where they are opened.
#[test]
fn case_132() {
    let config =
        clusters("[{url: https://h, region: a, token_id_file: /c/id, token_secret_file: /c/secret}]")
            .unwrap();
    let Credentials::TokenFiles { id, secret } = &config.regions[0].credentials else {
        panic!("{config:?}")
    };
    assert_eq!(
        (id, secret),
        (&PathBuf::from("/c/id"), &PathBuf::from("/c/secret"))
    );
}

#[test]
fn case_133() {
    for (url, expected) in [
        ("https://h:8006/api2/json/", "https://h:8006/api2/json"),
        ("https://h:8006/api2/json///", "https://h:8006/api2/json"),
        ("https://h:8006", "https://h:8006/api2/json"),
        ("HTTPS://h:8006/", "https://h:8006/api2/json"),
        ("http://[2001:db8::1]:8006", "http://[2001:db8::1]:8006/api2/json"),
        ("https://h/proxy/api2/json", "https://h/proxy/api2/json"),
    ] {
        let config = clusters(&format!("[{{url: '{url}', region: a, {TOKEN}}}]")).unwrap();
        assert_eq!(config.regions[0].urls, [expected], "{url}");
    }
}

#[test]
fn case_134() {
    let one = format!("{{url: https://h, region: a, {TOKEN}}}");
    let error = clusters(&format!("[{one}, {one}]")).unwrap_err();
    assert_eq!(error.problems.len(), 1);
    assert!(
        error
            .to_string()
            .contains("cluster 2: region a is the region of cluster 1 too"),
        "{error}"
    );
}

#[test]
fn every_problem_is_reported_and_unknown_keys_are_named() {
    let text = "features:\n  provder: capmox\n  network:\n    mode: bogus\n  ha_group: 'true'\nclustres: 1\nclusters:\n\
                - region: -x-\n  url: https://h\n  token_id: a\n  token_secret: hunter2\n  regoin: y\n- 7\n";
    let error = config::parse(text).unwrap_err();
    for part in [
        "mode is \"bogus\"",
        "features.ha_group has to be true or false",
        "region \"-x-\"",
        "cluster 2 has to be",
    ] {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
    for part in [
        "line 2: unknown key `features.provder`",
        "line 6: unknown key `clustres`",
        "unknown key `cluster 1: regoin`",
    ] {
        assert!(
            error.warnings.iter().any(|warning| warning.contains(part)),
            "{part}: {:?}",
            error.warnings
        );
    }
    assert!(!error.to_string().contains("hunter2"));
}

#[test]
fn wrong_types_are_refused_and_documents_after_the_first_are_not_read() {
    refused(
        "features: [1]\nclusters: [{url: https://h, region: a, token_id: a, token_secret: b}]",
        "features has to be a mapping",
    );
    refused("clusters: 7\nfeatures: {}\n", "clusters has to be a list");
    refused("just a text", "the file has to be a mapping");
    refused("a: [1", "not YAML");
    let two = format!(
        "{}---\nclusters: 7\n",
        cluster(&format!("url: https://h, region: a, {TOKEN}"))
    );
    assert!(config::parse(&two).is_ok());
}

#[test]
fn numbers_are_texts_where_texts_are_wanted() {
    let config = clusters("[{url: https://h, region: 7, username: u, password: 0123}]").unwrap();
    assert_eq!(config.regions[0].region.as_str(), "7");
    let Credentials::Password { password, .. } = &config.regions[0].credentials else {
        panic!("{config:?}")
    };
    assert_eq!(password.reveal(), "0123");
}

#[test]
fn several_end_points_and_limits() {
    let config = clusters(&format!(
        "[{{url: 'https://a:8006/', urls: ['https://a:8006', 'https://b:8006'], region: a, timeout: 3s, ca_file: /ca, {TOKEN}}}]"
    ))
    .unwrap();
    let region = &config.regions[0];
    assert_eq!(
        region.urls,
        ["https://a:8006/api2/json", "https://b:8006/api2/json"]
    );
    assert_eq!(
        (region.timeout.as_secs(), region.guest_timeout.as_secs()),
        (3, 10)
    );
    assert_eq!(region.ca_file, Some(PathBuf::from("/ca")));
    let only_list = clusters(&format!("[{{urls: ['https://b:8006'], region: a, {TOKEN}}}]")).unwrap();
    assert_eq!(only_list.regions[0].urls, ["https://b:8006/api2/json"]);
}

#[test]
fn secrets_are_not_printed() {
    let config = clusters(&format!("[{{url: https://h, region: a, {TOKEN}}}]")).unwrap();
    for text in [format!("{config:?}"), config.to_string()] {
        assert!(!text.contains("hunter2") && text.contains("[redacted]"), "{text}");
    }
    refused(
        &cluster(&format!("url: 'https://u:hunter2@h', region: a, {TOKEN}")),
        "is unusable",
    );
}

#[test]
fn lists_that_mean_two_things_are_told_and_rubbish_is_named() {
    let config = configured(
        "{network: {mode: qemu, ip_sort_order: '10.0.0.0/8,!192.168.0.0/16,rubbish'}}",
        &["a"],
    );
    let [rubbish, meaning] = config.warnings.as_slice() else {
        panic!("{:?}", config.warnings)
    };
    assert!(
        rubbish.contains("item \"rubbish\" of features.network.ip_sort_order"),
        "{rubbish}"
    );
    assert!(
        meaning.contains("puts 10.0.0.0/8 first and drops 192.168.0.0/16; the replaced controller puts 192.168.0.0/16 first"),
        "{meaning}"
    );
    let chosen = configured(
        "{network: {mode: qemu, cidr_semantics: documented, ip_sort_order: 10.0.0.0/8}}",
        &["a"],
    );
    assert_eq!(chosen.warnings, Vec::<String>::new());
    let idle = configured("{network: {ip_sort_order: 10.0.0.0/8}}", &["a"]);
    assert!(idle.warnings[0].contains("no effect in mode default"));
}

/// The settings in force read back as the same settings.
#[test]
fn the_description_is_a_configuration_file() {
    let features = "{provider: capmox, match_name: off, ha_group: true, ha_group_fallback: host, network: {mode: auto, \
                    external_ip_cidrs: '203.0.113.7,!10.0.0.0/8', ipv6_ula: keep, nic_match: mac, guest_timeout: 7s, \
                    interfaces: {exclude: ['eth?', 'a*'], include: [ens18], exclude_defaults: false}}}";
    let config = configured(features, &["a", "b"]);
    let again = config::parse(&config.to_string()).unwrap_or_else(|error| panic!("{error}\n{config}"));
    assert_eq!(again.to_string(), config.to_string());
    assert_eq!(again.settings.match_name, config.settings.match_name);
    assert_eq!(
        again.settings.network.interfaces,
        config.settings.network.interfaces
    );
}

/// The examples have no clusters, so by themselves they are refused for exactly that; with one they are fine.
#[test]
fn the_examples_are_read() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy/examples/cloud");
    let mut names: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    assert_eq!(names.len(), 4, "{names:?}");
    for name in names {
        let text = std::fs::read_to_string(&name).unwrap();
        refused(&text, "no clusters");
        let whole = format!(
            "{text}\n{}",
            cluster(&format!("url: https://h, region: a, {TOKEN}"))
        );
        let config = config::parse(&whole).unwrap_or_else(|error| panic!("{}: {error}", name.display()));
        assert!(config.settings.network.mode.asks_guest());
        assert!(
            config.warnings.iter().all(|text| !text.contains("unknown key")),
            "{:?}",
            config.warnings
        );
        assert!(config.upstream_network.is_ok());
    }
}
