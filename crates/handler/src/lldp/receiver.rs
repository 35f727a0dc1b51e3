//! The sockets, one per interface with carrier, and the task that keeps the table.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::announce::{self, Announcement};
use super::announcer::Announcer;
use super::facts::Facts;
use super::frame::{self, ETHERTYPE, Frame, GROUPS, Mac};
use super::links::{Link, Links};
use super::table::{Heard, Table};
use crate::packet::{self, Instruction, LONGEST_FRAME, PacketSocket, code};

/// Frames waiting for the table; switches send two a minute.
const BACKLOG: usize = 64;

/// Time before a socket that failed is opened again. An interface that is set down fails once, and its carrier is
/// usually taken from us before that.
const REOPEN: Duration = Duration::from_secs(1);

/// LLDP and nothing else, whatever the interface is flooded with: to one of the three groups, and of its protocol.
const FILTER: [Instruction; 10] = [
    (code::LOAD_WORD, 0, 0, 0),
    (code::JUMP_EQUAL, 0, 6, 0x0180_c200),
    (code::LOAD_HALF, 0, 0, 4),
    (code::JUMP_EQUAL, 2, 0, 0x000e),
    (code::JUMP_EQUAL, 1, 0, 0x0003),
    (code::JUMP_EQUAL, 0, 2, 0x0000),
    (code::LOAD_HALF, 0, 0, 12),
    (code::JUMP_EQUAL, 1, 0, ETHERTYPE as u32),
    (code::RETURN, 0, 0, 0),
    (code::RETURN, 0, 0, code::WHOLE),
];

/// A socket that is open.
#[derive(Debug)]
struct Open {
    /// Tells it from an earlier one of the same link, whose end may be seen late.
    number: u64,
    stop: CancellationToken,
}

/// A socket that is closed.
#[derive(Debug)]
struct Ended {
    link: Link,
    number: u64,
    why: io::Error,
}

/// Listens on interfaces that come and go.
#[derive(Debug)]
pub struct Receiver {
    links: watch::Receiver<Links>,
    facts: watch::Sender<Facts>,
    announcement: Option<Announcement>,
    table: Table,
    sockets: JoinSet<Ended>,
    open: BTreeMap<Link, Open>,
    /// Links that could not be listened on at the last try, so that each is complained about once.
    failing: BTreeSet<Link>,
    opened: u64,
    /// What the tasks of the sockets send their frames through.
    frames: mpsc::Sender<(Link, Frame)>,
    heard: mpsc::Receiver<(Link, Frame)>,
}

impl Receiver {
    /// A receiver for the interfaces in `links`, now and after each change, and what it will know. With an
    /// `announcement` it also speaks, on the same interfaces.
    #[must_use]
    pub fn new(
        links: watch::Receiver<Links>,
        announcement: Option<Announcement>,
    ) -> (Self, watch::Receiver<Facts>) {
        let (facts, known) = watch::channel(Facts::default());
        let (frames, heard) = mpsc::channel(BACKLOG);
        let receiver = Self {
            links,
            facts,
            announcement,
            table: Table::default(),
            sockets: JoinSet::new(),
            open: BTreeMap::new(),
            failing: BTreeSet::new(),
            opened: 0,
            frames,
            heard,
        };
        (receiver, known)
    }

