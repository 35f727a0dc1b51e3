//! Events of the kernel, gathered.

use std::io;
use std::time::Duration;

use rustix::io::Errno;
use tokio::time::{self, Instant};

use super::message::{kind, messages};
use super::socket::RouteSocket;

/// Groups of `linux/rtnetlink.h`: links, addresses, routes and rules of both families. Not neighbours, which chatter.
const GROUPS: [u32; 7] = [1, 5, 9, 7, 11, 8, 19];

/// Enough for the events of a few hundred links coming at once; what is lost is told.
const RECEIVE_BUFFER: u32 = 1024 * 1024;

/// What changed since the last time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// A link came, went, or changed.
    pub links: bool,
    /// An address did.
    pub addresses: bool,
    /// A route that nmstate reports did.
    pub routes: bool,
    /// A rule did.
    pub rules: bool,
    /// Events were lost, so anything may have changed.
    pub lost: bool,
}

impl Change {
    /// Whether anything changed at all.
    #[must_use]
    pub fn any(self) -> bool {
        self != Self::default()
    }

    fn learn(&mut self, datagram: &[u8]) {
        for message in messages(datagram).filter(|message| !message.is_foreign_route()) {
            match message.kind {
                kind::NEW_LINK | kind::DEL_LINK => self.links = true,
                kind::NEW_ADDRESS | kind::DEL_ADDRESS => self.addresses = true,
                kind::NEW_ROUTE | kind::DEL_ROUTE => self.routes = true,
                kind::NEW_RULE | kind::DEL_RULE => self.rules = true,
                _ => {}
            }
        }
    }
}

/// The events of the kernel. What happens between two calls of [`Changes::next`] is kept.
pub struct Changes {
    socket: RouteSocket,
    debounce: Duration,
    gathered: Change,
    until: Option<Instant>,
}

impl Changes {
    /// Listens from now on. Events within `debounce` after the first one come as one.
    ///
    /// # Errors
    /// When the system has no socket for us.
    pub fn subscribe(debounce: Duration) -> io::Result<Self> {
        Ok(Self {
            socket: RouteSocket::open(&GROUPS, Some(RECEIVE_BUFFER))?,
            debounce,
            gathered: Change::default(),
            until: None,
        })
    }

    /// Waits for the next changes. May be cancelled: what was gathered comes with the next call.
    ///
    /// # Errors
    /// When the socket is broken; then subscribe again.
    pub async fn next(&mut self) -> io::Result<Change> {
        loop {
            let heard = match self.until {
                None => Some(self.socket.receive().await),
                Some(until) => time::timeout_at(until, self.socket.receive()).await.ok(),
            };
            match heard {
                Some(Ok(datagram)) => self.gathered.learn(datagram),
                Some(Err(error)) if Errno::from_io_error(&error) == Some(Errno::NOBUFS) => {
                    self.gathered.lost = true;
                }
                Some(Err(error)) => return Err(error),
                None => {
                    self.until = None;
                    return Ok(std::mem::take(&mut self.gathered));
                }
            }
            if self.until.is_none() && self.gathered.any() {
                self.until = Some(Instant::now() + self.debounce);
            }
        }
    }
}

impl std::fmt::Debug for Changes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Changes")
            .field("debounce", &self.debounce)
            .field("gathered", &self.gathered)
            .finish_non_exhaustive()
    }
}
