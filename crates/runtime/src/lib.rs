//! What every long-running process of Cadastre needs, and nothing about any feature.
//!
//! | module | what it gives |
//! |---|---|
//! | [`answer`] | `Known`, `Absent` or `Unknown`: the result of asking somebody |
//! | [`client`] | a Kubernetes client with deadlines, counted calls and `TCP_NODELAY` |
//! | [`queue`] | the keyed work queue behind every controller |
//! | [`watch`] | one watch that survives everything an API server does to it |
//! | [`lease`] | leader election by the rules of client-go, on a local clock |
//! | [`certs`] | serving certificates: mounted, self-managed in a Secret, or in memory |
//! | [`server`] | HTTP and HTTPS: addresses, TLS options, an accept loop that stops in order |
//! | [`webhook`] | admission and conversion: the transport, not the rules |
//! | [`health`] | `/healthz` and `/readyz` with named gates |
//! | [`diagnostics`] | `/metrics` and `/debug`, each request checked by the API server |
//! | [`metrics`] | one registry, and what `/proc` says of the process |
//! | [`events`] | events that never hold anybody up |
//! | [`conditions`] | status conditions by the API conventions |
//! | [`shutdown`] | owned tasks and an orderly end |
//! | [`logging`] | logs with a verbosity that changes at run time |
//! | [`clock`] | the clock leadership is measured with |
//!
//! Rules kept here: every network call has a deadline, every task has an owner, silence is never an answer.

pub mod answer;
pub mod certs;
pub mod client;
pub mod clock;
pub mod conditions;
pub mod diagnostics;
pub mod events;
pub mod health;
pub mod lease;
pub mod logging;
pub mod metrics;
pub mod queue;
pub mod server;
pub mod shutdown;
pub mod watch;
pub mod webhook;
