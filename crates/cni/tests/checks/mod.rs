//! What must hold for any input whatever: run by proptest on stable (`fuzzed.rs`) and by cargo-fuzz (`fuzz/`).
//!
//! Each function panics when something does not hold.

mod directory;

use std::collections::HashSet;
use std::net::IpAddr;

use cni::error::Error;
use cni::json::{Json, Object};
use cni::plan::gc::Valid;
use cni::plan::{
    AnnotationRecord, Args, Config, Dns, NodeCache, Snapshot, Source, allocate, annotation, check,
    node_ranges, parse_cidr, parse_ip, result,
};
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

/// The ranges that [`previous_result`] judges by, and the only address that is reserved.
const SETS: &str =
    r#"{"name": "net", "ipam": {"ranges": [[{"subnet": "10.0.0.0/29"}], [{"subnet": "fd00::/64"}]]}}"#;
const OWNED: [u8; 4] = [10, 0, 0, 2];

/// A previous result, as CHECK reads it, compared with a model that knows the ranges as plain numbers.
pub(crate) fn previous_result(json: &[u8]) {
    let Ok(previous) = serde_json::from_slice::<Json>(json) else {
        return;
    };
    let network = Network {
        name: "net".to_owned(),
        version: CniVersion::V1_1_0,
        written_version: "1.1.0".to_owned(),
        document: decode(SETS.as_bytes()).expect("JSON"),
    };
    let sets = Config::read(&network, "")
        .expect("a valid configuration")
        .range_sets;
    let model = serde_json::from_slice(json).ok().as_ref().and_then(addresses_of);
    let document = Object::from_iter([("prevResult", previous)]);
    match check::previous(&document) {
        Err(e) => {
            refused(&e, &[999]);
            assert_eq!(model, None, "refused: {e:?}");
        }
        Ok(addresses) => {
            if let Some(model) = model {
                assert_eq!(addresses, model);
            }
            // Addresses outside our ranges are not ours to judge; of ours, all must be reserved.
            let missing = addresses
                .iter()
                .any(|address| is_in_range(*address) && *address != IpAddr::from(OWNED));
            let verdict = check::verdict(&sets, &addresses, &[OWNED.into()], "c1");
            assert_eq!(verdict.is_err(), missing, "{addresses:?}");
            if let Err(e) = verdict {
                refused(&e, &[999]);
            }
            assert!(
                check::verdict(&sets, &addresses, &[], "c1").is_err(),
                "nothing is reserved"
            );
            assert!(check::verdict(&[], &addresses, &[OWNED.into()], "c1").is_ok());
        }
    }
}

/// The addresses of a previous result as any runtime writes it; `None` when it is written in another way, which may be
/// refused, or mean the same.
fn addresses_of(previous: &serde_json::Value) -> Option<Vec<IpAddr>> {
    let object = previous.as_object()?;
    // Keys in other spellings mean the same, and the last of several counts: not in this model.
    let is_plain = |object: &serde_json::Map<String, serde_json::Value>, known: &str| {
        object
            .keys()
            .all(|key| key == known || !key.eq_ignore_ascii_case(known))
    };
    if !is_plain(object, "ips") {
        return None;
    }
    let address = |ip: &serde_json::Value| {
        let ip = ip.as_object().filter(|ip| is_plain(ip, "address"))?;
        let (address, length) = ip.get("address")?.as_str()?.split_once('/')?;
        let address: IpAddr = address.parse().ok()?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let is_length =
            length.bytes().all(|byte| byte.is_ascii_digit()) && length.parse::<u32>().ok()? <= bits;
        is_length.then_some(address.to_canonical())
    };
    object.get("ips")?.as_array()?.iter().map(address).collect()
}

/// Whether an address is one of [`SETS`].
fn is_in_range(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => (0x0a00_0001..=0x0a00_0006).contains(&u32::from(address)),
        IpAddr::V6(address) => {
            let first = 0xfd00_u128 << 112;
            (first + 1..=first + u128::from(u64::MAX)).contains(&u128::from(address))
        }
    }
}

/// Any files in a network directory.
pub(crate) fn directory(programme: &[u8]) {
    directory::keeps_what_is_foreign(programme);
}

/// The text of a node annotation: anybody who may patch a node writes it, root reads it.
pub(crate) fn annotation(text: &str) {
    // Never a panic, whatever the answer.
    let _ = node_ranges(Source::Annotation(Some(text)));
    let Ok(members) = annotation::parse(text) else {
        return;
    };
    // What was accepted is plain JSON: written as such it means the same.
    let written = serde_json::to_string(&members).expect("JSON values with text keys");
    assert_eq!(annotation::parse(&written).as_ref(), Ok(&members), "{written}");
    let directory = members.get("dataDir").and_then(|value| value.as_str());
    assert!(
        directory.is_none_or(|path| path.starts_with('/') && !path.split('/').any(|part| part == "..")),
        "{directory:?}"
    );
}

/// The files in which `kube-node` and `node-annotation` remember: administrators write the first one, too.
pub(crate) fn node_cache(text: &[u8]) {
    if let Some(record) = AnnotationRecord::parse(text) {
        assert_eq!(
            AnnotationRecord::parse(&record.to_bytes()).as_ref(),
            Some(&record)
        );
    }
    let Some(cache) = NodeCache::parse(text) else {
        return;
    };
    let again = NodeCache::parse(&cache.to_bytes()).expect("what we write can be read");
    assert_eq!(again, cache);
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
