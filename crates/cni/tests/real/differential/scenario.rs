//! What may happen to a network directory.

use std::net::IpAddr;

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::step::{BAD_IDS, BAD_INTERFACES, Scenario, Step, VERSIONS};

/// The file that `resolvConf` names (spec §3.2, case 35).
pub(super) const RESOLV_CONF: &str = "# c\n; c\nnameserver 192.0.2.1\n  nameserver 2001:db8::53  \nsearch a.example b.example\n\
     search c.example # d\ndomain x.example\ndomain y.example\noptions ndots:5\noptions rotate\nfoo bar\nnameserver\n";

/// A subnet, and addresses.
type Subnet = (&'static str, &'static [&'static str]);

/// Subnets that work, each with addresses to start, end, request, reserve or make a gateway.
const SUBNETS: &[Subnet] = &[
    (
        "10.0.0.0/29",
        &[
            "10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.7",
        ],
    ),
    ("10.0.0.8/30", &["10.0.0.8", "10.0.0.9", "10.0.0.10", "10.0.0.11"]),
    (
        "10.1.0.0/24",
        &["10.1.0.1", "10.1.0.2", "10.1.0.7", "10.1.0.200", "10.1.0.254"],
    ),
    (
        "fd00::/64",
        &[
            "fd00::",
            "fd00::1",
            "fd00::2",
            "fd00::9",
            "fd00:0:0:0:ffff:ffff:ffff:ffff",
        ],
    ),
    ("FD01:0:0::/126", &["fd01::1", "fd01::2", "fd01::3", "fd01::0:3"]),
    (
        "4000::16.0.0.0/120",
        &[
            "4000::16.0.0.0",
            "4000::16.0.0.7",
            "4000::1000:5",
            "4000::10.0.0.1",
        ],
    ),
];

/// The last address of each IPv4 subnet.
const BROADCAST: &[&str] = &["10.0.0.7", "10.0.0.11"];

/// Subnets that do not.
const BAD_SUBNETS: &[&str] = &[
    "10.0.0.0/31",
    "10.0.0.5/29",
    "fd00::/127",
    "foo",
    "",
    "010.0.0.0/24",
    "::ffff:10.0.0.0/120",
    "10.0.0.0/029",
];

/// Addresses that are none, or none of ours.
const ODD_ADDRESSES: &[&str] = &[
    "",
    "foo",
    "010.0.0.3",
    "192.168.1.1",
    "fe80::1%eth0",
    "::ffff:10.0.0.4",
];

const ARGS: &[&str] = &[
    "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=a",
    "IP=10.0.0.5",
    "IP=10.0.0.3/24",
    "IP=fd00::9;IgnoreUnknown=true",
    "IP=10.0.0.1",
    "IP=",
    "IP=foo",
    "FOO=bar",
    "FOO=bar;BAR=foo",
    "FOO=bar;IgnoreUnknown=1",
    "IgnoreUnknown=1;",
    "IgnoreUnknown=2",
    "IgnoreUnknown=1;A=b=c",
    "ip=10.0.0.5",
];

/// Any scenario: a directory, one or two configurations of one network, up to a dozen calls.
pub(super) fn scenario() -> impl Strategy<Value = Scenario> {
    // Mostly configurations that work: two that refuse everything agree on little.
    let configs = vec(prop_oneof![6 => sound(), 1 => config()], 1..3);
    (vec(file(), 0..6), configs)
        .prop_flat_map(|(before, configs)| (Just(before), vec(step(configs), 1..12)))
        .prop_map(|(before, steps)| Scenario { before, steps })
}

fn step(configs: Vec<Value>) -> impl Strategy<Value = Step> {
    let verb = prop_oneof![
        60 => Just("ADD"), 25 => Just("DEL"), 20 => Just("CHECK"), 1 => Just("VERSION"), 1 => Just("FOO"), 1 => Just("add")
    ];
    // Few attachments, so that calls meet what earlier ones left.
    let id = prop_oneof![40 => Just("c1"), 30 => select(vec!["c2", "c3", "C-4_x.y"]), 1 => select(BAD_IDS)];
    let ifname =
        prop_oneof![60 => Just("eth0"), 20 => select(vec!["net1", "été"]), 1 => select(BAD_INTERFACES)];
    let variables = vec!["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"];
    let requests = (
        weighted(0.15, vec(address(), 1..3)),
        weighted(0.08, vec(address(), 1..3)),
    );
    let other = (
        weighted(0.2, select(ARGS)),
        weighted(0.02, select(variables)),
        weighted(0.2, vec(any_address(), 1..3)),
    );
    (verb, id, ifname, select(configs), requests, other).prop_map(
        |(verb, id, ifname, mut config, (runtime, conventions), (args, without, prev))| {
            if let Some(ips) = runtime {
                config["runtimeConfig"]["ips"] = json!(ips);
            }
            if let Some(ips) = conventions {
                config["args"] = json!({"cni": {"ips": ips}});
            }
            Step {
                verb: verb.to_owned(),
                id: id.to_owned(),
                ifname: ifname.to_owned(),
                prev_result: prev.filter(|_| verb == "CHECK").unwrap_or_default(),
                without,
                args,
                config,
            }
        },
    )
}

/// A configuration that works: each subnet at most once.
fn sound() -> impl Strategy<Value = Value> {
    let subnets = Just(SUBNETS.to_vec()).prop_shuffle();
    // CHECK came with 0.4.0.
    let version = prop_oneof![2 => select(&VERSIONS[..2]), 1 => select(VERSIONS)];
    let limits = vec((weighted(0.2, 0..3_usize), weighted(0.1, 1..4_usize)), 3);
    (version, subnets, limits, 1..4_usize, any::<bool>(), options()).prop_map(
        |(version, subnets, limits, count, together, mut ipam)| {
            let range =
                |(&(subnet, addresses), &(start, gateway)): (&Subnet, &(Option<usize>, Option<usize>))| {
                    let mut range = json!({"subnet": subnet});
                    for (key, place) in [("rangeStart", start), ("gateway", gateway)] {
                        if let Some(address) = place.and_then(|place| addresses.get(place)) {
                            range[key] = json!(address);
                        }
                    }
                    range
                };
            let is_six = |subnet: &&Subnet| subnet.0.contains(':');
            // Before 0.3.0 a result has one address per family.
            let count = if version < "0.3.0" { 1 } else { count };
            let ranges: Vec<Value> = subnets.iter().take(count).zip(&limits).map(range).collect();
            let same_family = subnets.iter().take(count).filter(is_six).count() % count == 0;
            let sets: Vec<Vec<Value>> = if together && same_family {
                vec![ranges]
            } else {
                ranges.into_iter().map(|range| vec![range]).collect()
            };
            ipam["type"] = json!("host-local");
            ipam["ranges"] = json!(sets);
            json!({"cniVersion": version, "name": "net", "type": "bridge", "ipam": ipam})
        },
    )
}

fn config() -> impl Strategy<Value = Value> {
    let version = prop_oneof![40 => select(VERSIONS).prop_map(Some), 2 => Just(Some("")), 2 => Just(None), 1 => select(vec!["1.0", "2.0.0", "v1"]).prop_map(Some)];
    let name = prop_oneof![60 => Just("net"), 1 => select(vec!["", "a/b", "..", "x\n"])];
    let ranges = weighted(0.75, vec(vec(range(), 1..3), 1..4));
    (
        version,
        name,
        ranges,
        weighted(0.4, range()),
        weighted(0.1, vec(vec(range(), 1..2), 1..2)),
        options(),
    )
        .prop_map(|(version, name, ranges, old_form, runtime, mut ipam)| {
            ipam["type"] = json!("host-local");
            if let Some(old) = old_form.as_ref().and_then(Value::as_object) {
                for (key, value) in old {
                    ipam[key] = value.clone();
                }
            }
            if let Some(ranges) = ranges {
                ipam["ranges"] = json!(ranges);
            }
            let mut config = json!({"name": name, "type": "bridge", "ipam": ipam});
            if let Some(version) = version {
                config["cniVersion"] = json!(version);
            }
            if let Some(ranges) = runtime {
                config["runtimeConfig"] = json!({"ipRanges": ranges});
            }
            config
        })
}

/// `routes` and `resolvConf`.
fn options() -> impl Strategy<Value = Value> {
    let route = prop_oneof![
        20 => select(vec![
            json!({"dst": "0.0.0.0/0"}),
            json!({"dst": "::/0", "gw": "fd00::1"}),
            json!({"dst": "10.9.9.9/8", "gw": "10.0.0.1", "mtu": 1400}),
            json!({"dst": "192.168.0.0/16", "gw": "fd00::7"}),
        ]),
        1 => Just(json!({"dst": "foo"})),
    ];
    (
        weighted(0.3, vec(route, 0..3)),
        weighted(0.1, Just(json!("set"))),
        weighted(0.02, Just(())),
    )
        .prop_map(|(routes, resolv, not_nested)| {
            let mut ipam = json!({});
            if let Some(routes) = routes {
                ipam["routes"] = json!(routes);
            }
            if let Some(resolv) = resolv {
                ipam["resolvConf"] = resolv;
            }
            if not_nested.is_some() {
                ipam["ranges"] = json!([{"subnet": "10.0.0.0/24"}]);
            }
            ipam
        })
}

fn range() -> impl Strategy<Value = Value> {
    let good = select(SUBNETS).prop_flat_map(|(subnet, addresses)| {
        let inside = move || prop_oneof![20 => select(addresses), 1 => select(ODD_ADDRESSES)];
        (
            Just(subnet),
            weighted(0.3, inside()),
            weighted(0.3, inside()),
            weighted(0.2, inside()),
        )
    });
    let bad = select(BAD_SUBNETS).prop_map(|subnet| (subnet, None, None, None));
    prop_oneof![40 => good, 1 => bad].prop_map(|(subnet, start, end, gateway)| {
        // A range that starts at the broadcast address ends before it unless told otherwise; the reference then walks
        // out of the subnet. Not a state to agree on.
        let end = end.or_else(|| start.filter(|start| BROADCAST.contains(start)));
        let mut range = json!({"subnet": subnet});
        for (key, value) in [("rangeStart", start), ("rangeEnd", end), ("gateway", gateway)] {
            if let Some(value) = value {
                range[key] = json!(value);
            }
        }
        range
    })
}

/// The text of an address to ask for.
fn address() -> impl Strategy<Value = String> {
    prop_oneof![
        20 => any_address().prop_map(|address| address.to_string()),
        3 => any_address().prop_map(|address| format!("{address}/24")),
        1 => select(ODD_ADDRESSES).prop_map(str::to_owned),
    ]
}

fn any_address() -> impl Strategy<Value = IpAddr> {
    let all: Vec<IpAddr> = SUBNETS
        .iter()
        .flat_map(|(_, addresses)| addresses.iter())
        .filter_map(|text| text.parse().ok())
        .collect();
    select(all)
}

/// A file that may lie there, by name and content; names with a slash at the end are directories.
fn file() -> impl Strategy<Value = (String, String)> {
    let owner = select(vec![
        "c1\r\neth0",
        "c1\r\nnet1",
        "c2\r\neth0",
        "c1",
        "c3",
        "whatever",
        "c1\neth0",
        "c1\r\neth0\r\n  ",
    ]);
    let reservation =
        (any_address(), owner).prop_map(|(address, owner)| (address.to_string(), owner.to_owned()));
    let last = (0..3_u8, any_address(), select(vec!["", "\n", "x"]))
        .prop_map(|(set, address, end)| (format!("last_reserved_ip.{set}"), format!("{address}{end}")));
    let other = select(vec![
        ("10.0.0.2/", ""),
        ("fd00::2/", ""),
        ("README", "hello"),
        ("fd00:0::2", "c2\r\neth0"),
        ("last_reserved_ip.0", "blah"),
    ])
    .prop_map(|(name, content)| (name.to_owned(), content.to_owned()));
    prop_oneof![6 => reservation, 4 => last, 1 => other]
}
