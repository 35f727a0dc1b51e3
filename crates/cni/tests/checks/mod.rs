//! What must hold for any input whatever: run by proptest on stable (`fuzzed.rs`) and by cargo-fuzz (`fuzz/`).
//!
//! Each function panics when something does not hold.

mod directory;

use std::collections::HashSet;

use cni::error::Error;
use cni::json::{Json, Object};
use cni::plan::gc::Valid;
use cni::plan::{Args, Config, Dns, RangeSet, Snapshot, allocate, check, parse_cidr, parse_ip, result};
use cni::protocol::{CniVersion, Command, Network, decode, name};

/// Stdin: refused with a code of the specification, or understood; then what it grants makes sense.
pub(crate) fn config(stdin: &[u8]) {
    let document = match decode(stdin) {
        Ok(document) => document,
        Err(e) => return refused(&e, &[6]),
    };
    let name = match name(&document) {
        Ok(name) => name.to_owned(),
        Err(e) => return refused(&e, &[6, 7]),
    };
    assert!(
        !name.contains('/') && !name.starts_with('.'),
        "{name:?} leaves its directory"
    );
    for version in CniVersion::ALL {
        let network = Network {
            name: name.clone(),
            version,
            written_version: version.text().to_owned(),
            document: document.clone(),
        };
        match Config::read(&network, "") {
            Ok(config) => granted(&config, version),
            Err(e) => refused(&e, &[999]),
        }
    }
    if let Err(e) = Valid::read(&document) {
        refused(&e, &[7]);
    }
}

fn granted(config: &Config, version: CniVersion) {
    for set in &config.range_sets {
        for range in &set.ranges {
            assert!(
                range.subnet.range().covers(range.addresses),
                "{range} of {}",
                range.subnet
            );
        }
    }
    let grants = allocate(
        &config.range_sets,
        &config.requested,
        "c1",
        &config.options,
        &Snapshot::default(),
    );
    let grants = match grants {
        Ok(grants) => grants,
        Err(e) => return refused(&e, &[999]),
    };
    let distinct: HashSet<_> = grants.iter().map(|grant| grant.address).collect();
    assert_eq!(distinct.len(), config.range_sets.len(), "an address twice");
    for (grant, set) in grants.iter().zip(&config.range_sets) {
        let range = set.range_of(grant.address).expect("granted from its set");
        assert_ne!(range.gateway, Some(grant.address));
        assert_eq!(grant.set, set.number);
    }
    let document = result(version, &grants, &config.routes, &Dns::default());
    let text = serde_json::to_string(&document).expect("a result is JSON");
    assert_eq!(
        serde_json::from_str::<Json>(&text).expect("and reads as JSON"),
        document
    );
}

/// `CNI_ARGS`.
pub(crate) fn cni_args(text: &str) {
    match Args::parse(text) {
        Err(e) => refused(&e, &[999]),
        Ok(args) => {
            let mut asked = text.split(';').filter_map(|pair| pair.strip_prefix("IP="));
            let written = asked.next_back().filter(|ip| !ip.is_empty());
            let expected = written.map(|ip| parse_cidr(ip).map(|cidr| cidr.address).or_else(|| parse_ip(ip)));
            assert_eq!(
                args.ip,
                expected.map(|ip| ip.expect("what is no address is refused"))
            );
        }
    }
}

/// A previous result, as CHECK reads it.
pub(crate) fn previous_result(json: &[u8]) {
    let Ok(previous) = serde_json::from_slice::<Json>(json) else {
        return;
    };
    let document = Object::from_iter([("prevResult", previous)]);
    match check::previous(&document) {
        Err(e) => refused(&e, &[999]),
        Ok(addresses) => {
            let sets: &[RangeSet] = &[];
            // Addresses outside our ranges are not ours to judge.
            assert!(check::verdict(sets, &addresses, &[[10, 0, 0, 1].into()], "c1").is_ok());
            assert!(check::verdict(sets, &addresses, &[], "c1").is_err());
        }
    }
}

/// Any files in a network directory.
pub(crate) fn directory(programme: &[u8]) {
    directory::keeps_what_is_foreign(programme);
}

/// A version as written, with every command.
pub(crate) fn version(text: &str) {
    for command in [
        Command::Add,
        Command::Del,
        Command::Check,
        Command::Gc,
        Command::Status,
    ] {
        match CniVersion::negotiate(text, command) {
            Ok(version) => assert!(version.text() == text || text.is_empty()),
            Err(e) => refused(&e, &[1, 6]),
        }
    }
}

/// An error has one of these codes and says something, in one line.
fn refused(e: &Error, codes: &[u32]) {
    assert!(codes.contains(&e.code), "{e:?}");
    assert!(!e.msg.is_empty());
}
