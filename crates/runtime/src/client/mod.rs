//! The Kubernetes client: where to connect, how long to wait, what to count.
//!
//! Differences from `kube::Client::try_default`, and why:
//!
//! * `TCP_NODELAY` on every connection. Without it the first request of each connection waits for the
//!   peer's delayed acknowledgement, about 43 ms (kube-rs/kube#2056).
//! * Every request but a watch has a deadline that covers the whole answer ([`ClientOptions::deadline`]).
//! * Only a 429 is retried by itself: the server says with it that it did *not* execute the request. kube's
//!   own policy also repeats writes after 503 and 504, whose outcome is unknown; a caller that reserves
//!   addresses has to see those, see [`outcome`].
//! * No rate limit on our side (the server has priority and fairness for that), no compression (the traffic
//!   is local and CPU is not), and as many idle connections kept as there are workers.
//! * Requests are counted by verb, resource and code, see [`Calls`].

mod calls;
mod connect;
mod outcome;
mod path;
mod service;

pub use calls::{CallLabels, Calls};
pub use connect::{ClientOptions, ConnectError, connect, connect_with, load_config};
pub use outcome::{Outcome, outcome};
pub use path::{RequestKind, classify};
pub use service::DeadlineExceeded;

/// Makes ring the cryptography of this process. Call it first in every `main` and in tests that use TLS.
///
/// rustls refuses to choose by itself when several providers are compiled in. Calling it twice is harmless.
pub fn install_crypto_provider() {
    // An error only says that a provider is there already, which is what we want.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#[cfg(test)]
mod tests;
