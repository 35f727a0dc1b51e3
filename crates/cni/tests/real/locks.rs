//! The lock, held by others (spec §4.3): by a process that died, for a moment, and for longer than anybody waits.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use testkit::cni::{Call, PluginDir, store};

use crate::{config, ours};

/// How long a call waits for the lock (spec §4.3).
const LIMIT: Duration = Duration::from_secs(30);

/// Between two looks at a process.
const POLL: Duration = Duration::from_millis(5);

/// A network directory with a lock file in it.
struct Ground {
    plugins: PluginDir,
    data: tempfile::TempDir,
}

impl Ground {
    fn new() -> Self {
        let ground = Self {
            plugins: ours(),
            data: tempfile::tempdir().expect("a temporary folder can be made"),
        };
        fs::create_dir(ground.network()).expect("the folder is new");
        File::create(ground.lock()).expect("the folder is new");
        ground
    }

    fn network(&self) -> PathBuf {
        self.data.path().join("net")
    }

    fn lock(&self) -> PathBuf {
        self.network().join("lock")
    }

    fn call(&self, verb: &str) -> Call {
        let config = config(self.data.path(), &json!({"subnet": "10.0.0.0/24"}));
        Call::new(self.plugins.plugin("host-local"), verb).config(&config)
    }
}

/// The lock as the reference takes it: flock(2), exclusive.
fn hold(lock: &Path) -> File {
    let file = File::open(lock).expect("the lock file is there");
    file.lock().expect("nobody else holds it");
    file
}

#[test]
fn the_lock_of_a_dead_process_is_nobodys() {
    let ground = Ground::new();
    let script = "exec 9<\"$1\" && flock 9 && echo held && read never";
    let mut holder = Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(ground.lock())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell is there");
    let mut line = String::new();
    BufReader::new(holder.stdout.take().expect("it is piped"))
        .read_line(&mut line)
        .expect("it speaks");
    assert_eq!(line, "held\n");
    let held = File::open(ground.lock()).expect("it is there");
    assert!(held.try_lock().is_err(), "the holder holds it");
    holder.kill().expect("it runs");
    holder.wait().expect("it was killed");

    let started = Instant::now();
    let answer = ground.call("ADD").run().expect("the plugin can be started");
    assert!(answer.is_ok(), "{answer:?}");
    assert!(started.elapsed() < LIMIT, "it waited for a dead process");
}

#[test]
fn a_call_waits_its_turn_and_is_quick_to_take_it() {
    let ground = Ground::new();
    let held = hold(&ground.lock());
    let mut waiting = ground.call("ADD").spawn().expect("the plugin can be started");
    until_it_waits_for(&ground.lock(), waiting.pid());
    assert!(waiting.has_ended().expect("the kernel knows").is_none());
    drop(held);
    let started = Instant::now();
    let answer = waiting.wait().expect("it ends");
    assert!(answer.is_ok(), "{answer:?}");
    assert!(
        started.elapsed() < LIMIT / 3,
        "it slept on: {:?}",
        started.elapsed()
    );
}

/// Waits until a process has opened the lock file: what is left for it to do is to wait.
fn until_it_waits_for(lock: &Path, pid: u32) {
    let end = Instant::now() + Duration::from_secs(10);
    let folder = Path::new("/proc").join(pid.to_string()).join("fd");
    loop {
        let open = fs::read_dir(&folder).into_iter().flatten().flatten();
        if open
            .filter_map(|entry| fs::read_link(entry.path()).ok())
            .any(|target| target == lock)
        {
            return;
        }
        assert!(Instant::now() < end, "process {pid} never opened the lock");
        std::thread::sleep(POLL);
    }
}

#[test]
fn the_wait_for_a_live_process_ends_after_thirty_seconds_with_a_transient_error() {
    let ground = Ground::new();
    fs::write(ground.network().join("10.0.0.9"), store::content("c1", "net1")).expect("writable");
    let before = store::files(&ground.network()).expect("readable");
    let held = hold(&ground.lock());
    // Side by side, so that the limit is waited for once.
    let verbs = ["ADD", "DEL", "CHECK"];
    let started = Instant::now();
    let waiting: Vec<_> = verbs
        .iter()
        .map(|verb| (verb, ground.call(verb).spawn().expect("it starts")))
        .collect();
    for (verb, mut running) in waiting {
        while running.has_ended().expect("the kernel knows").is_none() {
            assert!(started.elapsed() < LIMIT * 2, "{verb} waits for ever");
            std::thread::sleep(POLL);
        }
        let answer = running.wait().expect("it has ended");
        let took = started.elapsed();
        let error = answer.error().expect("an error object");
        assert_eq!(error["code"], 11, "{verb}: {error}");
        assert!(
            took > LIMIT / 2 && took < LIMIT * 3 / 2,
            "{verb} gave up after {took:?}"
        );
    }
    assert_eq!(store::files(&ground.network()).expect("readable"), before);
    drop(held);
    assert!(ground.call("ADD").run().expect("it starts").is_ok());
}
