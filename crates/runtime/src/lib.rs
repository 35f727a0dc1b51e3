//! What every long-running process of Cadastre needs, and nothing about any feature.
//!
//! | module | what it gives |
//! |---|---|
//! | [`answer`] | `Known`, `Absent` or `Unknown`: the result of asking somebody |
//! | [`client`] | a Kubernetes client with deadlines, counted calls and `TCP_NODELAY` |
//! | [`queue`] | the keyed work queue behind every controller |
//! | [`watch`] | one watch that survives everything an API server does to it |
//! | [`lease`] | leader election by the rules of client-go, on a local clock |

pub mod answer;
pub mod certs;
pub mod client;
pub mod clock;
pub mod conditions;
pub mod health;
pub mod lease;
pub mod queue;
pub mod server;
pub mod shutdown;
pub mod watch;
pub mod webhook;

// NOTE from the lead: shutdown.rs was written first and is kept; the folder shutdown/ was removed. health, metrics, events,
// conditions, logging: as below.
// Being written by another member of the team right now, leave these to them: health, metrics, events, conditions,
// shutdown, logging. (certs, server, webhook, diagnostics, lease stay with you.) Remove this note at the end.
