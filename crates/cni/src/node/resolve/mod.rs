//! Host names to addresses without the C library: a static binary that calls `getaddrinfo` may load the name
//! service modules of another C library and crash. `/etc/hosts` and the servers of `/etc/resolv.conf` are
//! enough for an API server.

mod config;
mod message;
mod query;

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use config::{Config, hosts_entries};
use query::{Answer, ask};

use crate::deadline::Deadline;

const HOSTS: &str = "/etc/hosts";
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// The addresses of `name`, IPv4 first.
///
/// # Errors
/// `NotFound` when every server that answered says there is none; `TimedOut` or another kind when none answered.
pub(crate) fn resolve(name: &str, deadline: Deadline) -> io::Result<Vec<IpAddr>> {
    let plain = name.strip_suffix('.').unwrap_or(name);
    let listed = hosts_entries(&fs::read_to_string(HOSTS).unwrap_or_default(), plain);
    if !listed.is_empty() {
        return Ok(listed);
    }
    // RFC 6761 §6.3: never asked of a server.
    if plain.eq_ignore_ascii_case("localhost") {
        return Ok(vec![
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
        ]);
    }
    let config = Config::parse(&fs::read_to_string(RESOLV_CONF).unwrap_or_default());
    let mut failure = None;
    for candidate in config.candidates(name) {
        match first_answer(&config, &candidate, deadline) {
            Ok(Answer::Addresses(addresses)) => return Ok(addresses),
            Ok(Answer::None) => {}
            Err(error) => failure = Some(error),
        }
    }
    Err(failure.unwrap_or_else(|| {
        io::Error::new(
            io::ErrorKind::NotFound,
            format!("no address for {name} in {HOSTS} or from the servers of {RESOLV_CONF}"),
        )
    }))
}

/// What the first server that answers says about `name`.
fn first_answer(config: &Config, name: &str, deadline: Deadline) -> io::Result<Answer> {
    let mut failure = io::Error::new(io::ErrorKind::TimedOut, "no name server answered");
    for _ in 0..config.attempts {
        for server in &config.servers {
            deadline.left_or_timeout()?;
            match ask(*server, name, deadline.at_most(config.timeout)) {
                Ok(answer) => return Ok(answer),
                Err(error) => {
                    failure = io::Error::new(
                        error.kind(),
                        format!("name server {server}, asked for {name}: {error}"),
                    );
                }
            }
        }
    }
    Err(failure)
}
