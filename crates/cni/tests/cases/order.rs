//! §8.4 Allocation order and files.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::world::{Call, Outcome, World, names, s, sets, subnet};

const LAST: &str = "last_reserved_ip.0";

/// The reference, from the Debian package containernetworking-plugins.
const REFERENCE: &str = "/usr/lib/cni/host-local";

fn with_last(last: &str) -> World {
    let world = World::new();
    world.put(LAST, last);
    world
}

#[track_caller]
fn first(world: &World, address: &str) {
    assert_eq!(world.add(s()).addresses(), [address]);
}

fn duplicate(address: &str) -> String {
    format!(
        "failed to allocate for range 0: {address} has been allocated to c1, duplicate allocation is not allowed"
    )
}

/// The ADDs of many containers, all of which wait for the lock before the first of them gets it; every second call may
/// be of another program.
fn parallel(world: &World, given: &Value, count: usize, program: Option<&str>) -> BTreeSet<String> {
    let call = |n: usize| {
        let call = world.call(given.clone()).id(&format!("c{n}"));
        match program {
            Some(program) if n % 2 == 1 => call.program(program),
            _ => call,
        }
    };
    let (held, lock) = world.hold_lock();
    let start = |call: Call| (call.version_of_errors(), call.start());
    let running: Vec<_> = (0..count).map(|n| start(call(n))).collect();
    for (_, child) in &running {
        until_it_has_open(&lock, child.id());
    }
    assert!(world.addresses().is_empty(), "nobody has begun");
    drop(held);
    let ended = running
        .into_iter()
        .map(|(version, child)| Outcome::of(child, version));
    ended.flat_map(|outcome| outcome.addresses()).collect()
}

