//! No text, however odd, may panic the reader.

use proptest::prelude::*;

use super::parse;

/// Lines that look like a configuration, in any order and with any damage.
fn almost() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "features:",
        "  network:",
        "  network: auto",
        "    mode: qemu",
        "    external_ip_cidrs: '10.0.0.0/8,!x'",
        "    interfaces: {exclude: [lo], include: 7}",
        "    guest_timeout: 10q",
        "  mode: qemu",
        "  provider: &a capmox",
        "clusters:",
        "- url: https://h:8006/",
        "  region: *a",
        "  token_id: x",
        "  token_secret: y",
        "  urls: [https://a, {b: c}]",
        "  timeout: 1h30m",
        "- <<: *a",
        "---",
        "}",
    ]);
    prop::collection::vec(line, 0..16).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn reading_never_panics(text in ".{0,200}", yaml in "[-a-z:{}\\[\\]&*<'\"#!|> \n\t0-9]{0,120}", lines in almost()) {
        for text in [text, yaml, lines] {
            match parse(&text) {
                Ok(config) => prop_assert!(!config.regions.is_empty()),
                Err(error) => prop_assert!(!error.problems.is_empty()),
            }
        }
    }
}
