//! Journals stay short, and are not written anew with every line.

use std::fs;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;

use super::Place;
use crate::store::journal;

#[test]
fn a_journal_of_what_matters_is_written_anew_only_when_it_has_doubled() {
    let place = Place::new();
    let dir = fs::File::open(place.beside("")).unwrap();
    let path = place.beside("j");
    let line = |n: u32| {
        format!(
            "10.{}.{}.{} {}\n",
            n >> 16,
            (n >> 8) & 255,
            n & 255,
            "x".repeat(1000)
        )
    };
    let mut inodes = std::collections::BTreeSet::new();
    // 3 MiB of lines, all of which matter.
    for n in 0..3 * 1024 {
        journal::append(dir.as_fd(), "j", &line(n), |_, _| true);
        inodes.insert(fs::metadata(&path).unwrap().ino());
    }
    assert!(inodes.len() <= 4, "written anew {} times", inodes.len());
    assert_eq!(journal::read(dir.as_fd(), "j").len(), 3 * 1024);
    // None of them does any more.
    for n in 0..3 * 1024 {
        journal::append(dir.as_fd(), "j", &line(n), |_, _| false);
    }
    assert!(fs::metadata(&path).unwrap().len() < 3 << 20);
}

#[test]
fn a_journal_that_nobody_began_is_not_begun_in_passing() {
    let place = Place::new();
    let dir = fs::File::open(place.beside("")).unwrap();
    journal::append_to_existing(dir.as_fd(), "j", "10.0.0.2 1\n", |_, _| true);
    assert!(!place.beside("j").exists());
    journal::append(dir.as_fd(), "j", "", |_, _| true);
    journal::append_to_existing(dir.as_fd(), "j", "10.0.0.2 1\n", |_, _| true);
    assert_eq!(journal::read(dir.as_fd(), "j").len(), 1);
}
