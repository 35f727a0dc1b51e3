//! A sum over the kernel's tables that changes when the report can.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::time::Duration;

use tokio::time;

use super::message::{Message, attributes, kind};
use super::socket::RouteSocket;

/// A table that changes while it is read is read again, at most this often.
const TRIES: u32 = 3;

/// Reading tables of a thousand interfaces takes less than 100 ms; the kernel does not hang.
const LIMIT: Duration = Duration::from_secs(10);

/// Sizes of the fixed parts of `ifinfomsg`, `ifaddrmsg`, `rtmsg` and `fib_rule_hdr`.
const LINK: usize = 16;
const ADDRESS: usize = 8;
const ROUTE: usize = 12;

/// `AF_BRIDGE`: VLANs of bridge ports.
const BRIDGE: u8 = 7;

/// `IFLA_EXT_MASK` and its flags: compressed VLANs of bridges; no counters.
const EXT_MASK: u16 = 29;
const BRIDGE_VLANS: u32 = 1 << 2;
const SKIP_STATS: u32 = 1 << 3;

/// Sums over the tables. Means something only beside another one of the same process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// Links with their settings; not their counters and timers.
    pub links: u64,
    /// Addresses; not their lifetimes.
    pub addresses: u64,
    /// Routes that nmstate reports.
    pub routes: u64,
    /// Rules.
    pub rules: u64,
}

/// Reads links, addresses, routes and rules, without ethtool. About 30 ms at 500 interfaces.
///
/// # Errors
/// When the kernel does not let us, or does not answer.
pub async fn digest() -> io::Result<Digest> {
    time::timeout(LIMIT, read()).await.map_err(|_| {
        let text = format!("the kernel did not show its tables within {LIMIT:?}");
        io::Error::new(io::ErrorKind::TimedOut, text)
    })?
}

async fn read() -> io::Result<Digest> {
    let mut socket = RouteSocket::open(&[], None)?;
    let links = sum(
        &mut socket,
        kind::GET_LINK,
        &[0; LINK],
        &[(EXT_MASK, SKIP_STATS)],
        link,
    )
    .await?;
    let mut bridges = [0; LINK];
    bridges[0] = BRIDGE;
    let mask = [(EXT_MASK, BRIDGE_VLANS | SKIP_STATS)];
    let ports = sum(&mut socket, kind::GET_LINK, &bridges, &mask, link).await?;
    Ok(Digest {
        links: links.wrapping_add(ports.rotate_left(1)),
        addresses: sum(&mut socket, kind::GET_ADDRESS, &[0; ADDRESS], &[], address).await?,
        routes: sum(&mut socket, kind::GET_ROUTE, &[0; ROUTE], &[], route).await?,
        rules: sum(&mut socket, kind::GET_RULE, &[0; ROUTE], &[], rule).await?,
    })
}

/// Adds up the sums of all entries: their order means nothing.
async fn sum(
    socket: &mut RouteSocket,
    what: u16,
    body: &[u8],
    mask: &[(u16, u32)],
    entry: fn(&Message<'_>, &mut DefaultHasher),
) -> io::Result<u64> {
    let mut total = 0;
    for _ in 0..TRIES {
        total = 0_u64;
        let still = socket
            .dump(what, body, mask, |message| {
                if !message.is_foreign_route() {
                    let mut hasher = DefaultHasher::new();
                    entry(message, &mut hasher);
                    total = total.wrapping_add(hasher.finish());
                }
            })
            .await?;
        if still {
            break;
        }
    }
    Ok(total)
}

fn link(message: &Message<'_>, hasher: &mut DefaultHasher) {
    // The last four bytes of `ifinfomsg` say what an event changed.
    message.body.get(..LINK - 4).hash(hasher);
    for (number, value) in attributes(message.body.get(LINK..).unwrap_or_default()) {
        match number {
            // Counters (STATS, STATS64, CARRIER_CHANGES, CARRIER_UP_COUNT, CARRIER_DOWN_COUNT), and AF_SPEC, which
            // holds the counters of IPv6 beside nothing that is reported; for bridges it holds their VLANs.
            7 | 23 | 35 | 47 | 48 => {}
            26 if message.body.first() != Some(&BRIDGE) => {}
            // PROTINFO: a port as its bridge sees it.
            12 => nested(value, hasher, |number| matches!(number, 21..=23)),
            18 => link_info(value, hasher),
            _ => (number, value).hash(hasher),
        }
    }
}

/// `IFLA_LINKINFO`: what kind of link, and its settings as such and as a port. Without timers and counters.
fn link_info(list: &[u8], hasher: &mut DefaultHasher) {
    let is_bridge = |wanted: u16| {
        attributes(list).any(|(number, value)| number == wanted && value.starts_with(b"bridge"))
    };
    let (bridge, port) = (is_bridge(1), is_bridge(4));
    for (number, value) in attributes(list) {
        match number {
            2 if bridge => nested(value, hasher, |number| matches!(number, 16..=19 | 48)),
            // XSTATS.
            3 => {}
            5 if port => nested(value, hasher, |number| matches!(number, 21..=23)),
            _ => (number, value).hash(hasher),
        }
    }
}

fn nested(list: &[u8], hasher: &mut DefaultHasher, skip: fn(u16) -> bool) {
    for entry in attributes(list).filter(|(number, _)| !skip(*number)) {
        entry.hash(hasher);
    }
}

fn address(message: &Message<'_>, hasher: &mut DefaultHasher) {
    // CACHEINFO: lifetimes.
    without(message, ADDRESS, &[6], hasher);
}

fn route(message: &Message<'_>, hasher: &mut DefaultHasher) {
    // CACHEINFO, EXPIRES.
    without(message, ROUTE, &[12, 23], hasher);
}

fn rule(message: &Message<'_>, hasher: &mut DefaultHasher) {
    without(message, ROUTE, &[], hasher);
}

fn without(message: &Message<'_>, fixed: usize, skip: &[u16], hasher: &mut DefaultHasher) {
    message.body.get(..fixed).hash(hasher);
    for entry in attributes(message.body.get(fixed..).unwrap_or_default()) {
        if !skip.contains(&entry.0) {
            entry.hash(hasher);
        }
    }
}
