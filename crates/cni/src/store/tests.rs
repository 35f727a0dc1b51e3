use std::fs::{self, File};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use proptest::prelude::*;

use super::index::{Index, State};
use super::{Session, Store, boot, hash};
use crate::plan::Owner;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn owner(id: &str) -> Owner {
    Owner {
        id: id.to_owned(),
        ifname: "eth0".to_owned(),
    }
}

struct Place {
    _dir: tempfile::TempDir,
    data: PathBuf,
    store: Store,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().to_owned();
        let store = Store::create(&data, "net").unwrap();
        Self {
            _dir: dir,
            data,
            store,
        }
    }

    fn session(&self) -> Session<'_> {
        self.store.session().unwrap()
    }

    fn put(&self, name: &str, content: &str) {
        fs::write(self.data.join("net").join(name), content).unwrap();
    }

    fn has(&self, name: &str) -> bool {
        self.data.join("net").join(name).exists()
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.data.join(".ipam-index/net").join(name)
    }

    fn held(&self, id: &str) -> Vec<String> {
        let mut session = self.session();
        let holdings = session.holdings(&owner(id)).unwrap();
        session.end();
        holdings.exact.into_iter().map(|held| held.name).collect()
    }

    fn reserve(&self, address: &str, id: &str) {
        let mut session = self.session();
        assert!(session.reserve(ip(address), &owner(id), false).unwrap());
        session.end();
    }
}

#[test]
fn what_was_reserved_is_found_and_released() {
    let place = Place::new();
    place.reserve("10.0.0.2", "c1");
    place.reserve("fd00::2", "c1");
    place.reserve("10.0.0.3", "c2");
    assert_eq!(place.held("c1"), ["10.0.0.2", "fd00::2"]);
    let mut session = place.session();
    for held in session.holdings(&owner("c1")).unwrap().exact {
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

#[test]
fn torn_files_are_swept_and_files_filled_since_are_not() {
    let place = Place::new();
    place.put("10.0.0.2", "");
    place.put("10.0.0.3", "");
    // The index learns of them without sweeping, as in a DEL.
    place.session().end();
    place.put("10.0.0.3", "c1\r\neth0");
    let mut session = place.session();
    session.sweep().unwrap();
    session.end();
    assert!(!place.has("10.0.0.2"));
    assert_eq!(place.held("c1"), ["10.0.0.3"]);
}

#[test]
fn the_lock_keeps_others_out_and_waiting_ends() {
    let place = Place::new();
    let session = place.session();
    let other = Store::open(&place.data, "net").unwrap().unwrap();
    let started = Instant::now();
    let refused = other.session_within(Duration::from_millis(50)).unwrap_err();
    assert_eq!(refused.code, 11, "{refused}");
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
    let file = File::options()
        .write(true)
        .open(place.data.join("net").join(name))
        .unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000))
        .unwrap();
}

fn after_boot(place: &Place) -> usize {
    let mut session = place.session();
    let dropped = session.reclaim_after_boot().unwrap();
    session.end();
    dropped
}

#[test]
fn reservations_from_before_a_boot_are_dropped_once() {
    if boot::boot_id().is_none() {
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

/// The namespaces of these reservations, recorded `age` seconds ago.
fn recorded(place: &Place, netns: &std::path::Path, age: u64) {
    let session = place.session();
    session
        .record_namespace([ip("10.0.0.2")].into_iter(), netns)
        .unwrap();
    session.end();
    let text = fs::read_to_string(place.beside("namespaces")).unwrap();
    let line = text.lines().last().unwrap();
    let mut words: Vec<String> = line.splitn(8, ' ').map(str::to_owned).collect();
    words[6] = (boot::now() - age).to_string();
    fs::write(place.beside("namespaces"), words.join(" ") + "\n").unwrap();
}

fn abandoned(place: &Place) -> usize {
    let session = place.session();
    let found = session.abandoned().unwrap().len();
    session.end();
    found
}

#[test]
fn a_namespace_is_gone_when_its_path_is_or_leads_elsewhere() {
    let place = Place::new();
    place.reserve("10.0.0.2", "c1");
    let netns = place.data.join("netns with blanks");
    fs::write(&netns, "").unwrap();
    recorded(&place, &netns, 3600);
    assert_eq!(abandoned(&place), 0, "it is there");
    let other = place.data.join("other");
    fs::write(&other, "").unwrap();
    fs::rename(&other, &netns).unwrap();
    assert_eq!(abandoned(&place), 1, "another one is there");
    fs::remove_file(&netns).unwrap();
    assert_eq!(abandoned(&place), 1, "nothing is there");
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
    fs::write(&netns, "").unwrap();
    recorded(&place, &netns, 60);
    fs::remove_file(&netns).unwrap();
    assert_eq!(abandoned(&place), 0, "a minute old");
    fs::write(&netns, "").unwrap();
    recorded(&place, &netns, 3600);
    fs::remove_file(&netns).unwrap();
    let record = fs::read_to_string(place.beside("namespaces")).unwrap();
    let boot = boot::boot_id().unwrap_or_default();
    fs::write(place.beside("namespaces"), record.replace(&boot, "another-boot")).unwrap();
    assert_eq!(abandoned(&place), 0, "another boot");
    fs::write(place.beside("namespaces"), &record).unwrap();
    assert_eq!(abandoned(&place), 1);
    fs::remove_file(place.data.join("net/10.0.0.2")).unwrap();
    place.put("10.0.0.2", "c9\r\neth0");
    assert_eq!(abandoned(&place), 0, "a later reservation of the address");
}

#[test]
fn released_addresses_rest() {
    let place = Place::new();
    let session = place.session();
    session.note_released([ip("10.0.0.2"), ip("fd00::2")].into_iter());
    assert_eq!(session.released_within(3600).count(), 2);
    session.end();
    fs::write(
        place.beside("released"),
        "10.0.0.2 5\ngarbage\n10.0.0.9 x\n10.0.0.3 5",
    )
    .unwrap();
    assert_eq!(place.session().released_within(3600).count(), 0);
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
        let state = |count| State { count, sum: 7, modified: (-1, 999_999_999) };
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
    let gone = session.holdings(&owner("gone")).unwrap().exact;
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
fn calls_stand_in_line_behind_living_processes_only() {
    let place = Place::new();
    let line = place.beside("queue");
    let wait = || {
        let started = Instant::now();
        super::turn::wait_for_turn(place.store.index_dir().unwrap());
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
        super::turn::is_awaited(place.store.index_dir().unwrap())
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
