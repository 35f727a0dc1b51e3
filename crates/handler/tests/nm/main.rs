//! The back end on a real NetworkManager, each test in a namespace of its own (root): what only a real one shows.

#![expect(clippy::unwrap_used, reason = "a test: what fails here is the test")]

mod checkpoints;
mod documents;
mod ground;
mod killed;
mod name_servers;
mod silence;
