//! Reading configurations, CNI_ARGS and lists of attachments.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::error::Error;
use crate::json::{Json, Object};
use crate::plan::gc::Valid;
use crate::plan::{Args, Config, Dns, Owner, data_dir, parse_cidr, parse_ip, trimmed};
use crate::protocol::{CniVersion, Network};

fn object(value: &Value) -> Object {
    match serde_json::from_str(&value.to_string()) {
        Ok(Json::Object(object)) => object,
        other => panic!("{value} is {other:?}"),
    }
}

fn network(ipam: &Value) -> Network {
    Network {
        name: "net".to_owned(),
        version: CniVersion::V1_0_0,
        written_version: "1.0.0".to_owned(),
        document: object(&json!({"name": "net", "ipam": ipam})),
    }
}

fn read(ipam: &Value) -> Result<Config, Error> {
    Config::read(&network(ipam), "")
}

#[test]
fn addresses_are_strict_and_mapped_ones_are_ipv4() {
    for bad in [
        "",
        "10.0.0",
        "010.0.0.1",
        "fe80::1%eth0",
        " 10.0.0.1",
        "10.0.0.1/24",
        "0x0a000001",
    ] {
        assert_eq!(parse_ip(bad), None, "{bad}");
    }
    assert_eq!(parse_ip("::ffff:10.0.0.1"), parse_ip("10.0.0.1"));
    for bad in [
        "10.0.0.0",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/+8",
        "10.0.0.0/8/8",
        "fd00::/129",
        "/8",
        "::/-1",
    ] {
        assert_eq!(parse_cidr(bad), None, "{bad}");
    }
    assert_eq!(parse_cidr("10.9.9.9/008").unwrap().to_string(), "10.9.9.9/8");
    assert_eq!(
        parse_cidr("::ffff:10.0.0.0/104").unwrap().to_string(),
        "10.0.0.0/8"
    );
}

#[test]
fn small_subnets_are_for_those_who_ask() {
    let adds = |subnet: &str| {
        let config = read(&json!({"subnet": subnet, "allowSmall": true})).unwrap();
        let range = &config.range_sets[0].ranges[0];
        (
            range.to_string(),
            range.gateway.map(|gateway| gateway.to_string()),
        )
    };
    assert_eq!(
        adds("10.0.0.0/31"),
        ("10.0.0.0-10.0.0.1".to_owned(), Some("10.0.0.1".to_owned()))
    );
    assert_eq!(adds("10.0.0.7/32"), ("10.0.0.7-10.0.0.7".to_owned(), None));
    assert_eq!(
        adds("fd00::/127"),
        ("fd00::-fd00::1".to_owned(), Some("fd00::1".to_owned()))
    );
    assert_eq!(adds("fd00::1/128"), ("fd00::1-fd00::1".to_owned(), None));
}

#[test]
fn options_are_read_and_checked() {
    let config = read(&json!({
        "subnet": "10.0.0.0/24", "gateway": "none", "exclude": ["10.0.0.2", "10.0.0.4-10.0.0.6", "10.0.0.8/30"],
        "cooldown": 60, "idempotentAdd": true, "sync": true, "reclaimOnBoot": false,
    }))
    .unwrap();
    let range = &config.range_sets[0].ranges[0];
    assert_eq!((range.gateway, range.excluded.count()), (None, 8));
    assert!(config.options.idempotent_add && config.options.sync && config.options.cooldown == 60);
    let options = config.options.reclaiming();
    assert_eq!(
        (options.reclaim_on_boot, options.reclaim_on_exhaustion),
        (Some(false), Some(true))
    );
    for wrong in [
        json!({"subnet": "10.0.0.0/24", "cooldown": -1}),
        json!({"subnet": "10.0.0.0/24", "cooldown": "1m"}),
        json!({"subnet": "10.0.0.0/24", "exclude": ["foo"]}),
        json!({"subnet": "10.0.0.0/24", "exclude": [null]}),
        json!({"subnet": "10.0.0.0/24", "sync": 1}),
    ] {
        assert_eq!(read(&wrong).unwrap_err().code, 999, "{wrong}");
    }
}

