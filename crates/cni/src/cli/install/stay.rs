//! `--stay`: keeps what was installed as it is, for a DaemonSet.
//!
//! No handler for SIGTERM: every write is one rename, so ending at any moment is fine. As process 1 of a pod the kernel
//! would not deliver it, which is why the manifest shares the pod's process namespace.

use std::fs::Metadata;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use super::Order;
use crate::cli::args::Fail;
use crate::cli::output;
use crate::protocol::warn;

/// How often to look when nothing happens: events may be lost, and not every file system has them.
const PATIENCE: Duration = Duration::from_secs(30);

/// After an event, the rest of its kind is awaited; two installers that fight do so slowly.
const SETTLE: Duration = Duration::from_secs(1);

/// Stays until the process is ended.
///
/// # Errors
/// Standard output is broken.
pub(super) fn stay(order: &Order, program: &Path) -> Result<(), Fail> {
    let events = Events::of(order);
    let mut known = Vec::new();
    loop {
        // Looked at before it is mended: what happens meanwhile is seen next time.
        let found = look(order);
        let is_whole = found == known && found.iter().all(Option::is_some);
        // The token may have been renewed without a sign in the directory.
        if is_whole
            && !order
                .account
                .as_ref()
                .is_some_and(|(account, path)| account.differs(path))
        {
            events.wait();
            continue;
        }
        known = found;
        match order.carry_out(program) {
            Ok(lines) => {
                for line in lines.iter().filter(|line| is_news(line)) {
                    output::print(&format!("{line}\n"))?;
                }
            }
            Err(fail) => {
                warn(&format!("cadastre-cni: {}", fail.text));
                // The disk may have room then.
                events.wait();
            }
        }
    }
}

/// What is as it was need not be said again.
fn is_news(line: &str) -> bool {
    !line.ends_with("is there already") && !line.contains("left alone")
}

/// What tells that a file is another one: device, inode, length, time, permissions.
type Facts = (u64, u64, u64, i64, u32);

fn look(order: &Order) -> Vec<Option<Facts>> {
    let facts = |file: Metadata| (file.dev(), file.ino(), file.len(), file.mtime(), file.mode());
    order
        .place
        .look(&order.names)
        .into_iter()
        .map(|file| file.map(facts))
        .collect()
}

/// Signs of change in the folders that matter.
struct Events(Option<OwnedFd>);

impl Events {
    fn of(order: &Order) -> Self {
        let Ok(events) = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK) else {
            return Self(None);
        };
        let flags = WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVE
            | WatchFlags::ATTRIB
            | WatchFlags::CLOSE_WRITE;
        let account = order
            .account
            .as_ref()
            .map(|(account, path)| [Some(account.folder()), path.parent()]);
        let folders = account
            .into_iter()
            .flatten()
            .flatten()
            .chain([order.place.path()]);
        for folder in folders.filter(|folder: &&Path| folder.is_dir()) {
            // Looking from time to time does without.
            let _ = inotify::add_watch(&events, folder, flags);
        }
        Self(Some(events))
    }

    fn wait(&self) {
        let Some(events) = &self.0 else {
            return std::thread::sleep(PATIENCE);
        };
        let patience = Timespec {
            tv_sec: i64::try_from(PATIENCE.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: 0,
        };
        let happened = poll(&mut [PollFd::new(events, PollFlags::IN)], Some(&patience));
        if happened.is_ok_and(|count| count > 0) {
            std::thread::sleep(SETTLE);
            let mut buffer = [0; 4096];
            // Which file it was does not matter: all are looked at.
            while rustix::io::read(events, &mut buffer).is_ok_and(|count| count > 0) {}
        }
    }
}
