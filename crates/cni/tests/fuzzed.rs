//! The checks of the fuzz targets on stable: over arbitrary input, and over input that is nearly right.

mod checks;

use proptest::prelude::*;

/// Pieces of a configuration in any order: much more often nearly right than arbitrary text.
fn nearly_json() -> impl Strategy<Value = String> {
    let pieces = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "null",
        "1",
        "-1",
        "true",
        "\"name\"",
        "\"net\"",
        "\"ipam\"",
        "\"ranges\"",
        "\"subnet\"",
        "\"10.0.0.0/24\"",
        "\"fd00::/64\"",
        "\"rangeStart\"",
        "\"10.0.0.9\"",
        "\"gateway\"",
        "\"\"",
        "\"routes\"",
        "\"dst\"",
        "\"0.0.0.0/0\"",
        "\"prevResult\"",
        "\"ips\"",
        "\"address\"",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..30).prop_map(|pieces| pieces.concat())
}

/// A right configuration with one value replaced.
fn mutated() -> impl Strategy<Value = String> {
    let value = prop::sample::select(vec![
        "null",
        "5",
        "true",
        "[]",
        "{}",
        "[[]]",
        "[null]",
        "\"\"",
        "\"foo\"",
        "\"10.0.0.0/24\"",
        "\"10.0.0.5/31\"",
        "\"fd00::/64\"",
        "[\"10.0.0.7\"]",
        "\"::ffff:10.0.0.0/120\"",
        "\"none\"",
        "1e400",
        "-0.5",
    ]);
    let values = prop::collection::vec(prop::option::weighted(0.2, value), 8);
    values.prop_map(|values| {
        let defaults = [
            "\"net\"",
            "\"10.0.0.0/24\"",
            "\"10.0.0.2\"",
            "\"10.0.0.9\"",
            "\"10.0.0.1\"",
            "[[{\"subnet\":\"fd00::/64\"}]]",
            "[{\"dst\":\"0.0.0.0/0\"}]",
            "[\"10.0.0.5\"]",
        ];
        let v: Vec<&str> = values
            .iter()
            .zip(defaults)
            .map(|(value, default)| value.unwrap_or(default))
            .collect();
        format!(
            r#"{{"name":{},"runtimeConfig":{{"ips":{}}},"ipam":{{"subnet":{},"rangeStart":{},"rangeEnd":{},
               "gateway":{},"ranges":{},"routes":{}}}}}"#,
            v[0], v[7], v[1], v[2], v[3], v[4], v[5], v[6]
        )
    })
}

/// Files with names and contents that mean something, and some that do not.
fn programme() -> impl Strategy<Value = Vec<u8>> {
    let named = (0_u8..16, 0_u8..8).prop_map(|(name, content)| vec![name, content, 0xff]);
    let wild = prop::collection::vec(any::<u8>(), 0..60);
    let odd = (16_u8..32, "[0-9a-f.:]{1,12}")
        .prop_map(|(first, name)| [vec![first], name.into_bytes(), vec![0xff]].concat());
    let file = prop_oneof![6 => named, 1 => wild, 1 => odd];
    prop::collection::vec(file, 0..8).prop_map(|files| files.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn any_configuration_is_refused_or_makes_sense(
        text in prop_oneof![1 => any::<String>(), 2 => nearly_json(), 4 => mutated()],
    ) {
        checks::config(text.as_bytes());
        checks::previous_result(text.as_bytes());
    }

    #[test]
    fn any_cni_args_are_refused_or_mean_their_last_address(
        text in prop_oneof![any::<String>(), "((IP|IgnoreUnknown|A)=(1|10\\.0\\.0\\.[0-9]{1,3}(/24)?|);?){0,4}"],
    ) {
        checks::cni_args(&text);
    }

    #[test]
    fn any_version_is_refused_or_ours(text in prop_oneof![any::<String>(), "[0-9.]{0,8}"]) {
        checks::version(&text);
    }
}

proptest! {
    #[test]
    fn any_directory_keeps_what_is_not_ours(programme in programme()) {
        checks::directory(&programme);
    }
}
