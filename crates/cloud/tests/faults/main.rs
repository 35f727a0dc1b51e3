//! What must never happen to a Node, whatever fails: it loses no address that its machine still has, no taint, no label,
//! and not its life. One region down of two, a host that hangs, guest agents that fail, a lost `VM.Audit`, an API server
//! that restarts or lies about what it did, a hundred machines on the move.
//!
//! Every scenario has a control plane of its own and a [`Witness`](witness::Witness) that judges each event of each Node
//! by what is [true](truth) of its machine at that moment. Faults hit Nodes that are being initialised and Nodes in use,
//! and end healed: then everything that happened meanwhile must have arrived. `CADASTRE_LONG=1` holds the faults longer.

#[path = "../cluster/ground.rs"]
#[expect(dead_code, reason = "the cases of the test binary `cluster` need more of it")]
mod ground;

mod agents;
mod apiserver;
mod budget;
mod hosts;
mod migrations;
mod privileges;
mod rebuilt;
mod regions;
mod stage;
mod truth;
mod witness;
mod workers;

/// Whether the long versions are wanted.
fn is_long() -> bool {
    std::env::var_os("CADASTRE_LONG").is_some_and(|value| value != "0")
}

/// `short`, or five times as many where the long versions are wanted.
fn rounds(short: u64) -> u64 {
    if is_long() { short * 5 } else { short }
}
