//! GET requests to the API server, with its credentials, a time limit, and retries (spec cni-ipam §5.3).

use std::{
    cell::OnceCell,
    io::{BufReader, Read, Write as _},
    time::Duration,
};

use serde::Deserialize;

use super::{
    access::Access,
    connect,
    failure::Failure,
    http::{Body, Head, read_head},
    object::{Node, read_items, read_one},
    prepared::Prepared,
};
use crate::deadline::Deadline;

/// First pause before another try; it doubles up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LAST_PAUSE: Duration = Duration::from_secs(4);

/// With less time than this left for it, another try is not waited for.
const SHORTEST_TRY: Duration = Duration::from_millis(500);

/// Enough for the message of an API `Status`.
const STATUS_LIMIT: u64 = 16 << 10;

const NODES: &str = "/api/v1/nodes";

/// A way to the API server that is opened when it is first used.
pub(crate) struct Client {
    access: Access,
    deadline: Deadline,
    prepared: OnceCell<Prepared>,
}

/// A try that failed, and when the server wants to be asked again.
struct Refusal {
    failure: Failure,
    retry_after: Option<Duration>,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            retry_after: None,
        }
    }
}

impl Client {
    pub(crate) fn new(access: Access, deadline: Deadline) -> Self {
        Self {
            access,
            deadline,
            prepared: OnceCell::new(),
        }
    }

    /// The node of this name, as a type that reads what it wants of it. The list with a field selector is asked
    /// when a GET by name is forbidden (the rights of the replaced program).
    ///
    /// # Errors
    /// `NotFound` when there is no such node.
    pub(crate) fn node<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Result<T, Failure> {
        let name = percent_encoded(name);
        match self.get(&format!("{NODES}/{name}"), |body| read_one(body)) {
            Err(Failure::Forbidden(_)) => {}
            other => return other,
        }
        let path = format!("{NODES}?fieldSelector=metadata.name%3D{name}");
        let found = self.list(&path, |found: &mut Option<T>, node| *found = Some(node))?;
        found.ok_or(Failure::NotFound)
    }

    /// All nodes, gathered by `gather` one by one.
    pub(crate) fn nodes<A: Default>(&self, gather: impl Fn(&mut A, Node)) -> Result<A, Failure> {
        self.list(NODES, gather)
    }

    fn list<A: Default, T: for<'de> Deserialize<'de>>(
        &self,
        path: &str,
        gather: impl Fn(&mut A, T),
    ) -> Result<A, Failure> {
        self.get(path, |body| {
            let mut all = A::default();
            read_items(body, &mut |item| gather(&mut all, item))?;
            Ok(all)
        })
    }

    /// Asks until there is an answer, the failure is final, or the time is over.
    fn get<T>(
        &self,
        path: &str,
        read: impl Fn(&mut dyn Read) -> serde_json::Result<T>,
    ) -> Result<T, Failure> {
        let mut pause = FIRST_PAUSE;
        loop {
            let refusal = match self.attempt(path, &read) {
                Ok(answer) => return Ok(answer),
                Err(refusal) => refusal,
            };
            if !matches!(refusal.failure, Failure::Transient(_)) {
                return Err(refusal.failure);
            }
            let wanted = refusal
                .retry_after
                .map_or_else(|| jittered(pause), |after| after.max(FIRST_PAUSE));
            let fits = self.deadline.left() > wanted.saturating_add(SHORTEST_TRY);
            if !fits || !self.deadline.pause(wanted) {
                return Err(refusal.failure);
            }
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    fn attempt<T>(
        &self,
        path: &str,
        read: impl Fn(&mut dyn Read) -> serde_json::Result<T>,
    ) -> Result<T, Refusal> {
        let prepared = self.prepared()?;
        let server = &self.access.server;
        let broken = |error| Failure::from_io(server, &error);
        let mut connection = connect::connect(&self.access, &prepared.tls, self.deadline)?;
        connection
            .write_all(self.request(path, prepared).as_bytes())
            .map_err(broken)?;
        connection.flush().map_err(broken)?;
        let mut input = BufReader::with_capacity(16 << 10, connection);
        let head = read_head(&mut input).map_err(broken)?;
        // serde_json asks for single bytes: the buffer makes that cheap.
        let mut body = BufReader::with_capacity(16 << 10, Body::new(input, &head));
        if head.status != 200 {
            return Err(self.refused(&head, body));
        }
        read(&mut body).map_err(|error| self.unreadable(error).into())
    }

    fn request(&self, path: &str, prepared: &Prepared) -> String {
        let server = &self.access.server;
        let mut request = format!(
            "GET {}{path} HTTP/1.1\r\nHost: {}\r\nAccept: application/json\r\nUser-Agent: cadastre-cni/{}\r\n\
             Connection: close\r\n",
            server.prefix,
            server.authority(),
            env!("CARGO_PKG_VERSION"),
        );
        if let Some(authorization) = &prepared.authorization {
            request.push_str("Authorization: ");
            request.push_str(authorization.reveal());
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        request
    }

    /// What another status than 200 means.
    fn refused(&self, head: &Head, body: impl Read) -> Refusal {
        let status = head.status;
        let message = status_message(body).map_or_else(String::new, |message| format!(": {message}"));
        let text = format!("{} answered {status}{message}", self.access.server);
        let failure = match status {
            401 => Failure::Permanent(format!("{text}; check the credentials in {}", self.access.origin)),
            403 => Failure::Forbidden(text),
            404 => Failure::NotFound,
            429 | 500..=599 => Failure::Transient(text),
            _ => Failure::Permanent(text),
        };
        Refusal {
            failure,
            retry_after: head.retry_after.map(Duration::from_secs),
        }
    }

    /// An answer that ended early may be complete next time; one that is not what was asked for stays so.
    fn unreadable(&self, error: serde_json::Error) -> Failure {
        let server = &self.access.server;
        if error.is_io() {
            return Failure::from_io(server, &error.into());
        }
        Failure::Permanent(format!(
            "{server}: the answer is not what the Kubernetes API gives: {error}"
        ))
    }

    /// Certificates, keys and tokens are read when the first connection needs them, once.
    fn prepared(&self) -> Result<&Prepared, Failure> {
        if let Some(prepared) = self.prepared.get() {
            return Ok(prepared);
        }
        let prepared = Prepared::read(&self.access, self.deadline)
            .map_err(|problem| Failure::Permanent(format!("{}: {problem}", self.access.origin)))?;
        Ok(self.prepared.get_or_init(|| prepared))
    }
}

/// The `message` of an API `Status`, if that is what the body is.
fn status_message(body: impl Read) -> Option<String> {
    #[derive(Deserialize)]
    struct Status {
        message: String,
    }
    let status: Status = serde_json::from_reader(body.take(STATUS_LIMIT)).ok()?;
    Some(status.message)
}

/// RFC 3986 §2.1: all but the unreserved characters.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Between 3/4 and 5/4 of `pause`, so that the plugins of many nodes do not ask in step.
fn jittered(pause: Duration) -> Duration {
    let mut random = [0];
    // Without random bytes the pause is the shortest: no harm.
    let _ = rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::NONBLOCK);
    pause * 3 / 4 + pause * u32::from(random[0]) / 512
}
