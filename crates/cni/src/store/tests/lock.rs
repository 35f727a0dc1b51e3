//! Who waits, for what, and for how long.

use std::fs;
use std::time::{Duration, Instant};

use super::Place;
use crate::store::{Store, turn};

#[test]
fn the_lock_keeps_others_out_and_waiting_ends() {
    let place = Place::new();
    let session = place.session();
    let other = Store::open(&place.data, "net").unwrap().unwrap();
    let started = Instant::now();
    let refused = other.session_within(Duration::from_millis(50)).unwrap_err();
    assert_eq!(refused.code, 11, "{refused}");
    assert!(refused.to_string().contains("/net/lock names it"), "{refused}");
    assert!(started.elapsed() >= Duration::from_millis(50));
    session.end();
    // The waiter that gave up lets go of what it gets too late.
    other.session_within(Duration::from_secs(10)).unwrap().end();
}

#[test]
fn a_waiter_gets_the_lock_when_it_is_given_back() {
    let place = Place::new();
    let session = place.session();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let store = Store::open(&place.data, "net").unwrap().unwrap();
            store.session_within(Duration::from_secs(10)).unwrap().end();
        });
        session.end();
        waiter.join().unwrap();
    });
}

#[test]
fn calls_stand_in_line_behind_living_processes_only() {
    let place = Place::new();
    let line = place.beside("queue");
    let wait = || {
        let started = Instant::now();
        turn::wait_for_turn(place.store.index_dir().unwrap());
        started.elapsed()
    };
    assert!(wait() < Duration::from_secs(1), "nobody is before us");
    assert!(wait() < Duration::from_secs(1), "we are before us");
    let own = fs::read(&line).unwrap();
    let stand = |pid: u32, time: Option<u64>| {
        let mut places = own.clone();
        for place in places.chunks_exact_mut(24) {
            place[..4].copy_from_slice(&pid.to_le_bytes());
            if let Some(time) = time {
                place[16..].copy_from_slice(&time.to_le_bytes());
            }
        }
        fs::write(&line, places).unwrap();
        turn::is_awaited(place.store.index_dir().unwrap())
    };
    let mut child = std::process::Command::new("cat")
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id();
    assert!(stand(pid, None));
    assert!(
        wait() >= Duration::from_secs(1),
        "a process that goes on is waited for, but not for ever"
    );
    // The same number on another machine, which has a first process namespace of the same number, too.
    let mut places = fs::read(&line).unwrap();
    for place in places.chunks_exact_mut(24) {
        let inode = std::os::unix::fs::MetadataExt::ino(&fs::metadata("/proc/self/ns/pid").unwrap());
        place[8..16].copy_from_slice(&inode.to_le_bytes());
    }
    fs::write(&line, places).unwrap();
    assert!(!turn::is_awaited(place.store.index_dir().unwrap()));
    // Its number may be somebody else's by now: it stood there long ago, or before a boot.
    assert!(!stand(pid, Some(0)));
    assert!(!stand(pid, Some(u64::MAX)));
    assert!(stand(pid, None));
    let ending = std::thread::spawn(move || {
        child.kill().unwrap();
        child.wait().unwrap()
    });
    wait();
    ending.join().unwrap();
    assert!(!stand(pid, None), "it has ended");
    fs::write(&line, b"garbage").unwrap();
    assert!(wait() < Duration::from_secs(1));
}
