//! What people type: installation, looking, releasing; and the examples of the documentation as they stand.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: a failure here is a failed test"
)]

#[path = "../kube_node/support/mod.rs"]
#[expect(
    dead_code,
    unused_imports,
    reason = "shared with the tests of kube-node, which use other parts"
)]
mod support;

mod cleaning;
mod examples;
mod install;
mod kubeconfig;
mod looking;
mod plugin;
mod releasing;
mod stay;
mod wording;
mod yard;

use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// The real program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_cadastre-cni");

/// Between two looks at a condition.
const POLL: Duration = Duration::from_millis(5);

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }

    #[track_caller]
    pub(crate) fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.ok()).unwrap()
    }

    /// Failed with this status, saying each of these.
    #[track_caller]
    pub(crate) fn failed(self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        for part in parts {
            assert!(self.err.contains(part), "{part:?} is not in {self:?}");
        }
    }
}

/// Runs `cadastre-cni` with these arguments.
pub(crate) fn say(args: &[&str]) -> Said {
    Said::of(Command::new(PROGRAM).args(args).output().unwrap())
}

/// Waits for something to become true.
#[track_caller]
pub(crate) fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not within a minute");
        std::thread::sleep(POLL);
    }
}

#[test]
fn what_is_asked_for_wrongly_is_answered_with_a_remedy() {
    for (args, parts) in [
        (["cni"].as_slice(), ["name a command", "--help"]),
        (&["cni", "lst"], ["no command \"lst\"", "--help"]),
        (&["list"], ["no command \"list\"", "--help"]),
        (&["cni", "list", "--all"], ["no option --all", "--help"]),
        (
            &["cni", "list", "-o", "yaml"],
            ["-o yaml is unknown", "table or json"],
        ),
        (&["cni", "show"], ["name an address", "container id"]),
        (
            &["cni", "list", "--data-dir", "/nowhere/at/all"],
            ["/nowhere/at/all is not a directory", "dataDir"],
        ),
        (&["cni", "install"], ["--dir is missing", "/opt/cni/bin"]),
        (
            &["cni", "install", "--dir", "/nowhere/at/all"],
            ["--dir /nowhere/at/all", "CNI directory"],
        ),
        (
            &["cni", "install", "--dir", "/tmp", "--names", "bridge"],
            ["--names bridge", "host-local,kube-node"],
        ),
        (
            &["cni", "install", "--dir", "/tmp", "--server", "x"],
            ["need --kubeconfig", "file to write"],
        ),
    ] {
        say(args).failed(2, &parts);
    }
}

#[test]
fn help_names_every_command() {
    for args in [
        ["cni", "--help"].as_slice(),
        &["cni", "list", "-h"],
        &["cni", "help"],
    ] {
        let help = say(args).ok();
        for command in [
            "list",
            "show",
            "check",
            "release",
            "gc",
            "metrics",
            "install",
            "uninstall",
        ] {
            assert!(
                help.lines().any(|line| line.trim_start().starts_with(command)),
                "{command}: {help}"
            );
        }
    }
}
