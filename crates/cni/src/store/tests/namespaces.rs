//! Which sandboxes are gone.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::{Place, ip};
use crate::{clock, machine};

/// A namespace at a path: a link to one of this process. Another kind is another namespace.
fn mount(path: &Path, kind: &str) {
    symlink(format!("/proc/self/ns/{kind}"), path).unwrap();
}

/// The namespaces of these reservations, recorded `age` seconds ago.
fn recorded(place: &Place, netns: &Path, age: u64) {
    let session = place.session();
    session
        .record_namespace([ip("10.0.0.2")].into_iter(), netns)
        .unwrap();
    session.end();
    let text = fs::read_to_string(place.beside("namespaces")).unwrap();
    let line = text.lines().last().unwrap();
    let mut words: Vec<String> = line.splitn(8, ' ').map(str::to_owned).collect();
    words[6] = (clock::now() - age).to_string();
    fs::write(place.beside("namespaces"), words.join(" ") + "\n").unwrap();
}

fn abandoned(place: &Place) -> usize {
    let session = place.session();
    let found = session.abandoned().len();
    session.end();
    found
}

#[test]
fn a_namespace_is_gone_when_its_path_is_or_leads_elsewhere() {
    let place = Place::new();
    place.reserve("10.0.0.2", "c1");
    let netns = place.data.join("netns with blanks");
    mount(&netns, "net");
    recorded(&place, &netns, 3600);
    assert_eq!(abandoned(&place), 0, "it is there");
    fs::remove_file(&netns).unwrap();
    assert_eq!(abandoned(&place), 1, "nothing is there");
    mount(&netns, "uts");
    assert_eq!(abandoned(&place), 1, "another one is there");
    fs::remove_file(&netns).unwrap();
    fs::write(&netns, "").unwrap();
    assert_eq!(abandoned(&place), 1, "the file it was mounted on is there");
}

/// Where the mount does not arrive, a plugin sees the file that the namespace is mounted on elsewhere.
#[test]
fn a_plain_file_is_not_recorded() {
    let place = Place::new();
    place.reserve("10.0.0.2", "c1");
    let netns = place.data.join("netns");
    fs::write(&netns, "").unwrap();
    let session = place.session();
    session
        .record_namespace([ip("10.0.0.2")].into_iter(), &netns)
        .unwrap();
    session.end();
    assert!(!place.beside("namespaces").exists());
}

#[test]
fn young_foreign_and_unseen_reservations_are_never_abandoned() {
    let place = Place::new();
    place.reserve("10.0.0.2", "c1");
    let netns = place.data.join("netns");
    let session = place.session();
    session
        .record_namespace([ip("10.0.0.2")].into_iter(), &netns)
        .unwrap();
    session.end();
    assert_eq!(abandoned(&place), 0, "not visible when it was made");
    mount(&netns, "net");
    recorded(&place, &netns, 60);
    fs::remove_file(&netns).unwrap();
    assert_eq!(abandoned(&place), 0, "a minute old");
    mount(&netns, "net");
    recorded(&place, &netns, 3600);
    fs::remove_file(&netns).unwrap();
    let record = fs::read_to_string(place.beside("namespaces")).unwrap();
    let with = |what: &str, other: &str| {
        assert!(record.contains(what), "{what} is not in {record}");
        fs::write(place.beside("namespaces"), record.replace(what, other)).unwrap();
        abandoned(&place)
    };
    assert_eq!(with(&machine::boot_id(), "another-boot"), 0, "another boot");
    // address file device inode boot mounts/device/mount time path
    let view = record.split(' ').nth(5).unwrap();
    let parts: Vec<&str> = view.split('/').collect();
    assert_eq!(parts.len(), 3, "{view}");
    for at in 0..3 {
        let mut other = parts.clone();
        other[at] = "1:1";
        assert_eq!(with(view, &other.join("/")), 0, "another mount");
    }
    assert_eq!(
        with(view, parts[0]),
        0,
        "as it was written before folders were looked at"
    );
    fs::write(place.beside("namespaces"), &record).unwrap();
    assert_eq!(abandoned(&place), 1);
    fs::remove_file(place.path("10.0.0.2")).unwrap();
    place.put("10.0.0.2", "c9\r\neth0");
    assert_eq!(abandoned(&place), 0, "a later reservation of the address");
}

#[test]
fn without_its_folder_a_namespace_cannot_be_judged() {
    let place = Place::new();
    place.reserve("10.0.0.2", "c1");
    let folder = place.data.join("run");
    fs::create_dir(&folder).unwrap();
    let netns = folder.join("netns");
    mount(&netns, "net");
    recorded(&place, &netns, 3600);
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(abandoned(&place), 0);
}
