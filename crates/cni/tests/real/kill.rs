//! SIGKILL at random moments (spec §10.1): no address twice, no torn file after the next ADD, nothing left after DEL of
//! everything.

use testkit::cni::{Dice, is_long, kill_loop};

use crate::ours;

#[test]
fn killed_at_any_moment_nothing_is_given_twice_and_nothing_stays() {
    let plugins = ours();
    let data = tempfile::tempdir().expect("a temporary folder can be made");
    let enough = if is_long() { 10_000 } else { 500 };
    let dice = Dice::seeded("kill loop");
    let report =
        kill_loop(&plugins.plugin("host-local"), data.path(), enough, dice).expect("calm runs succeed");
    eprintln!(
        "kill loop: {} of {} runs were killed at work",
        report.killed, report.runs
    );
    assert!(report.killed >= enough);
    assert!(
        report.duplicates.is_empty(),
        "given twice: {:?}",
        report.duplicates
    );
    assert!(report.torn.is_empty(), "not whole: {:?}", report.torn);
    assert!(report.lost.is_empty(), "granted, then lost: {:?}", report.lost);
    assert!(report.left.is_empty(), "left after DEL of all: {:?}", report.left);
}
