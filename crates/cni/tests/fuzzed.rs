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

/// The text of an annotation in both spellings, with a mistake now and then.
fn annotated() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "ranges",
        "\"ranges\"",
        "\"dataDir\"",
        "dataDir",
        "routes",
        "type",
        "a-b",
        "",
    ]);
    let value = prop::sample::select(vec![
        "[[{\"subnet\": \"172.16.5.0/24\"}]]",
        "[{subnet: \"4000::16.0.0.0/120\"}]",
        "[[{\"subnet\": \"10.0.0.0/24\", rangeStart: \"10.0.0.9\"},]]",
        "\"/run/state\"",
        "\"/run/../etc\"",
        "\"state\"",
        "null",
        "env.HOME",
        "\"\\(1)\"",
        "[{\"dst\": \"0.0.0.0/0\"}]",
        "5e3",
    ]);
    let member = (key, value).prop_map(|(key, value)| format!("{key}: {value}"));
    let members = prop::collection::vec(member, 0..4).prop_map(|members| members.join(",\n "));
    let cidrs = prop::collection::vec(
        prop::sample::select(vec!["10.0.0.0/24", " fd00::/64", "10.0.0.5/24", "foo", ""]),
        0..3,
    );
    prop_oneof![
        6 => members.clone(),
        2 => members.prop_map(|members| format!("{{{members}}}")),
        1 => cidrs.prop_map(|cidrs| cidrs.join(",")),
        1 => any::<String>(),
    ]
}

/// A cache file with one value replaced, or cut short.
fn cached() -> impl Strategy<Value = String> {
    let value = prop::sample::select(vec![
        "null",
        "5",
        "[]",
        "{}",
        "\"\"",
        "\"bridge\"",
        "[[]]",
        "[[{\"subnet\":\"foo\"}]]",
        "[[{\"subnet\":\"10.0.0.0/24\"}],[{\"subnet\":\"10.1.0.0/24\"}]]",
        "1e400",
    ]);
    let values = prop::collection::vec(prop::option::weighted(0.15, value), 10);
    (values, prop::option::weighted(0.1, 0..200_usize)).prop_map(|(values, cut)| {
        let defaults = [
            ("type", "\"host-local\""),
            ("dataDir", "\"/run/state\""),
            (
                "ranges",
                "[[{\"subnet\":\"10.0.0.0/24\"}],[{\"subnet\":\"fd00::/64\"}]]",
            ),
            ("x-network", "\"net\""),
            ("x-annotation", "\"a/b\""),
            ("x-node", "\"worker-1\""),
            ("x-time", "1700000000"),
            ("annotation", "\"a/b\""),
            ("dataDirs", "[\"/run/state\"]"),
            ("time", "1700000000"),
        ];
        let member = |((key, default), value): ((&str, &str), &Option<&str>)| {
            format!("\"{key}\":{}", value.unwrap_or(default))
        };
        let members: Vec<String> = defaults.into_iter().zip(&values).map(member).collect();
        let text = format!("{{{}}}", members.join(","));
        text.chars().take(cut.unwrap_or(usize::MAX)).collect()
    })
}

/// A previous result with addresses in the ranges, on their borders and outside, now and then written wrongly.
fn previous() -> impl Strategy<Value = String> {
    let address = prop::sample::select(vec![
        "\"10.0.0.0/29\"",
        "\"10.0.0.1/29\"",
        "\"10.0.0.2/29\"",
        "\"10.0.0.2/24\"",
        "\"::ffff:10.0.0.2/128\"",
        "\"10.0.0.6/29\"",
        "\"10.0.0.7/29\"",
        "\"192.168.0.2/24\"",
        "\"fd00::/64\"",
        "\"fd00::1/64\"",
        "\"fd00::ffff:ffff:ffff:ffff/64\"",
        "\"fd00:0:0:1::/64\"",
        "\"10.0.0.2\"",
        "\"10.0.0.2/33\"",
        "\"\"",
        "null",
        "5",
    ]);
    let ip = (
        prop_oneof![12 => Just("address"), 1 => Just("Address"), 1 => Just("interface")],
        address,
    )
        .prop_map(|(key, address)| format!("{{\"{key}\":{address}}}"));
    let ips = prop::collection::vec(prop_oneof![20 => ip, 1 => Just("null".to_owned())], 0..4);
    (prop_oneof![12 => Just("ips"), 1 => Just("IPs")], ips)
        .prop_map(|(key, ips)| format!("{{\"cniVersion\":\"1.0.0\",\"{key}\":[{}]}}", ips.join(",")))
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
    fn any_previous_result_is_refused_or_judged_by_our_ranges_alone(
        text in prop_oneof![1 => nearly_json(), 9 => previous()],
    ) {
        checks::previous_result(text.as_bytes());
    }

    #[test]
    fn any_cni_args_are_refused_or_mean_their_last_address(
        text in prop_oneof![any::<String>(), "((IP|IgnoreUnknown|A)=(1|10\\.0\\.0\\.[0-9]{1,3}(/24)?|);?){0,4}"],
    ) {
        checks::cni_args(&text);
    }

    #[test]
    fn any_annotation_is_refused_or_plain_json(text in annotated()) {
        checks::annotation(&text);
    }

    #[test]
    fn any_cache_of_a_node_is_ignored_or_means_what_is_written_of_it(text in cached()) {
        checks::node_cache(text.as_bytes());
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
