//! The times and limits of the servers of Proxmox VE.

use std::time::Duration;

/// How long things take and how many there may be. The default is what a real cluster does.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How long a 401 is held back. Real: 3 s.
    pub unauthorized: Duration,
    /// After how long a connection without a request is closed. Real: 5 s.
    pub idle: Duration,
    /// How long the guest agent has to answer a ping. Real: 3 s.
    pub guest_ping: Duration,
    /// How long the guest agent has to answer the query itself. Real: 5 s.
    pub guest_command: Duration,
    /// How long another host may take for a forwarded request, before 595 or 596. Real: up to 30 s.
    pub forward: Duration,
    /// How long the list of resources shows the old state after a migration, a start or a stop. Real: up to 10 s.
    pub list_lag: Duration,
    /// After how long an unchanged list is made anew, so that `uptime` grows. Real: 10 s.
    pub list_refresh: Duration,
    /// How long a ticket is good for. Real: 2 h.
    pub ticket: Duration,
    /// After how many requests a connection is closed. Real: 100.
    pub requests_per_connection: u32,
    /// How many connections an end point serves at once; more wait to be accepted. Real: 3 workers of 500.
    pub connections: usize,
    /// How many requests the privileged daemon of a host works on at once (status and guest queries); more wait.
    /// Real: 3. `None` (default): any number, so that latencies alone decide how long things take.
    pub workers: Option<usize>,
}

impl Limits {
    /// As on a real cluster, but for `workers`.
    #[must_use]
    pub fn real() -> Self {
        Self {
            unauthorized: Duration::from_secs(3),
            idle: Duration::from_secs(5),
            guest_ping: Duration::from_secs(3),
            guest_command: Duration::from_secs(5),
            forward: Duration::from_secs(30),
            list_lag: Duration::from_secs(10),
            list_refresh: Duration::from_secs(10),
            ticket: Duration::from_secs(2 * 60 * 60),
            requests_per_connection: 100,
            connections: 3 * 500,
            workers: None,
        }
    }

    /// Everything one waits for is short; numbers and the life of tickets are as on a real cluster. The time for a
    /// ping is still long enough for a [`GuestAgent`](super::GuestAgent) on a busy machine.
    #[must_use]
    pub fn quick() -> Self {
        Self {
            unauthorized: Duration::from_millis(50),
            guest_ping: Duration::from_millis(500),
            guest_command: Duration::from_secs(1),
            forward: Duration::from_millis(500),
            list_lag: Duration::from_millis(300),
            ..Self::real()
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::real()
    }
}
