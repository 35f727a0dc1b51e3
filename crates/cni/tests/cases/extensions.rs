//! What goes beyond the replaced plugin (§11), end to end; and what the numbered cases do not say about failures.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::world::{Call, World, names, s};

/// `S` with further members.
fn s_with(more: Value) -> Value {
    let mut given = s();
    given
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    given
}

fn reclaiming() -> Value {
    s_with(json!({"reclaimOnBoot": true, "reclaimOnExhaustion": true}))
}

fn fill(world: &World) {
    for n in 2..=6 {
        world.reserve(&format!("10.0.0.{n}"), &format!("other{n}"), "eth0");
    }
}

fn beside(world: &World, name: &str) -> std::path::PathBuf {
    world.data.join(".ipam-index/net").join(name)
}

/// The binary on a machine that has an identity, in a mount namespace: an `/etc` with nothing but that.
fn machine(world: &World) -> String {
    let etc = world.data.with_file_name("etc");
    fs::create_dir(&etc).unwrap();
    fs::write(etc.join("machine-id"), "0123456789abcdef0123456789abcdef\n").unwrap();
    let text = format!(
        "exec /usr/bin/unshare --mount --propagation private /bin/sh -ec \
         '/bin/mount --bind \"$1\" /etc; exec \"$0\"' '{}' '{}'",
        world.bin().display(),
        etc.display()
    );
    world.script("machine", &text).to_str().unwrap().to_owned()
}

#[test]
fn a_reboot_frees_what_is_older_but_only_where_asked() {
    let world = World::new();
    let machine = machine(&world);
    let call = |given: Value| world.call(given).program(&machine);
    call(reclaiming()).run().ok(&["10.0.0.2/29>10.0.0.1"]);
    let file = fs::File::options()
        .write(true)
        .open(world.net().join("10.0.0.2"))
        .unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let record = fs::read_to_string(beside(&world, "boot")).unwrap();
    let (machine, _) = record.split_once(' ').unwrap();
    fs::write(beside(&world, "boot"), format!("{machine} earlier\n")).unwrap();

    call(s()).id("c2").run().ok(&["10.0.0.3/29>10.0.0.1"]);
    assert_eq!(world.addresses(), ["10.0.0.2", "10.0.0.3"], "not asked for");
    call(reclaiming()).id("c3").run().ok(&["10.0.0.4/29>10.0.0.1"]);
    assert_eq!(world.addresses(), ["10.0.0.3", "10.0.0.4"]);
    assert_eq!(fs::read_to_string(beside(&world, "boot")).unwrap(), record);
}

#[test]
fn a_full_range_frees_what_has_lost_its_namespace_but_only_where_asked() {
    let world = World::new();
    let netns = world.data.join("netns");
    // A namespace that is not the own network namespace, at a path that can go away.
    std::os::unix::fs::symlink("/proc/self/ns/uts", &netns).unwrap();
    world
        .call(reclaiming())
        .env("CNI_NETNS", &netns)
        .run()
        .ok(&["10.0.0.2/29>10.0.0.1"]);
    for n in 3..=6 {
        world.reserve(&format!("10.0.0.{n}"), &format!("other{n}"), "eth0");
    }
    fs::remove_file(&netns).unwrap();
    let full = "failed to allocate for range 0: no IP addresses available in range set: 10.0.0.1-10.0.0.6";
    world.call(reclaiming()).id("c2").run().err(999, full);

    let record = fs::read_to_string(beside(&world, "namespaces")).unwrap();
    let mut words: Vec<&str> = record.trim_end().split(' ').collect();
    words[6] = "1000000000";
    fs::write(beside(&world, "namespaces"), words.join(" ") + "\n").unwrap();
    world.call(s()).id("c2").run().err(999, full);
    world
        .call(reclaiming())
        .id("c2")
        .run()
        .ok(&["10.0.0.2/29>10.0.0.1"]);
    world.assert_held("10.0.0.2", "c2", "eth0");
}

#[test]
fn a_repeated_add_may_be_idempotent() {
    let world = World::new();
    let given = s_with(json!({"idempotentAdd": true}));
    for _ in 0..2 {
        world.call(given.clone()).run().ok(&["10.0.0.2/29>10.0.0.1"]);
    }
    assert_eq!(world.addresses(), ["10.0.0.2"]);
}

#[test]
fn released_addresses_may_rest() {
    let world = World::new();
    let given = s_with(json!({"cooldown": 3600, "rangeEnd": "10.0.0.3"}));
    world.call(given.clone()).run().ok(&["10.0.0.2/29>10.0.0.1"]);
    world.call(given.clone()).command("DEL").run().silent();
    world.put("last_reserved_ip.0", "10.0.0.3");
    world.call(given.clone()).run().ok(&["10.0.0.3/29>10.0.0.1"]);
    // Better than none.
    world.call(given).id("c2").run().ok(&["10.0.0.2/29>10.0.0.1"]);
}

