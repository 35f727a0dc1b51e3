//! What is written wrongly is named: which field, which value, what to do.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::plugin::{network, refused, run};
use crate::yard::Yard;

#[test]
fn what_is_written_wrongly_is_named() {
    let yard = Yard::new();
    let asked = |more: Value| {
        let mut given = network(&yard, &json!({}));
        let ipam = given["ipam"].as_object_mut().unwrap();
        ipam.remove("subnet");
        for (key, value) in more.as_object().unwrap() {
            if key == "runtimeConfig" || key == "prevResult" {
                given[key] = value.clone();
            } else {
                given["ipam"][key] = value.clone();
            }
        }
        refused(&run(
            &yard,
            if more.get("prevResult").is_some() {
                "CHECK"
            } else {
                "ADD"
            },
            &given,
        ))
    };
    let subnet = "10.0.0.0/24";
    for (more, msg, details) in [
        (
            json!({"ranges": [[{"subnet": subnet}, {"rangeStart": "10.0.0.9"}]]}),
            "invalid range set 0: ipam.ranges[0][1].subnet is missing; write one, such as 10.0.0.0/24",
            "",
        ),
        (
            json!({"subnet": subnet, "exclude": ["10.0.0.9", 5]}),
            "ipam.exclude[1] must be an address, a range or a CIDR, not a number",
            "",
        ),
        (
            json!({"subnet": subnet, "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0", "gw": "x"}]}),
            "invalid IP address: x",
            "ipam.routes[1].gw: ",
        ),
        (
            json!({"ranges": [[{"subnet": "10.0.0.0"}]]}),
            "invalid CIDR address: 10.0.0.0",
            "ipam.ranges[0][0].subnet: ",
        ),
        (
            json!({"subnet": subnet, "prevResult": {"ips": [{"address": "10.0.0.2/24"}, {"address": "y"}]}}),
            "invalid CIDR address: y",
            "prevResult.ips[1].address: ",
        ),
        (
            json!({"subnet": subnet, "runtimeConfig": {"ips": ["10.0.0.9", null]}}),
            "runtimeConfig.ips[1] must be an address, not a null",
            "",
        ),
        (
            json!({"subnet": subnet, "runtimeConfig": {"ips": ["z"]}}),
            "invalid IP address: z",
            "runtimeConfig.ips[0]: ",
        ),
    ] {
        let found = asked(more.clone());
        assert_eq!(found.0, msg, "{more}");
        assert!(found.1.starts_with(details), "{more}: {found:?}");
        assert_eq!(found.1.is_empty(), details.is_empty(), "{more}: {found:?}");
    }
}

#[test]
fn lists_longer_than_any_that_makes_sense_are_refused_at_once() {
    let yard = Yard::new();
    let started = Instant::now();
    let ranges: Vec<Value> = (0..40_000)
        .map(|n| json!({"subnet": format!("10.{}.{}.0/30", n >> 8, n & 255)}))
        .collect();
    let sets: Vec<Value> = ranges.iter().map(|range| json!([range])).collect();
    for given in [json!([ranges]), json!(sets), json!(vec![json!([]); 40_000])] {
        let mut network = network(&yard, &json!({"ranges": given}));
        network["ipam"].as_object_mut().unwrap().remove("subnet");
        let (msg, _) = refused(&run(&yard, "ADD", &network));
        assert!(msg.contains("more than 4096"), "{msg}");
    }
    let mut network = network(&yard, &json!({}));
    network["runtimeConfig"] = json!({"ips": vec!["10.0.0.2"; 5000]});
    let (msg, _) = refused(&run(&yard, "ADD", &network));
    assert!(msg.contains("runtimeConfig.ips has more than 4096"), "{msg}");
    assert!(
        started.elapsed() < Duration::from_secs(60),
        "{:?}",
        started.elapsed()
    );
}