/// Waits until a process has opened this file: what is left for it to do is to wait for the lock on it.
fn until_it_has_open(file: &Path, pid: u32) {
    let end = Instant::now() + Duration::from_secs(20);
    let folder = Path::new("/proc").join(pid.to_string()).join("fd");
    let is_open = || {
        let open = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        open.filter_map(|entry| std::fs::read_link(entry.path()).ok())
            .any(|target| target == file)
    };
    while !is_open() {
        assert!(
            Instant::now() < end,
            "process {pid} never opened {}",
            file.display()
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn case_63() {
    let world = World::new();
    world.add(s()).ok(&["10.0.0.2/29>10.0.0.1"]);
    world.assert_held("10.0.0.2", "c1", "eth0");
    assert_eq!(world.file(LAST).as_deref(), Some("10.0.0.2"));
    assert_eq!(world.file("lock").as_deref(), Some(""));
    assert_eq!(names(&world.net()), ["10.0.0.2", LAST, "lock"]);
    for (name, mode) in [("10.0.0.2", 0o600), (LAST, 0o600), ("lock", 0o750), (".", 0o755)] {
        let found = std::fs::metadata(world.net().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(found & 0o777, mode, "{name}: {found:o}");
    }
}

#[test]
fn case_64() {
    let world = with_last("10.0.0.4");
    first(&world, "10.0.0.5");
    assert_eq!(world.file(LAST).as_deref(), Some("10.0.0.5"));
}

#[test]
fn case_65() {
    first(&with_last("10.0.0.6"), "10.0.0.2");
}

#[test]
fn case_66() {
    for last in ["10.9.0.4", "blah", "", "10.0.0.4\n", " 10.0.0.4"] {
        first(&with_last(last), "10.0.0.2");
    }
}

#[test]
fn case_67() {
    let world = with_last("10.0.0.4");
    for (i, taken) in ["10.0.0.5", "10.0.0.6", "10.0.0.2", "10.0.0.3"]
        .iter()
        .enumerate()
    {
        world.reserve(taken, &format!("other{i}"), "eth0");
    }
    first(&world, "10.0.0.4");
}

#[test]
fn case_68() {
    let world = with_last("10.1.0.3");
    let given = json!({"ranges": [[{"subnet": "10.0.0.0/30"}, {"subnet": "10.1.0.0/29"}]]});
    let expected = [
        "10.1.0.4", "10.1.0.5", "10.1.0.6", "10.0.0.2", "10.1.0.2", "10.1.0.3",
    ];
    for (n, address) in expected.iter().enumerate() {
        let found = world.call(given.clone()).id(&format!("c{n}")).run();
        assert_eq!(found.addresses(), [*address]);
    }
}

#[test]
fn case_69() {
    let world = World::new();
    std::fs::create_dir_all(world.net().join("10.0.0.2")).unwrap();
    first(&world, "10.0.0.3");
    // So does a symbolic link that leads nowhere.
    std::os::unix::fs::symlink("nowhere", world.net().join("10.0.0.4")).unwrap();
    assert_eq!(world.call(s()).id("c2").run().addresses(), ["10.0.0.5"]);
}

#[test]
fn case_70() {
    let world = World::new();
    world.put("10.0.0.2", "");
    first(&world, "10.0.0.2");
    world.assert_held("10.0.0.2", "c1", "eth0");
}

#[test]
fn case_71() {
    let world = World::new();
    world.put("10.0.0.2", "whatever");
    first(&world, "10.0.0.3");
    assert_eq!(world.file("10.0.0.2").as_deref(), Some("whatever"));
}

#[test]
fn case_72() {
    let world = World::new();
    first(&world, "10.0.0.2");
    world.add(s()).err(999, &duplicate("10.0.0.2"));
    world.assert_held("10.0.0.2", "c1", "eth0");
    assert_eq!(names(&world.net()), ["10.0.0.2", LAST, "lock"]);
    assert_eq!(world.file(LAST).as_deref(), Some("10.0.0.2"));
}

#[test]
fn case_73() {
    let world = World::new();
    first(&world, "10.0.0.2");
    assert_eq!(
        world.call(s()).env("CNI_IFNAME", "net1").run().addresses(),
        ["10.0.0.3"]
    );
}

#[test]
fn case_74() {
    let world = World::new();
    world.put("10.0.0.3", "c1");
    world.add(s()).err(999, &duplicate("10.0.0.3"));
}

#[test]
fn case_75() {
    let world = World::new();
    world.reserve("10.9.0.3", "c1", "eth0");
    first(&world, "10.0.0.2");
}

#[test]
fn case_76() {
    let world = World::new();
    world.put("10.0.0.3", "c1\r\neth0\r\n   ");
    world.add(s()).err(999, &duplicate("10.0.0.3"));
}

#[test]
fn case_77() {
    let world = World::new();
    world.put("10.0.0.3", "c1\neth0");
    first(&world, "10.0.0.2");
    world.call(s()).command("DEL").run().silent();
    assert_eq!(world.file("10.0.0.3").as_deref(), Some("c1\neth0"));
    assert_eq!(world.addresses(), ["10.0.0.3"]);
}

#[test]
fn case_78() {
    let world = World::new();
    world.reserve("fd00::2", "other", "eth0");
    let given = json!({
        "ranges": [
            [{"subnet": "10.0.0.0/29"}],
            [{"subnet": "fd00::/126", "rangeStart": "fd00::2", "rangeEnd": "fd00::2"}],
        ],
    });
    let msg = "failed to allocate for range 1: no IP addresses available in range set: fd00::2-fd00::2";
    world.add(given).err(999, msg);
    assert_eq!(world.addresses(), ["fd00::2"]);
}

#[test]
fn case_79() {
    let world = World::new();
    let found = parallel(&world, &subnet("10.0.0.0/22"), 64, None);
    assert_eq!(found.len(), 64, "{found:?}");
    assert_eq!(world.addresses().len(), 64);
}

#[test]
fn case_80() {
    assert!(
        Path::new(REFERENCE).exists(),
        "{REFERENCE} is missing: apt-get install containernetworking-plugins"
    );
    let world = World::new();
    let found = parallel(&world, &sets(&["10.0.0.0/22"]), 64, Some(REFERENCE));
    assert_eq!(found.len(), 64, "{found:?}");
    assert_eq!(world.addresses().len(), 64);
    // Each program releases what the other reserved.
    for n in 0..64 {
        let call = world
            .call(sets(&["10.0.0.0/22"]))
            .command("DEL")
            .id(&format!("c{n}"));
        let call = if n % 2 == 0 { call.program(REFERENCE) } else { call };
        call.run().silent();
    }
    assert!(world.addresses().is_empty());
}
