//! SIGKILL at random moments (spec §10.1): no address twice, no torn file after the next ADD, nothing left after DEL of
//! everything.

use testkit::cni::{Dice, PluginDir, is_long, kill_loop};

use crate::binary;

#[test]
fn killed_at_any_moment_nothing_is_given_twice_and_nothing_stays() {
    survives("host-local");
}

#[test]
fn kube_node_survives_the_same() {
    survives("kube-node");
}

fn survives(name: &str) {
    let plugins = PluginDir::new(&[(name, &binary())]).expect("a temporary folder can be made");
    let data = tempfile::tempdir().expect("a temporary folder can be made");
    let enough = if is_long() { 10_000 } else { 500 };
    let dice = Dice::seeded("kill loop");
    let report = kill_loop(&plugins.plugin(name), data.path(), enough, dice).expect("calm runs succeed");
    eprintln!(
        "kill loop of {name}: {} of {} runs were killed at work, {} ADDs after they had reserved",
        report.killed, report.runs, report.halfway
    );
    assert!(report.killed >= enough);
    assert!(report.halfway > 0, "no kill hit what matters");
    assert!(
        report.duplicates.is_empty(),
        "given twice: {:?}",
        report.duplicates
    );
    assert!(report.torn.is_empty(), "not whole: {:?}", report.torn);
    assert!(report.lost.is_empty(), "granted, then lost: {:?}", report.lost);
    assert!(report.left.is_empty(), "left after DEL of all: {:?}", report.left);
}
