//! Disks that are full or may not be written: a clear error, and nothing lost.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use serde_json::{Value, json};
use testkit::cni::{Answer, Call, Volume, store};

use crate::{config, ours};

fn two_families(data: &Path) -> Value {
    config(
        data,
        &json!({"ranges": [[{"subnet": "10.0.0.0/24"}], [{"subnet": "fd00::/64"}]]}),
    )
}

fn run(program: &Path, verb: &str, id: &str, config: &Value) -> Answer {
    Call::new(program, verb)
        .id(id)
        .config(config)
        .run()
        .expect("the plugin can be started")
}

/// The failure is one error object of the allocator that names the file or folder below `path` and the kernel's reason.
fn assert_clear(answer: &Answer, path: &Path, reason: &str) {
    let error = answer.error().expect("an error object");
    assert_eq!(error["code"], 999, "{error}");
    let words = format!(
        "{} {}",
        error["msg"].as_str().unwrap_or_default(),
        error["details"].as_str().unwrap_or_default()
    );
    assert!(
        words.contains(&*path.to_string_lossy()),
        "names the path: {error}"
    );
    assert!(words.contains(reason), "says {reason:?}: {error}");
}

const FULL: &str = "No space left on device";
const READ_ONLY: &str = "Read-only file system";

/// Writes until the kernel says no.
fn fill(folder: &Path) {
    let mut filler = File::create(folder.join("filler")).expect("there is room for an empty file");
    let full = loop {
        if let Err(error) = filler.write_all(&[b'x'; 512]) {
            break error;
        }
    };
    assert_eq!(full.kind(), ErrorKind::StorageFull);
}

#[test]
fn a_full_disk_refuses_add_keeps_what_is_there_and_lets_del_through() {
    let plugins = ours();
    let program = plugins.plugin("host-local");
    let volume = Volume::tmpfs("size=256k").expect("a tmpfs can be mounted");
    let config = two_families(volume.path());
    let network = volume.path().join("net");
    assert!(run(&program, "ADD", "c1", &config).is_ok());
    let before = store::files(&network).expect("readable");
    fill(volume.path());

    assert_clear(&run(&program, "ADD", "c2", &config), &network, FULL);
    assert_eq!(
        store::files(&network).expect("readable"),
        before,
        "a refused ADD leaves no trace"
    );
    assert!(run(&program, "CHECK", "c1", &config).is_ok());
    assert!(run(&program, "DEL", "c1", &config).is_ok(), "DEL needs no room");
    assert_eq!(store::reservations(&network).expect("readable").len(), 0);

    fs::remove_file(volume.path().join("filler")).expect("it is there");
    assert!(run(&program, "ADD", "c2", &config).is_ok());
}

#[test]
fn a_disk_without_free_inodes_refuses_add_and_leaves_no_half_pair() {
    let plugins = ours();
    let program = plugins.plugin("host-local");
    // Room for the directory, the lock, and little else: the second family of some ADD finds none.
    let volume = Volume::tmpfs("size=1m,nr_inodes=24").expect("a tmpfs can be mounted");
    let config = two_families(volume.path());
    let network = volume.path().join("net");
    let mut added = 0;
    let refused = loop {
        let answer = run(&program, "ADD", &format!("c{added}"), &config);
        if !answer.is_ok() {
            break answer;
        }
        added += 1;
        assert!(added < 24, "24 inodes cannot hold {added} pairs");
    };
    assert_clear(&refused, &network, FULL);
    let reservations = store::reservations(&network).expect("readable");
    assert_eq!(reservations.len(), added * 2, "{reservations:?}");
    for number in 0..added {
        assert!(run(&program, "DEL", &format!("c{number}"), &config).is_ok());
    }
    assert!(run(&program, "ADD", "again", &config).is_ok());
}

#[test]
fn a_read_only_directory_refuses_add_and_del_and_keeps_every_reservation() {
    let plugins = ours();
    let program = plugins.plugin("host-local");
    let mut volume = Volume::tmpfs("size=1m").expect("a tmpfs can be mounted");
    let config = two_families(volume.path());
    let network = volume.path().join("net");
    assert!(run(&program, "ADD", "c1", &config).is_ok());
    let before = store::files(&network).expect("readable");

    volume.set_read_only(true).expect("it can be remounted");
    for (verb, id) in [("ADD", "c2"), ("DEL", "c1")] {
        assert_clear(&run(&program, verb, id, &config), &network, READ_ONLY);
    }
    assert_eq!(store::files(&network).expect("readable"), before);

    volume.set_read_only(false).expect("it can be remounted");
    assert!(run(&program, "DEL", "c1", &config).is_ok());
    assert_eq!(store::reservations(&network).expect("readable").len(), 0);
}

#[test]
fn a_read_only_data_directory_without_the_network_refuses_add_and_needs_no_del() {
    let plugins = ours();
    let program = plugins.plugin("host-local");
    let mut volume = Volume::tmpfs("size=1m").expect("a tmpfs can be mounted");
    let config = two_families(volume.path());
    volume.set_read_only(true).expect("it can be remounted");
    let refused = run(&program, "ADD", "c1", &config);
    assert_clear(&refused, volume.path(), READ_ONLY);
    assert!(
        run(&program, "DEL", "c1", &config).is_ok(),
        "there is nothing to release"
    );
}
