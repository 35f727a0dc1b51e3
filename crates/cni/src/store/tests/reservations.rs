//! What is reserved, found and released.

use std::fs;
use std::net::IpAddr;

use super::{Place, ip, owner};

#[test]
fn what_was_reserved_is_found_and_released() {
    let place = Place::new();
    place.reserve("10.0.0.2", "c1");
    place.reserve("fd00::2", "c1");
    place.reserve("10.0.0.3", "c2");
    assert_eq!(place.held("c1"), ["10.0.0.2", "fd00::2"]);
    let mut session = place.session();
    for held in session.holdings(&owner("c1")).exact {
        session.release(&held).unwrap();
        session.release(&held).unwrap();
    }
    assert_eq!(session.count(), 1);
    session.end();
    assert!(place.held("c1").is_empty());
    assert_eq!(place.held("c2"), ["10.0.0.3"]);
}

#[test]
fn a_taken_name_is_not_reserved() {
    let place = Place::new();
    place.reserve("10.0.0.2", "c1");
    let mut session = place.session();
    assert!(!session.reserve(ip("10.0.0.2"), &owner("c2"), false).unwrap());
    session.end();
    assert_eq!(place.held("c1"), ["10.0.0.2"]);
}

#[test]
fn many_are_released_at_once_and_the_index_stays_true() {
    let place = Place::new();
    let mut session = place.session();
    for n in 1..=40 {
        let address = IpAddr::V4([10, 0, 0, n].into());
        assert!(
            session
                .reserve(address, &owner(if n % 4 == 0 { "kept" } else { "gone" }), false)
                .unwrap()
        );
    }
    let gone = session.holdings(&owner("gone")).exact;
    assert_eq!((gone.len(), session.release_all(&gone).len()), (30, 0));
    session.end();
    let before = fs::read(place.beside("owners")).unwrap();
    assert_eq!(place.held("kept").len(), 10);
    assert!(place.held("gone").is_empty());
    assert_eq!(
        fs::read(place.beside("owners")).unwrap(),
        before,
        "nothing had to be made anew"
    );
}

#[test]
fn the_lock_file_stays_and_nothing_of_ours_is_in_the_network_directory() {
    let place = Place::new();
    place.reserve("10.0.0.2", "c1");
    let session = place.session();
    session.set_last_reserved(0, ip("10.0.0.2")).unwrap();
    session.set_last_reserved(0, ip("10.0.0.3")).unwrap();
    session.set_last_reserved(0, ip("10.0.0.10")).unwrap();
    assert_eq!(session.last_reserved(0), Some(ip("10.0.0.10")));
    assert_eq!(session.last_reserved(1), None);
    session.end();
    let entries = fs::read_dir(place.data.join("net")).unwrap();
    let mut names: Vec<String> = entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["10.0.0.2", "last_reserved_ip.0", "lock"]);
}

#[test]
fn released_addresses_rest() {
    let place = Place::new();
    for address in ["10.0.0.2", "fd00::2"] {
        place.reserve(address, "c1");
    }
    let mut session = place.session();
    session.let_released_rest();
    let held = session.holdings(&owner("c1")).own();
    assert!(session.release_all(&held).is_empty());
    session.end();
    assert_eq!(place.session().released_within(3600).count(), 2);
    fs::write(
        place.beside("released"),
        "10.0.0.2 5\ngarbage\n10.0.0.9 x\n10.0.0.3 5",
    )
    .unwrap();
    assert_eq!(place.session().released_within(3600).count(), 0);
}

#[test]
fn releases_are_noted_once_somebody_asks_for_it() {
    let place = Place::new();
    let release = |asked: bool| {
        place.reserve("10.0.0.2", "c1");
        let mut session = place.session();
        if asked {
            session.let_released_rest();
        }
        let held = session.holdings(&owner("c1")).own();
        assert!(session.release_all(&held).is_empty());
        session.end();
        place.session().released_within(3600).contains(ip("10.0.0.2"))
    };
    assert!(!release(false));
    assert!(!place.beside("released").exists());
    // Asked for without a release, as an ADD does.
    let mut session = place.session();
    session.let_released_rest();
    session.end();
    // By somebody who does not know the configuration.
    assert!(release(false));
    fs::remove_file(place.beside("released")).unwrap();
    assert!(release(true));
}

#[test]
fn what_nobody_has_used_does_not_rest() {
    let place = Place::new();
    place.reserve("10.0.0.2", "c1");
    let mut session = place.session();
    session.let_released_rest();
    let reservation = session.reservation(ip("10.0.0.2")).unwrap().unwrap();
    session.withdraw(&reservation).unwrap();
    session.end();
    assert!(place.session().released_within(3600).is_empty());
}

/// Something that cannot be read stands where a file was when the names were listed.
#[test]
fn what_cannot_be_read_keeps_nobody_from_releasing_the_rest() {
    let place = Place::new();
    for address in ["10.0.0.2", "10.0.0.3", "10.0.0.4"] {
        place.reserve(address, "c1");
    }
    place.put("fd00:0::2", "c1\r\neth0");
    place.put("fd00:0::3", "c1\r\neth0");
    place.session().end();
    let mut session = place.session();
    for name in ["10.0.0.3", "fd00:0::3"] {
        fs::remove_file(place.path(name)).unwrap();
        fs::create_dir(place.path(name)).unwrap();
    }
    let holdings = session.holdings(&owner("c1"));
    let unreadable: Vec<String> = holdings.unreadable.iter().map(ToString::to_string).collect();
    assert_eq!(unreadable.len(), 1, "{unreadable:?}");
    assert!(
        unreadable[0].contains("net/10.0.0.3"),
        "an odd name is nobody's: {unreadable:?}"
    );
    let own = holdings.own();
    let names: Vec<&str> = own.iter().map(|held| held.name.as_str()).collect();
    assert_eq!(names, ["10.0.0.2", "10.0.0.4", "fd00:0::2"]);
    assert!(session.release_all(&own).is_empty());
    session.end();
    assert!(!place.has("10.0.0.2") && !place.has("10.0.0.4") && !place.has("fd00:0::2"));
}

#[test]
fn below_a_file_there_is_no_network() {
    let place = Place::new();
    let file = place.data.join("file");
    fs::write(&file, "").unwrap();
    assert!(super::Store::open(&file, "net").unwrap().is_none());
    assert!(super::Store::open(&file.join("deeper"), "net").unwrap().is_none());
    // Here something stands in its place, which somebody has to look at.
    assert_eq!(super::Store::open(&place.data, "file").unwrap_err().code, 999);
}
