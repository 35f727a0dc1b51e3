//! `cadastre controller` as a process: how it starts, what it listens on, whom it answers, how it leads and how it ends
//! (spec §16, cases 155 to 161).

#[path = "../rig/mod.rs"]
mod rig;

#[path = "../rig/read.rs"]
mod read;

mod certificates;
mod definitions;
mod diagnostics;
mod election;
mod filter;
mod flags;
mod listening;
mod replica;
mod self_managed;
mod start;
mod stop;
mod tls;