    /// Listens until `stop`, or until nobody can change the interfaces any more. The receivers of the facts are told
    /// of every change, and of nothing else.
    pub async fn run(mut self, stop: CancellationToken) {
        self.follow();
        let mut reopen = interval(REOPEN);
        reopen.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let expiry = self.table.next_expiry();
            tokio::select! {
                () = stop.cancelled() => break,
                changed = self.links.changed() => match changed {
                    Ok(()) => self.follow(),
                    Err(_gone) => break,
                },
                Some((link, frame)) = self.heard.recv() => self.hear(&link, frame),
                Some(ended) = self.sockets.join_next() => self.ended(ended),
                () = until(expiry) => {
                    let changed = self.table.expire(Instant::now());
                    self.publish(changed);
                }
                _ = reopen.tick(), if self.open.len() < self.wanted().len() => self.open_missing(),
            }
        }
        for open in self.open.values() {
            open.stop.cancel();
        }
        // A task that waits to hand over a frame must not wait for us.
        self.heard.close();
        // They say goodbye if they announced us, which takes no longer than one frame.
        while self.sockets.join_next().await.is_some() {}
    }

    /// Makes table and sockets agree with the interfaces.
    fn follow(&mut self) {
        let links = self.links.borrow_and_update().clone();
        let names = links.listen.iter().map(|link| link.name.as_str());
        let changed = self.table.cover(names, links.own.clone(), Instant::now());
        self.publish(changed);
        let wanted = self.wanted();
        self.failing.retain(|link| wanted.contains(link));
        self.open.retain(|link, open| {
            let keep = wanted.contains(link);
            if !keep {
                open.stop.cancel();
            }
            keep
        });
        self.open_missing();
    }

    fn wanted(&self) -> Vec<Link> {
        let links = self.links.borrow();
        let with_carrier = links.listen.iter().filter(|link| link.carrier);
        with_carrier.cloned().collect()
    }

    fn open_missing(&mut self) {
        for link in self.wanted() {
            if !self.open.contains_key(&link) {
                self.open(link);
            }
        }
    }

    fn open(&mut self, link: Link) {
        let opened = packet::interface(&link.name).and_then(|interface| {
            if interface.index != link.index {
                return Err(io::ErrorKind::NotFound.into());
            }
            let socket = PacketSocket::open(&interface, ETHERTYPE, &FILTER, &GROUPS)?;
            Ok((socket, interface.mac))
        });
        match opened {
            Ok((socket, mac)) => {
                tracing::debug!(interface = link.name, "listening for LLDP");
                self.failing.remove(&link);
                self.listen_on(link, socket, mac);
            }
            Err(error) if self.failing.insert(link.clone()) => {
                tracing::warn!(interface = link.name, %error, "cannot listen for LLDP, trying again every second");
            }
            Err(_as_before) => {}
        }
    }

    fn listen_on(&mut self, link: Link, socket: PacketSocket, mac: Option<Mac>) {
        self.opened += 1;
        let (number, stop) = (self.opened, CancellationToken::new());
        let announcer = Announcer::new(self.announcement.clone(), mac, &link);
        let (frames, stopped, name) = (self.frames.clone(), stop.clone(), link.clone());
        self.sockets.spawn(async move {
            let why = listen(&name, socket, announcer, frames, stopped).await;
            Ended {
                link: name,
                number,
                why,
            }
        });
        self.open.insert(link, Open { number, stop });
    }

    fn ended(&mut self, ended: Result<Ended, JoinError>) {
        match ended {
            Ok(Ended { link, number, why }) => {
                if self.open.get(&link).is_some_and(|open| open.number == number) {
                    tracing::debug!(interface = link.name, error = %why, "LLDP socket failed, opening another one");
                    self.open.remove(&link);
                }
            }
            Err(failed) if failed.is_panic() => std::panic::resume_unwind(failed.into_panic()),
            Err(_cancelled) => {}
        }
    }

    fn hear(&mut self, link: &Link, frame: Frame) {
        let heard = self.table.heard(&link.name, frame, Instant::now());
        if heard == Heard::Full {
            tracing::debug!(interface = link.name, "too many LLDP neighbours, one is left out");
        }
        self.publish(heard == Heard::Changed);
    }

    fn publish(&self, changed: bool) {
        if changed {
            self.facts.send_replace(self.table.facts());
        }
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}

/// Reads one socket until it fails or is stopped, and announces us on it. Says why it ended.
async fn listen(
    link: &Link,
    socket: PacketSocket,
    mut announcer: Announcer,
    heard: mpsc::Sender<(Link, Frame)>,
    stop: CancellationToken,
) -> io::Error {
    let mut buffer = vec![0; LONGEST_FRAME];
    loop {
        tokio::select! {
            () = stop.cancelled() => {
                announcer.say(&socket, 0).await;
                return io::ErrorKind::Interrupted.into();
            }
            () = announcer.due() => announcer.say(&socket, announce::TTL).await,
            received = socket.receive(&mut buffer) => match received.map(frame::parse) {
                Ok(Ok(frame)) => {
                    if heard.send((link.clone(), frame)).await.is_err() {
                        return io::ErrorKind::BrokenPipe.into();
                    }
                }
                Ok(Err(refused)) => {
                    tracing::debug!(interface = link.name, %refused, "LLDP frame thrown away");
                }
                Err(error) => return error,
            },
        }
    }
}
