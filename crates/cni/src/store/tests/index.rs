//! The index says what the files say, or nothing.

use std::fs;
use std::net::IpAddr;

use proptest::prelude::*;

use super::Place;
use crate::store::hash;
use crate::store::index::{Index, State};

#[test]
fn an_index_that_is_deleted_garbled_or_outdated_changes_nothing() {
    let place = Place::new();
    place.reserve("10.0.0.2", "c1");
    let good = fs::read(place.beside("owners")).unwrap();
    for at in 0..good.len() {
        let mut garbled = good.clone();
        garbled[at] ^= 0x40;
        fs::write(place.beside("owners"), garbled).unwrap();
        assert_eq!(place.held("c1"), ["10.0.0.2"], "byte {at}");
    }
    fs::remove_file(place.beside("owners")).unwrap();
    assert_eq!(place.held("c1"), ["10.0.0.2"]);
    // The reference comes by.
    place.put("10.0.0.3", "c1\r\neth0");
    assert_eq!(place.held("c1"), ["10.0.0.2", "10.0.0.3"]);
    fs::remove_file(place.data.join("net/10.0.0.2")).unwrap();
    place.put("10.0.0.2", "c2\r\neth0");
    assert_eq!(place.held("c1"), ["10.0.0.3"]);
    assert_eq!(place.held("c2"), ["10.0.0.2"]);
    fs::remove_dir_all(place.data.join(".ipam-index")).unwrap();
    assert_eq!(place.held("c1"), ["10.0.0.3"]);
}

#[test]
fn a_file_changed_in_place_is_noticed_when_it_is_looked_for() {
    let place = Place::new();
    place.reserve("10.0.0.2", "c1");
    place.put("10.0.0.2", "c2\r\neth0");
    assert!(place.held("c1").is_empty());
    assert_eq!(place.held("c2"), ["10.0.0.2"]);
}

#[derive(Clone, Debug)]
enum Op {
    Insert(u8, u8),
    Remove(u8),
    Save,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (any::<u8>(), any::<u8>()).prop_map(|(address, owner)| Op::Insert(address % 16, owner % 4)),
        2 => any::<u8>().prop_map(|address| Op::Remove(address % 16)),
        1 => Just(Op::Save),
    ]
}

proptest! {
    /// Writes the changes only, as the file does, and reads it all back.
    #[test]
    fn an_index_on_disk_is_the_index_in_memory(ops in prop::collection::vec(op(), 0..60)) {
        let state = |count| State { count, sum: 7, modified: (-1, 999_999_999), boot: 3 };
        let address = |n: u8| IpAddr::V4([10, 0, 0, n].into());
        let (mut index, mut model, mut disk) = (Index::default(), std::collections::BTreeMap::new(), Vec::new());
        for op in ops.into_iter().chain([Op::Save]) {
            match op {
                Op::Insert(n, owner) if !model.contains_key(&n) => {
                    model.insert(n, owner);
                    index.insert(address(n), hash::hash(&[owner]));
                }
                Op::Insert(..) => {}
                Op::Remove(n) => {
                    model.remove(&n);
                    index.remove(address(n));
                }
                Op::Save => {
                    let (at, changed) = index.changes();
                    disk.resize(disk.len().max(at + changed.len()), 0);
                    disk[at..at + changed.len()].copy_from_slice(changed);
                    let (header, state) = (index.header(state(model.len())), state(model.len()));
                    prop_assert!(Index::is_of(&header, state));
                    let records = disk[..Index::size(model.len())].to_vec();
                    index = Index::decode(&header, records, state).expect("what was written is valid");
                    let mut found: Vec<_> = index.records().collect();
                    found.sort_unstable();
                    let expected: Vec<_> = model.iter().map(|(n, o)| (address(*n), hash::hash(&[*o]))).collect();
                    prop_assert_eq!(found, expected);
                }
            }
        }
    }
}

#[test]
fn an_index_of_another_state_is_none() {
    let state = State {
        count: 1,
        sum: 2,
        modified: (3, 4),
        boot: 5,
    };
    let mut index = Index::default();
    index.insert(IpAddr::from([10, 0, 0, 2]), 7);
    let (header, records) = (index.header(state), index.changes().1.to_vec());
    for other in [
        State { count: 2, ..state },
        State { sum: 0, ..state },
        State {
            modified: (3, 5),
            ..state
        },
        State { boot: 6, ..state },
    ] {
        assert!(!Index::is_of(&header, other), "{other:?}");
        assert!(
            Index::decode(&header, records.clone(), other).is_none(),
            "{other:?}"
        );
    }
    assert!(Index::is_of(&header, state) && Index::decode(&header, records, state).is_some());
}
