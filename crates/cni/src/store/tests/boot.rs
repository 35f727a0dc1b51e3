//! What is from before the machine's last start.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use rustix::time::{ClockId, clock_gettime};

use super::Place;
use crate::machine;

/// Makes the record say that the machine was started another time, and the files older than that.
fn restart(place: &Place) {
    let record = fs::read_to_string(place.beside("boot")).unwrap();
    let (machine, _) = record.split_once(' ').unwrap();
    fs::write(
        place.beside("boot"),
        format!("{machine} 00000000-0000-0000-0000-000000000000\n"),
    )
    .unwrap();
}

fn age(place: &Place, name: &str) {
    write_at(
        place,
        name,
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000),
    );
}

fn write_at(place: &Place, name: &str, time: SystemTime) {
    let file = File::options()
        .write(true)
        .open(place.data.join("net").join(name))
        .unwrap();
    file.set_modified(time).unwrap();
}

fn after_boot(place: &Place) -> usize {
    let mut session = place.session();
    let dropped = session.reclaim_after_boot().unwrap().dropped;
    session.end();
    dropped
}

#[test]
fn reservations_from_before_a_boot_are_dropped_once() {
    if machine::ids().unwrap().is_empty() {
        // No /etc/machine-id here: then nothing is ever dropped.
        let place = Place::new();
        assert_eq!(after_boot(&place), 0);
        return;
    }
    let place = Place::new();
    place.reserve("10.0.0.2", "old");
    age(&place, "10.0.0.2");
    assert_eq!(after_boot(&place), 0, "without a record, only one is made");
    assert_eq!(after_boot(&place), 0, "the same boot");
    restart(&place);
    place.reserve("10.0.0.3", "new");
    assert_eq!(after_boot(&place), 1);
    assert!(!place.has("10.0.0.2"));
    assert!(place.has("10.0.0.3"), "written since the boot");
    age(&place, "10.0.0.3");
    assert_eq!(after_boot(&place), 0);
}

#[test]
fn another_machine_s_reservations_stay() {
    let place = Place::new();
    place.reserve("10.0.0.2", "old");
    age(&place, "10.0.0.2");
    fs::write(place.beside("boot"), "another-machine 1\n").unwrap();
    assert_eq!(after_boot(&place), 0);
    assert!(place.has("10.0.0.2"));
}

/// When the machine was started by its clock as it stands now.
fn start() -> SystemTime {
    let up = clock_gettime(ClockId::Boottime);
    SystemTime::now()
        - Duration::new(
            u64::try_from(up.tv_sec).unwrap(),
            u32::try_from(up.tv_nsec).unwrap(),
        )
}

#[test]
fn what_a_clock_that_was_set_may_have_made_older_stays() {
    let place = Place::new();
    let around = |seconds: u64| start() - Duration::from_secs(seconds);
    for (name, time) in [
        ("10.0.0.2", around(0)),
        ("10.0.0.3", around(100)),
        ("10.0.0.4", around(140)),
        ("10.0.0.5", SystemTime::now()),
    ] {
        place.put(name, "c1\r\neth0");
        write_at(&place, name, time);
    }
    let session = place.session();
    let old: Vec<String> = session
        .older_than_boot()
        .into_iter()
        .map(|found| found.name)
        .collect();
    assert_eq!(old, ["10.0.0.4"]);
}

#[test]
fn on_a_file_system_that_machines_share_nothing_is_older() {
    let place = Place::new();
    place.reserve("10.0.0.2", "old");
    age(&place, "10.0.0.2");
    assert_eq!(place.session().older_than_boot().len(), 1);
    let shared = Place::shared();
    shared.reserve("10.0.0.2", "old");
    age(&shared, "10.0.0.2");
    assert!(shared.session().older_than_boot().is_empty());
    fs::write(shared.beside("boot"), "x").unwrap();
    assert_eq!(after_boot(&shared), 0);
    assert!(shared.has("10.0.0.2"));
}

#[test]
fn what_cannot_be_dropped_is_told() {
    if machine::ids().unwrap().is_empty() {
        return;
    }
    let place = Place::new();
    for name in ["10.0.0.2", "10.0.0.3"] {
        place.reserve(name, "old");
        age(&place, name);
    }
    after_boot(&place);
    restart(&place);
    let mut session = place.session();
    // It turns into something that unlink(2) refuses.
    let old = session.from_before_boot();
    assert_eq!(old.len(), 2);
    fs::remove_file(place.path("10.0.0.2")).unwrap();
    fs::create_dir(place.path("10.0.0.2")).unwrap();
    let errors = session.release_all(&old);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].to_string().contains("net/10.0.0.2"), "{errors:?}");
    session.end();
    assert!(!place.has("10.0.0.3"));
}
