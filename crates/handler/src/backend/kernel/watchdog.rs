//! The process that undoes a change nobody commits: also when the handler hangs, is killed, or cut itself off.
//!
//! It is started before the first step, says that it watches, and ends when the journal is gone.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use runtime::clock::BootTime;

use super::host::{Host, no_netlink};
use super::journal::{Folder, Journal, Stage, TakenBackRecord};
use super::walk::walk_back;
use crate::backend::{BackendError, RolledBack};

/// How often it looks at the journal and the clock.
const LOOK: Duration = Duration::from_millis(100);
/// How long somebody who has the turn may take to give it back.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pause before the way back is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// How often the way back is tried before what differs is accepted and told.
const ATTEMPTS: u32 = 5;
/// What it says when it watches.
const READY: &str = "watching";
/// How long a process may take to start on a busy machine.
const START: Duration = Duration::from_secs(20);

/// How to start the process: a program, and the arguments before the path of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchdogCommand {
    /// The program.
    pub program: PathBuf,
    /// Its first arguments.
    pub arguments: Vec<String>,
}

impl WatchdogCommand {
    /// This program with the sub-command `watchdog`.
    ///
    /// # Errors
    /// When the path of this program is not known.
    pub fn own() -> io::Result<Self> {
        Ok(Self {
            program: std::env::current_exe()?,
            arguments: vec!["watchdog".to_owned()],
        })
    }

    /// Starts it, and returns when it watches.
    ///
    /// # Errors
    /// When it does not start, or does not say that it watches.
    pub(super) fn start(&self, journal: &Path) -> io::Result<()> {
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .arg(journal)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // A signal to the handler's group, such as an interrupt at a terminal, is not meant for it.
            .process_group(0)
            .spawn()?;
        let output = child.stdout.take();
        let (said, answer) = mpsc::channel();
        thread::Builder::new()
            .name("watchdog".to_owned())
            .spawn(move || {
                let mut line = String::new();
                if let Some(output) = output {
                    let _ = BufReader::new(output).read_line(&mut line);
                }
                // Whoever asked may have given up.
                let _ = said.send(line);
                // So that it does not stay behind as a zombie.
                let _ = child.wait();
            })?;
        match answer.recv_timeout(START) {
            Ok(line) if line.trim() == READY => Ok(()),
            Ok(line) => Err(io::Error::other(format!(
                "it said `{}` instead of `{READY}`",
                line.trim()
            ))),
            Err(_) => Err(io::Error::other(format!("it did not start within {START:?}"))),
        }
    }
}

/// The process itself: `cadastre-handler watchdog JOURNAL`. Returns when the change is committed or undone.
///
/// # Errors
/// When the journal cannot be read, or the way back cannot be gone; the journal stays for the next handler then.
pub fn watch(journal: &Path) -> Result<(), BackendError> {
    let folder = Folder::of_journal(journal);
    println!("{READY}");
    io::stdout().flush().map_err(|source| BackendError::Record {
        path: journal.to_owned(),
        source,
    })?;
    let Some(first) = folder.open_change()? else {
        return Ok(());
    };
    let mut attempt = 0;
    loop {
        // Another change has a watchdog of its own.
        let open = folder.open_change()?.filter(|open| open.id == first.id);
        let Some(open) = open.filter(|open| open.stage != Stage::Committed) else {
            return Ok(());
        };
        let late = BootTime::now() >= open.deadline();
        let orphan = open.stage == Stage::Applying;
        if late || orphan {
            // Who applies has the turn: if it is free, he is dead.
            let patience = if late { PATIENCE } else { Duration::ZERO };
            let turn = folder.turn(patience)?;
            let again = folder.open_change()?;
            let same = again.is_some_and(|again| again.id == open.id && again.stage == open.stage);
            if same && (turn.is_some() || late) {
                attempt += 1;
                if undo(&folder, &open, attempt)? {
                    return Ok(());
                }
                drop(turn);
                thread::sleep(AGAIN);
                continue;
            }
        }
        thread::sleep(LOOK);
    }
}

/// Goes the way back; false when it is worth another attempt.
fn undo(folder: &Folder, journal: &Journal, attempt: u32) -> Result<bool, BackendError> {
    tracing::warn!(
        policy = journal.policy,
        "nobody committed the change in time; undoing it"
    );
    let last = attempt >= ATTEMPTS;
    let host = Host::open(&journal.resolver).map_err(|error| no_netlink(&error))?;
    let outcome: RolledBack = match walk_back(&host, &journal.back) {
        Ok(outcome) if outcome.differs.is_empty() || last => outcome,
        Ok(_) => return Ok(false),
        Err(words) if last => return Err(BackendError::failed(words)),
        Err(_) => return Ok(false),
    };
    // First told, then closed: a record too many is found, one too few is not.
    folder.tell(&TakenBackRecord::of(journal, &outcome))?;
    folder.close()?;
    Ok(true)
}