#[test]
fn small_subnets_excluded_addresses_no_gateway_and_sync() {
    let world = World::new();
    let given = json!({"subnet": "10.0.0.0/31", "allowSmall": true, "gateway": "none", "sync": true});
    let expected = json!({"cniVersion": "1.0.0", "ips": [{"address": "10.0.0.0/31"}]});
    world.add(given).result(&expected);
    let world = World::new();
    let given = s_with(json!({"exclude": ["10.0.0.2-10.0.0.4"]}));
    world.add(given).ok(&["10.0.0.5/29>10.0.0.1"]);
}

#[test]
fn a_result_nobody_can_read_is_undone() {
    let world = World::new();
    let output = fs::File::options().write(true).open("/dev/full").unwrap();
    let status = undone(&world.call(s()), output.into());
    assert_eq!(status, Some(1));
    assert!(world.addresses().is_empty());
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = undone(&world.call(s()), writer.into());
    assert_eq!(status, Some(1), "a broken pipe is an error, not a signal");
    assert!(world.addresses().is_empty());
}

fn undone(call: &Call, stdout: Stdio) -> Option<i32> {
    let mut command: Command = call.command_line();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(stdout)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), call.text().as_bytes()).unwrap();
    child.wait().unwrap().code()
}

#[test]
fn endless_input_is_refused_without_reading_it() {
    let world = World::new();
    let call = world.call(s());
    let mut command = call.command_line();
    let zero = fs::File::open("/dev/zero").unwrap();
    let output = command.stdin(zero).stdout(Stdio::piped()).output().unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (output.status.code(), &found["code"]),
        (Some(1), &json!(5)),
        "{found}"
    );
}

#[test]
fn what_cannot_be_used_as_a_directory_is_an_error_and_nothing_else() {
    let world = World::new();
    fs::write(world.net(), "").unwrap();
    world.add(s()).failed(999);
    world.call(s()).command("DEL").run().failed(999);
    world
        .call(s())
        .command("STATUS")
        .version("1.1.0")
        .run()
        .failed(50);
    assert_eq!(names(&world.data), ["net"]);

    let world = World::new();
    fs::create_dir_all(world.net().join("lock")).unwrap();
    world.add(s()).failed(999);
    assert!(world.addresses().is_empty());
}

#[test]
fn a_failure_half_way_leaves_nothing() {
    let world = World::new();
    // `last_reserved_ip.1` cannot be written: the address of the first set is given back.
    fs::create_dir_all(world.net().join("last_reserved_ip.1")).unwrap();
    let given = json!({"ranges": [[{"subnet": "10.0.0.0/29"}], [{"subnet": "fd00::/64"}]]});
    world.add(given).failed(999);
    assert!(world.addresses().is_empty());
}

#[test]
fn things_that_are_no_files_do_no_harm() {
    let world = World::new();
    world.add(s()).ok(&["10.0.0.2/29>10.0.0.1"]);
    let fifo = world.net().join("10.0.0.3");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let link = world.net().join("10.0.0.4");
    std::os::unix::fs::symlink(world.net().join("10.0.0.2"), &link).unwrap();
    fs::write(world.net().join("10.0.0.6"), vec![b'x'; 1 << 20]).unwrap();
    world.call(s()).id("c2").run().ok(&["10.0.0.5/29>10.0.0.1"]);
    world.call(s()).command("CHECK").run().silent();
    world.call(s()).command("DEL").run().silent();
    let gc = world
        .call(s())
        .command("GC")
        .version("1.1.0")
        .with("cni.dev/valid-attachments", json!([]));
    gc.run().silent();
    assert_eq!(
        world.addresses(),
        ["10.0.0.3", "10.0.0.4"],
        "neither is a reservation"
    );
}

#[test]
fn reservations_are_for_root_only_whatever_the_mask() {
    let world = World::new();
    let mut command = Command::new("sh");
    let call = world.call(s());
    let line = call.command_line();
    command
        .args(["-c", "umask 0; exec \"$0\""])
        .arg(line.get_program())
        .env_clear();
    command.envs(line.get_envs().filter_map(|(key, value)| Some((key, value?))));
    let mut child = command
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), call.text().as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    let mode = fs::metadata(world.net().join("10.0.0.2"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn status_tells_a_full_range_from_one_that_can_be_served() {
    let world = World::new();
    fill(&world);
    let status = |given: Value| world.call(given).command("STATUS").version("1.1.0").run();
    status(s()).failed(50);
    status(json!({"subnet": "10.0.0.0/28"})).silent();
    assert!(!world.net().join("lock").exists(), "STATUS takes no lock");
}