#[test]
fn bounds_are_checked_against_each_other_and_their_defaults() {
    let bounds = |start: &str, end: &str| {
        let config = read(&json!({"subnet": "10.0.0.0/24", "rangeStart": start, "rangeEnd": end}));
        config
            .map(|config| config.range_sets[0].to_string())
            .map_err(|e| e.msg)
    };
    let refused = |which: &str| Err(format!("invalid range set 0: {which} not in network 10.0.0.0/24"));
    assert_eq!(bounds("", "10.0.0.9"), Ok("10.0.0.1-10.0.0.9".to_owned()));
    assert_eq!(bounds("10.0.0.9", ""), Ok("10.0.0.9-10.0.0.254".to_owned()));
    // The reference would leave the subnet here.
    assert_eq!(bounds("10.0.0.255", ""), Ok("10.0.0.255-10.0.0.255".to_owned()));
    assert_eq!(bounds("", "10.0.0.0"), refused("RangeEnd 10.0.0.0"));
    assert_eq!(bounds("10.0.0.9", "10.0.0.8"), refused("RangeStart 10.0.0.9"));
    assert_eq!(bounds("fd00::1", ""), refused("RangeStart fd00::1"));
    assert_eq!(bounds("", "fd00::1"), refused("RangeEnd fd00::1"));
}

#[test]
fn the_data_directory_is_found_whatever_else_is_wrong() {
    for (ipam, expected) in [
        (json!({"dataDir": "/d", "ranges": 5}), "/d"),
        (json!({"dataDir": ""}), "/var/lib/cni/networks"),
        (json!({"dataDir": 5}), "/var/lib/cni/networks"),
        (json!("foo"), "/var/lib/cni/networks"),
        (json!({"DATADIR": "rel"}), "rel"),
    ] {
        assert_eq!(data_dir(&network(&ipam)).to_str(), Some(expected), "{ipam}");
    }
}

#[test]
fn contents_are_compared_without_white_space_at_their_ends() {
    assert_eq!(trimmed(b" c1\r\neth0\r\n\x0b\xc2\xa0"), b"c1\r\neth0");
    assert_eq!(trimmed(b" \xff\r\n"), b"\xff");
    assert_eq!(trimmed(b""), b"");
}

#[test]
fn attachments_keep_their_own_and_their_legacy_files() {
    let list = json!({"cni.dev/valid-attachments": [{"containerID": "c1", "ifname": "eth0"}], "cni.dev/attachments": []});
    let valid = Valid::read(&object(&list)).unwrap().unwrap();
    let owner = |ifname: &str| Owner {
        id: "c1".to_owned(),
        ifname: ifname.to_owned(),
    };
    assert!(valid.contains(&owner("eth0").content()));
    assert!(valid.contains(b"c1"));
    assert!(!valid.contains(&owner("net1").content()));
    assert!(!valid.contains(b"c2"));
    assert_eq!(Valid::read(&object(&json!({}))), Ok(None));
}

proptest! {
    #[test]
    fn any_cni_args_are_read_or_refused_in_one_line(text in "[A-Za-z=;.0-9 \"\n]{0,40}|.*") {
        if let Err(e) = Args::parse(&text) {
            prop_assert_eq!(e.code, 999);
            prop_assert!(!e.msg.contains('\n'), "{}", e.msg);
        }
    }

    #[test]
    fn any_resolv_conf_is_read(text in any::<String>()) {
        let _ = Dns::parse(&text);
    }

    #[test]
    fn any_ipam_section_is_read_or_refused(
        subnet in "[0-9./:a-f]{0,20}|10\\.0\\.0\\.[0-9]{1,3}/[0-9]{1,2}|fd00::[0-9a-f]{0,4}/[0-9]{1,3}",
        start in "[0-9.:a-f]{0,12}|10\\.0\\.0\\.[0-9]{1,3}|fd00::[0-9a-f]{0,4}",
        end in "[0-9.:a-f]{0,12}|10\\.0\\.0\\.[0-9]{1,3}|fd00::[0-9a-f]{0,4}",
        small in any::<bool>(),
    ) {
        let ipam = json!({"subnet": subnet, "rangeStart": start, "rangeEnd": end, "allowSmall": small});
        match read(&ipam) {
            Err(e) => prop_assert_eq!(e.code, 999),
            Ok(config) => {
                let range = &config.range_sets[0].ranges[0];
                prop_assert!(range.subnet.range().covers(range.addresses), "{}", ipam);
            }
        }
    }
}
