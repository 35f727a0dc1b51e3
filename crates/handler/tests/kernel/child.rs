//! A process of its own that begins a change and is killed at a chosen moment.
//!
//! It is this test program again, told by a variable what to do.

use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use handler::backend::kernel::WatchdogCommand;
use handler::backend::{KernelBackend, NetBackend as _};
use rustix::process::{Signal, getpid, kill_process};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ground::{LONG, Node, change, runtime, settings};

const ORDERS: &str = "CADASTRE_TEST_KERNEL_CHILD";

/// When to die.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Death {
    /// Before the step of this number, counted from 0.
    BeforeStep(usize),
    /// When the change is open.
    WhenOpen,
}

#[derive(Serialize, Deserialize)]
struct Orders {
    folder: PathBuf,
    desired: Value,
    timeout: Duration,
    death: Death,
    watched: bool,
}

/// A child to be.
pub(crate) struct Child(Orders);

impl Child {
    pub(crate) fn new(node: &Node, desired: Value) -> Self {
        Self(Orders {
            folder: node.path(""),
            desired,
            timeout: LONG,
            death: Death::WhenOpen,
            watched: true,
        })
    }

    pub(crate) fn timeout(mut self, timeout: Duration) -> Self {
        self.0.timeout = timeout;
        self
    }

    /// With a watchdog that dies at once, as when the whole container is killed.
    pub(crate) fn unwatched(mut self) -> Self {
        self.0.watched = false;
        self
    }

    /// Runs it to its end, and says whether it was killed; else it did not come that far.
    pub(crate) fn run(mut self, death: Death) -> bool {
        self.0.death = death;
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child::does_as_told", "--nocapture"])
            .env(ORDERS, serde_json::to_string(&self.0).unwrap())
            .stdout(std::process::Stdio::null())
            .status()
            .unwrap();
        was_killed(status)
    }
}

fn was_killed(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    let killed = status.signal() == Some(Signal::KILL.as_raw());
    assert!(killed || status.success(), "the child failed: {status}");
    killed
}

fn die() {
    kill_process(getpid(), Signal::KILL).unwrap();
}

/// The child itself. Without orders there is nothing to do.
#[test]
fn does_as_told() {
    let Ok(orders) = std::env::var(ORDERS) else { return };
    let orders: Orders = serde_json::from_str(&orders).unwrap();
    let mut settings = settings(&orders.folder);
    if !orders.watched {
        settings.watchdog = WatchdogCommand {
            program: "/bin/sh".into(),
            arguments: vec!["-c".to_owned(), "echo watching".to_owned()],
        };
    }
    if let Death::BeforeStep(number) = orders.death {
        let count = AtomicUsize::new(0);
        settings.before_step = Some(Arc::new(move |_| {
            if count.fetch_add(1, Ordering::Relaxed) == number {
                die();
            }
        }));
    }
    let backend = KernelBackend::new(settings);
    runtime().block_on(async {
        let open = backend
            .begin(&change(orders.desired, orders.timeout))
            .await
            .unwrap();
        match orders.death {
            Death::WhenOpen => die(),
            // It had no such step.
            Death::BeforeStep(_) => drop(backend.rollback(&open).await.unwrap()),
        }
    });
}
