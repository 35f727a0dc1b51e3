//! Child processes that cannot outlive us.
//!
//! Every child is started through `setpriv --pdeathsig KILL`, so the kernel kills it when its parent dies, however
//! that happens. The kernel means the *thread* that started it, and threads of a test end with the test: hence one
//! thread that starts all children and never ends.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Sender};
use std::thread;

use anyhow::{Context, Result};

/// A command line and where to send the process it becomes.
type Job = (Command, Sender<io::Result<Child>>);

/// A command for `program` that dies with us. Arguments and environment may be added as usual.
///
/// In a process group of its own, so that Ctrl-C in a terminal reaches us alone and we stop children in order.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command.process_group(0).stdin(Stdio::null());
    command
}

/// Starts a command made by [`command`].
pub(crate) fn spawn(command: Command) -> Result<Child> {
    static KEEPER: OnceLock<Sender<Job>> = OnceLock::new();
    let keeper = KEEPER.get_or_init(|| {
        let (sender, jobs) = mpsc::channel::<Job>();
        thread::Builder::new()
            .name("testkit-keeper".to_owned())
            .spawn(move || {
                for (mut command, reply) in jobs {
                    // The asker may have gone; then the child is dropped and lives on until we end.
                    let _ = reply.send(command.spawn());
                }
            })
            .expect("a process that tests Kubernetes can start a thread");
        sender
    });
    let (reply, child) = mpsc::channel();
    keeper
        .send((command, reply))
        .ok()
        .context("the thread that starts processes has ended")?;
    child
        .recv()
        .context("the thread that starts processes has ended")?
        .context("cannot run setpriv; install util-linux 2.33 or newer")
}
