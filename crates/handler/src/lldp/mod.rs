//! LLDP: who is at the other end of the cable (spec §17.2).
//!
//! Our own receiver, so it works with every back end, needs no profile, and knows the port VLAN id.
//!
//! - [`frame`]: one frame as a value, and its form in nmstate's schema; pure, fuzzed;
//! - [`Table`]: neighbours and how long they hold; pure;
//! - [`Facts`]: what the rest of the handler sees;
//! - [`Links`]: on which interfaces to listen;
//! - [`Receiver`]: the sockets;
//! - [`Announcement`]: what we say ourselves, if asked to.

mod announce;
mod announcer;
mod facts;
pub mod frame;
mod links;
mod receiver;
mod table;
#[cfg(test)]
mod tests;

pub use announce::{Announcement, INTERVAL as ANNOUNCEMENT_INTERVAL, TTL as ANNOUNCEMENT_TTL};
pub use facts::{Facts, InterfaceFacts, SETTLE};
pub use links::{Link, Links, cabled};
pub use receiver::Receiver;
pub use table::{Heard, MOST_NEIGHBOURS, Table};
