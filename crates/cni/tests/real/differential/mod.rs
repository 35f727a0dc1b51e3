//! The same calls to the reference and to us, on directories that start alike: same exit status, same document, same
//! files, except where spec §12 says otherwise ([`deviation::Deviation`]).

mod compare;
mod deviation;
mod directory;
mod scenario;
mod step;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use testkit::cni::{Answer, Dice, is_long};

use self::compare::difference;
use self::deviation::Deviation;
use self::directory::Directory;
use self::scenario::scenario;
use self::step::{Scenario, Step};
use crate::{ours, theirs};

/// What happened, to know that enough of it did.
#[derive(Debug, Default)]
struct Seen {
    /// How often each deviation was met.
    deviations: BTreeMap<Deviation, u32>,
    /// How often each command succeeded on both sides alike.
    successes: BTreeMap<String, u32>,
}

impl Seen {
    fn deviation(&mut self, deviation: Deviation) {
        *self.deviations.entry(deviation).or_default() += 1;
    }

    /// A comparison of errors alone would prove little: so many of each command must have worked, per scenario.
    fn assert_enough(&self, cases: u32) {
        for (verb, per_hundred) in [("ADD", 80), ("DEL", 60), ("CHECK", 8)] {
            let found = self.successes.get(verb).copied().unwrap_or_default();
            let enough = cases * per_hundred / 100;
            assert!(
                found >= enough,
                "{found} {verb} of {cases} scenarios worked, not {enough}"
            );
        }
        if is_long() {
            let missed: Vec<_> = Deviation::ALL
                .iter()
                .filter(|deviation| !self.deviations.contains_key(deviation))
                .collect();
            assert!(missed.is_empty(), "never met: {missed:?}");
        }
    }
}

/// Two data directories and the programs that work on them.
struct Pair {
    ours: Side,
    theirs: Side,
    resolv: PathBuf,
    _folder: tempfile::TempDir,
}

struct Side {
    program: PathBuf,
    data: PathBuf,
    network: Directory,
}

impl Side {
    fn new(program: PathBuf, data: PathBuf) -> Self {
        let network = Directory::new(data.join("net"));
        Self {
            program,
            data,
            network,
        }
    }

    fn run(&self, step: &Step, resolv: &Path) -> Result<Answer, String> {
        let answer = step.call(&self.program, &self.data, resolv).run();
        answer.map_err(|error| format!("{error:#}"))
    }
}

impl Pair {
    fn new(ours: &Path, theirs: &Path, start: &Scenario) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let resolv = folder.path().join("resolv.conf");
        fs::write(&resolv, scenario::RESOLV_CONF).expect("the folder is new");
        let side = |name, program: &Path| Side::new(program.to_owned(), folder.path().join(name));
        let pair = Self {
            ours: side("ours", ours),
            theirs: side("theirs", theirs),
            resolv,
            _folder: folder,
        };
        for side in [&pair.ours, &pair.theirs] {
            side.network.fill(&start.before);
        }
        pair
    }

    /// One call on both sides.
    ///
    /// # Errors
    /// What differs although it should not.
    fn step(&self, step: &Step, seen: &mut Seen) -> Result<(), String> {
        let before = self.ours.network.read();
        let mut expected = Deviation::of(step);
        let theirs = self.theirs.run(step, &self.resolv)?;
        let ours = self.ours.run(step, &self.resolv)?;
        let words = format!("\nstep {step:?}\nbefore {before:?}\ntheirs {theirs:?}\nours   {ours:?}");
        if let Some(deviation) = expected.find(|deviation| deviation.shows(step, &before, &theirs, &ours)) {
            seen.deviation(deviation);
            deviation
                .justify(step, &ours, &before, &self.ours.network.read())
                .map_err(|why| format!("{deviation:?}: {why}{words}"))?;
            self.theirs.network.become_copy_of(&self.ours.network);
            return Ok(());
        }
        if let Some(what) = difference(&theirs, &ours, &self.theirs.data, &self.ours.data) {
            return Err(format!("{what}{words}"));
        }
        if ours.is_ok() {
            *seen.successes.entry(step.verb.clone()).or_default() += 1;
        }
        self.files(step, &ours, &before, seen)
            .map_err(|what| format!("{what}{words}"))
    }

    /// The files after a call that both answered alike.
    fn files(
        &self,
        step: &Step,
        ours: &Answer,
        before: &directory::Files,
        seen: &mut Seen,
    ) -> Result<(), String> {
        let mine = self.ours.network.read();
        let yours = self.theirs.network.read();
        if step.verb != "ADD" || ours.is_ok() {
            let also_legacy = || step.verb == "DEL" && yours.is_without_legacy_of(&mine, &step.id);
            if mine == yours {
                return Ok(());
            } else if !also_legacy() {
                return Err(format!("the files differ: theirs {yours:?}, ours {mine:?}"));
            }
            let deviation = Deviation::LegacyOnlyWithoutOwn;
            seen.deviation(deviation);
            self.theirs.network.become_copy_of(&self.ours.network);
            return deviation.justify(step, ours, before, &mine);
        }
        // `last_reserved_ip.*` after a failed ADD is unspecified (spec §4.4), reservations are not (§4.5).
        if mine.reserved() != before.reserved() {
            return Err(format!("a failed ADD changed reservations to {mine:?}"));
        }
        if yours.reserved() != before.reserved() {
            if before.of(&step.id, &step.ifname).is_empty() {
                return Err(format!("the reference changed reservations of others: {yours:?}"));
            }
            seen.deviation(Deviation::ExactRollBack);
        }
        self.theirs.network.become_copy_of(&self.ours.network);
        Ok(())
    }
}

fn play(start: &Scenario, ours: &Path, theirs: &Path, seen: &mut Seen) -> Result<(), String> {
    let pair = Pair::new(ours, theirs, start);
    start.steps.iter().enumerate().try_for_each(|(number, step)| {
        pair.step(step, seen)
            .map_err(|what| format!("call {number}: {what}"))
    })
}

#[test]
fn the_same_calls_give_the_same_answers_and_files() {
    let mut seed = [0; 32];
    let mut dice = Dice::seeded("differential");
    for eight in seed.chunks_mut(8) {
        eight.copy_from_slice(&dice.throw().to_le_bytes());
    }
    let cases = if is_long() { 4_000 } else { 250 };
    let settings = Config {
        cases,
        failure_persistence: None,
        max_shrink_time: 30_000,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(settings, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let (plugins, theirs) = (ours(), theirs());
    let ours = plugins.plugin("host-local");
    let seen = std::cell::RefCell::new(Seen::default());
    let result = runner.run(&scenario(), |start| {
        play(&start, &ours, &theirs, &mut seen.borrow_mut()).map_err(TestCaseError::fail)
    });
    match result {
        Ok(()) => {
            let seen = seen.into_inner();
            eprintln!("deviations of spec §12 that were met, and what worked: {seen:?}");
            seen.assert_enough(cases);
        }
        Err(TestError::Fail(why, start)) => panic!("{why}\nsmallest scenario: {start:#?}"),
        Err(TestError::Abort(why)) => panic!("gave up: {why}"),
    }
}
