//! The promise "never twice" under faults: controllers killed, paused and doubled, an API server that restarts and
//! lies about what it did, watches that lag behind (spec §7, DESIGN §1).
//!
//! Every scenario has a control plane of its own, a [`witness`](Witness) that sees each event of each address, and an
//! [`audit`] of everything at the end. `CADASTRE_LONG=1` runs the long versions; `SEED=…` repeats a run's choices,
//! `CADASTRE_AUDIT=1` also keeps the API server's audit log.

#[path = "../rig/mod.rs"]
mod rig;

mod audit;
mod crowd;
mod ground;
mod kill;
mod lag;
mod pause;
mod split;
mod stage;
mod storm;
mod witness;

/// Whether the long versions are wanted.
fn is_long() -> bool {
    std::env::var_os("CADASTRE_LONG").is_some_and(|value| value != "0")
}
