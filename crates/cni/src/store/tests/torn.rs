//! Files without a single byte.

use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use super::{Place, ip};
use crate::store::files;

#[test]
fn torn_files_are_swept_and_files_filled_since_are_not() {
    let place = Place::new();
    place.put("10.0.0.2", "");
    place.put("10.0.0.3", "");
    // The index learns of them without sweeping, as in a DEL.
    place.session().end();
    place.put("10.0.0.3", "c1\r\neth0");
    let mut session = place.session();
    session.sweep();
    session.end();
    assert!(!place.has("10.0.0.2"));
    assert_eq!(place.held("c1"), ["10.0.0.3"]);
}

/// A power cut may leave name, inode and directory as they were, and take the content.
fn power_cut(place: &Place, name: &str) {
    File::options()
        .write(true)
        .truncate(true)
        .open(place.path(name))
        .unwrap();
}

#[test]
fn a_start_of_the_machine_looks_into_every_file() {
    let place = Place::new();
    place.reserve("10.0.0.2", "c1");
    power_cut(&place, "10.0.0.2");
    let sweep = || {
        let mut session = place.session();
        session.sweep();
        session.end();
    };
    sweep();
    assert!(
        place.has("10.0.0.2"),
        "the index is believed within one run of the machine"
    );
    // The header of the index: seven words, the last of them the start of the machine, and their hash.
    let mut index = fs::read(place.beside("owners")).unwrap();
    let (header, _) = index.split_at_mut(64);
    let (words, _) = header.as_chunks_mut::<8>();
    words[6] = 1_u64.to_le_bytes();
    let own = words[..7].iter().fold(0, |hash, word| {
        crate::store::hash::mix(hash ^ u64::from_le_bytes(*word))
    });
    words[7] = own.to_le_bytes();
    fs::write(place.beside("owners"), index).unwrap();
    sweep();
    assert!(!place.has("10.0.0.2"));
}

#[test]
fn a_file_emptied_where_it_stands_is_found_when_it_matters() {
    let place = Place::new();
    for address in ["10.0.0.2", "10.0.0.3", "10.0.0.4"] {
        place.reserve(address, "c1");
    }
    power_cut(&place, "10.0.0.2");
    power_cut(&place, "10.0.0.4");
    let mut session = place.session();
    assert_eq!(session.sweep_among(&[], |address| address != ip("10.0.0.4")), 1);
    session.end();
    assert!(!place.has("10.0.0.2") && place.has("10.0.0.3") && place.has("10.0.0.4"));
    let mut session = place.session();
    assert_eq!(
        session.sweep_among(&[ip("10.0.0.4"), ip("10.0.0.9")], |_| false),
        1
    );
    session.end();
    assert_eq!(place.held("c1"), ["10.0.0.3"]);
}

#[test]
fn where_locks_may_not_hold_a_young_empty_file_is_somebodys() {
    let place = Place::shared();
    place.put("10.0.0.2", "");
    place.put("10.0.0.3", "");
    let old = SystemTime::now() - Duration::from_secs(60);
    File::options()
        .write(true)
        .open(place.path("10.0.0.3"))
        .unwrap()
        .set_modified(old)
        .unwrap();
    let mut session = place.session();
    session.sweep();
    assert_eq!(session.sweep_among(&[], |_| true), 0);
    session.end();
    assert!(place.has("10.0.0.2"));
    assert!(!place.has("10.0.0.3"), "whoever made it has given up");
}

#[test]
fn a_file_taken_away_while_it_was_filled_is_not_a_reservation() {
    let place = Place::new();
    let (dir, path) = (File::open(place.path("")).unwrap(), place.path("10.0.0.2"));
    // Long enough for somebody to come by.
    let content = vec![b'x'; 1 << 20];
    let done = AtomicBool::new(false);
    let was_noticed = std::thread::scope(|scope| {
        // Another machine that cannot see our lock, and takes every file for debris.
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let _ = fs::remove_file(&path);
            }
        });
        let was_noticed = (0..10_000).any(|_| {
            let _ = fs::remove_file(&path);
            let made = files::create_named(dir.as_fd(), "10.0.0.2", &content, false);
            made.unwrap().is_none()
        });
        done.store(true, Ordering::Relaxed);
        was_noticed
    });
    assert!(was_noticed);
}
