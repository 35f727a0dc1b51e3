//! Saying who we are, on one interface, every thirty seconds.

use tokio::time::{Interval, MissedTickBehavior, interval};

use super::announce::{self, Announcement};
use super::frame::Mac;
use super::links::Link;
use crate::packet::PacketSocket;

/// What one interface says, and when.
pub(super) struct Announcer {
    what: Option<(Announcement, Mac)>,
    interface: String,
    timer: Interval,
}

impl Announcer {
    pub(super) fn new(announcement: Option<Announcement>, mac: Option<Mac>, link: &Link) -> Self {
        let mut timer = interval(announce::INTERVAL);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            what: announcement.zip(mac),
            interface: link.name.clone(),
            timer,
        }
    }

    /// Never, when there is nothing to say.
    pub(super) async fn due(&mut self) {
        if self.what.is_none() {
            return std::future::pending().await;
        }
        self.timer.tick().await;
    }

    /// Says it once, good for `ttl` seconds.
    pub(super) async fn say(&self, socket: &PacketSocket, ttl: u16) {
        if let Some((announcement, mac)) = &self.what {
            let frame = announcement.frame(*mac, &self.interface, ttl);
            if let Err(error) = socket.send(&frame).await {
                tracing::debug!(interface = self.interface, %error, "cannot send LLDP");
            }
        }
    }
}
