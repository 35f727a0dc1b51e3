//! The reference and we on one live directory: during a rolling upgrade both run at the same time (spec §13, case 80).

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};
use testkit::cni::{Answer, Call, Dice, is_long, store};

use crate::{config, crowd::Books, ours, theirs};

/// Runtimes at work at once.
const HANDS: usize = 4;

/// A stage of an upgrade: which programs run.
#[derive(Clone, Copy, Debug)]
enum Stage {
    Theirs,
    Both,
    Ours,
}

/// A directory shared by everybody.
struct Node {
    theirs: PathBuf,
    ours: PathBuf,
    data: tempfile::TempDir,
    config: Value,
    books: Books,
    added: AtomicUsize,
    full: AtomicUsize,
    forgotten: AtomicUsize,
}

impl Node {
    fn call(&self, stage: Stage, dice: &mut Dice, verb: &str, id: &str) -> Answer {
        let program = match stage {
            Stage::Theirs => &self.theirs,
            Stage::Ours => &self.ours,
            Stage::Both if dice.once_in(2) => &self.theirs,
            Stage::Both => &self.ours,
        };
        let call = Call::new(program, verb).id(id).config(&self.config);
        call.run().expect("the plugin can be started")
    }

    fn network(&self) -> PathBuf {
        self.data.path().join("net")
    }

    /// One runtime: adds, checks and removes containers of its own.
    fn work(&self, stage: Stage, mut dice: Dice, operations: usize, alive: &mut Vec<String>) {
        for _ in 0..operations {
            if dice.once_in(50) {
                self.forget();
            }
            match dice.below(10) {
                0..5 => {
                    let id = format!("c{}", self.added.fetch_add(1, Ordering::Relaxed));
                    let answer = self.call(stage, &mut dice, "ADD", &id);
                    if self.admitted(&id, &answer) {
                        alive.push(id);
                    }
                }
                5..9 if !alive.is_empty() => {
                    let id = alive.swap_remove(dice.place(alive.len()));
                    self.books.withdraw(&id);
                    let answer = self.call(stage, &mut dice, "DEL", &id);
                    assert!(
                        answer.is_ok() && answer.stdout().is_empty(),
                        "DEL {id}: {answer:?}"
                    );
                }
                _ if !alive.is_empty() => {
                    let id = &alive[dice.place(alive.len())];
                    let answer = self.call(stage, &mut dice, "CHECK", id);
                    assert!(answer.is_ok(), "CHECK {id}: {answer:?}");
                }
                _ => {}
            }
        }
    }

    /// Deletes the index, which may be gone at any time, while others use it.
    fn forget(&self) {
        match fs::remove_dir_all(self.data.path().join(".ipam-index")) {
            Ok(()) => drop(self.forgotten.fetch_add(1, Ordering::Relaxed)),
            // Another hand was faster, or a plugin has just written into it.
            Err(error) => assert!(
                matches!(error.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty),
                "{error}"
            ),
        }
    }

    /// Books an ADD; false when there was no address left, the only excuse.
    fn admitted(&self, id: &str, answer: &Answer) -> bool {
        if answer.is_ok() {
            let addresses = answer.addresses().expect("a result");
            assert_eq!(addresses.len(), 2, "one per family: {answer:?}");
            self.books.grant(id, &addresses);
            return true;
        }
        let error = answer.error().expect("an error object");
        let msg = error["msg"].as_str().unwrap_or_default();
        assert!(
            msg.contains("no IP addresses available in range set: "),
            "ADD {id}: {answer:?}"
        );
        self.full.fetch_add(1, Ordering::Relaxed);
        false
    }

    /// Everybody works; afterwards the directory holds exactly what the books say.
    fn stage(&self, stage: Stage, dice: &mut Dice, operations: usize, alive: &mut [Vec<String>]) {
        thread::scope(|scope| {
            for alive in alive.iter_mut() {
                let dice = dice.fork();
                scope.spawn(move || self.work(stage, dice, operations / HANDS, alive));
            }
        });
        let found = store::reservations(&self.network()).expect("the directory can be read");
        assert_eq!(found, self.books.expected(), "after {stage:?}");
        self.only_known_files();
    }

    /// The reference reads everything in this directory: nothing of ours may be in it (spec §14 trap 1).
    fn only_known_files(&self) {
        let files = store::files(&self.network()).expect("the directory can be read");
        let known = |name: &str| {
            name == "lock"
                || name.starts_with("last_reserved_ip.")
                || name.parse::<std::net::IpAddr>().is_ok()
        };
        let foreign: Vec<_> = files.keys().filter(|name| !known(name)).collect();
        assert!(foreign.is_empty(), "not files of host-local: {foreign:?}");
    }
}

fn node(ours: &Path, ranges: &Value) -> Node {
    let data = tempfile::tempdir().expect("a temporary folder can be made");
    let config = config(data.path(), &json!({"ranges": ranges}));
    Node {
        theirs: theirs(),
        ours: ours.to_owned(),
        data,
        config,
        books: Books::default(),
        added: AtomicUsize::new(0),
        full: AtomicUsize::new(0),
        forgotten: AtomicUsize::new(0),
    }
}

/// Upgrade, downgrade and upgrade again on a directory in use; small enough that it fills up now and then.
#[test]
fn both_share_a_directory_through_upgrade_and_downgrade() {
    let plugins = ours();
    let node = node(
        &plugins.plugin("host-local"),
        &json!([[{"subnet": "10.0.0.0/27"}, {"subnet": "10.0.1.0/28"}], [{"subnet": "fd00::/64"}]]),
    );
    let mut dice = Dice::seeded("interoperation");
    let operations = if is_long() { 10_000 } else { 1_000 };
    let stages = [
        Stage::Theirs,
        Stage::Both,
        Stage::Ours,
        Stage::Both,
        Stage::Theirs,
    ];
    let mut alive = vec![Vec::new(); HANDS];
    for stage in stages {
        // Most of the operations belong to the time when both run.
        let share = if matches!(stage, Stage::Both) { 3 } else { 1 };
        node.stage(stage, &mut dice, operations * share / 9, &mut alive);
    }
    for id in alive.iter().flatten() {
        node.books.withdraw(id);
        assert!(node.call(Stage::Both, &mut dice, "DEL", id).is_ok());
    }
    assert_eq!(store::reservations(&node.network()).expect("readable").len(), 0);
    let forgotten = node.forgotten.load(Ordering::Relaxed);
    assert!(forgotten > 0, "the index was never deleted");
    eprintln!(
        "interoperation: {} ADDs found the range full, the index was deleted {forgotten} times",
        node.full.load(Ordering::Relaxed)
    );
}

/// Case 80: 32 processes of each, at once.
#[test]
fn case_80_thirty_two_of_each_at_once_get_sixty_four_addresses() {
    let plugins = ours();
    let node = node(
        &plugins.plugin("host-local"),
        &json!([[{"subnet": "10.0.0.0/24"}], [{"subnet": "fd00::/64"}]]),
    );
    thread::scope(|scope| {
        for number in 0..64 {
            let node = &node;
            scope.spawn(move || {
                let stage = if number % 2 == 0 {
                    Stage::Theirs
                } else {
                    Stage::Ours
                };
                let id = format!("c{number}");
                let answer = node.call(stage, &mut Dice::seeded("case 80"), "ADD", &id);
                assert!(node.admitted(&id, &answer), "a /24 has room for all: {answer:?}");
            });
        }
    });
    let found = store::reservations(&node.network()).expect("readable");
    assert_eq!(found.len(), 128);
    assert_eq!(found, node.books.expected());
}
