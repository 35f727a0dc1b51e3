//! `release` and `gc`: they never take an address from somebody who is there.

use testkit::netns::Netns;

use crate::yard::Yard;

#[test]
fn an_address_whose_sandbox_is_alive_is_not_released() {
    let yard = Yard::new();
    let pod = Netns::new("alive").unwrap();
    yard.add(&yard.network("net", "10.0.0.0/29"), "container-one", pod.path());
    for name in ["10.0.0.2", "container-one", "contai"] {
        yard.say(&["release", name, "--yes"])
            .failed(1, &["10.0.0.2 in net", "is in use", "delete the pod"]);
    }
    assert_eq!(yard.reservations("net"), ["10.0.0.2"]);
    pod.delete().unwrap();
    assert_eq!(
        yard.say(&["release", "contai", "--yes"]).ok(),
        "released 10.0.0.2 in net (container-one eth0)\n"
    );
    assert_eq!(yard.reservations("net"), Vec::<String>::new());
}

#[test]
fn without_a_yes_nothing_is_released() {
    let yard = Yard::new();
    yard.put("net/10.0.0.2", "container-one\r\neth0");
    yard.say(&["release", "10.0.0.2"]).failed(
        1,
        &[
            "would release 10.0.0.2",
            "no network namespace was recorded",
            "--yes",
        ],
    );
    assert_eq!(yard.reservations("net"), ["10.0.0.2"]);
}

#[test]
fn a_name_that_means_several_things_releases_none() {
    let yard = Yard::new();
    yard.put("a/10.0.0.2", "container-one\r\neth0");
    yard.put("b/10.0.0.2", "container-two\r\neth0");
    yard.put("a/10.0.0.3", "container-one\r\nnet1");
    yard.say(&["release", "10.0.0.2", "--yes"])
        .failed(1, &["10.0.0.2 in a", "10.0.0.2 in b", "--network"]);
    yard.say(&["release", "container", "--yes"])
        .failed(1, &["write more of the id"]);
    yard.say(&["release", "cont", "--yes"])
        .failed(1, &["nothing is reserved for cont", "six characters"]);
    yard.say(&["release", "10.0.0.2", "--network", "b", "--yes"]).ok();
    assert_eq!(yard.reservations("b"), Vec::<String>::new());
    // All interfaces of one container.
    yard.say(&["release", "container-one", "--yes"]).ok();
    assert_eq!(yard.reservations("a"), Vec::<String>::new());
}

#[test]
fn files_that_no_del_removes_can_be_released() {
    let yard = Yard::new();
    yard.put("net/10.0.0.2", "who is this?");
    yard.put("net/10.0.0.3", "legacy-container");
    yard.say(&["release", "10.0.0.2", "--yes"]).ok();
    yard.say(&["release", "legacy-container", "--yes"]).ok();
    assert_eq!(yard.reservations("net"), Vec::<String>::new());
}

#[test]
fn gc_takes_what_is_certainly_abandoned_and_nothing_else() {
    let yard = Yard::new();
    let network = yard.network("net", "10.0.0.0/24");
    let [alive, gone] = ["gc-alive", "gc-gone"].map(|label| Netns::new(label).unwrap());
    yard.add(&network, "container-alive", alive.path());
    yard.add(&network, "container-gone", gone.path());
    yard.put("net/10.0.0.7", "container-unknown\r\neth0");
    yard.put("net/10.0.0.8", "");
    gone.delete().unwrap();
    // Young: the runtime may still be at work.
    let empty = "net 10.0.0.8 (torn)";
    assert_eq!(rows(&yard.say(&["gc", "--dry-run"]).ok()), [empty]);
    yard.age_records("net", 601);
    let before = yard.everything();
    let shown = yard.say(&["gc", "--dry-run"]).ok();
    assert_eq!(rows(&shown), ["net 10.0.0.3 container-gon", empty]);
    assert!(
        shown.ends_with("2 reservations would be released, 2 kept\n"),
        "{shown}"
    );
    let only_files = |all: std::collections::BTreeMap<std::path::PathBuf, Vec<u8>>| {
        all.into_iter()
            .filter(|(path, _)| !path.to_string_lossy().contains(".ipam-index"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        only_files(yard.everything()),
        only_files(before),
        "a dry run has changed something"
    );

    let done = yard.say(&["gc", "-o", "json"]).json();
    assert_eq!((&done["dryRun"], &done["kept"]), (&false.into(), &2.into()));
    assert_eq!(
        done["released"][0]["reservation"]["containerID"],
        "container-gone"
    );
    assert_eq!(yard.reservations("net"), ["10.0.0.2", "10.0.0.7"]);
    assert_eq!(yard.say(&["gc"]).ok(), "0 reservations released, 2 kept\n");
}

#[test]
fn gc_takes_what_is_older_than_the_machine_only_when_asked() {
    let yard = Yard::new();
    yard.put("net/10.0.0.2", "container-old\r\neth0");
    yard.put("net/10.0.0.3", "container-new\r\neth0");
    yard.put("net/127.0.0.1", "container-alive\r\neth0");
    for name in ["10.0.0.2", "127.0.0.1"] {
        let file = std::fs::File::open(yard.data().join("net").join(name)).unwrap();
        let epoch = std::time::SystemTime::UNIX_EPOCH;
        file.set_times(std::fs::FileTimes::new().set_modified(epoch))
            .unwrap();
    }
    assert_eq!(yard.say(&["gc"]).ok(), "0 reservations released, 3 kept\n");
    assert_eq!(
        rows(&yard.say(&["gc", "--before-boot"]).ok()),
        ["net 10.0.0.2 container-old"]
    );
    assert_eq!(
        yard.reservations("net"),
        ["10.0.0.3", "127.0.0.1"],
        "the address in use stays"
    );
}

/// The first three cells of the rows.
fn rows(table: &str) -> Vec<String> {
    let rows = table
        .lines()
        .skip_while(|line| !line.starts_with("NETWORK"))
        .skip(1);
    let rows = rows.take_while(|line| !line.contains(" released"));
    rows.map(|row| row.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
        .collect()
}
