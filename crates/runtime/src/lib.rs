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
pub mod client;
pub mod clock;
pub mod queue;
pub mod watch;
