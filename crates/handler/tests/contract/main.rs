//! What every back end must do, run on each of them.
//!
//! A back end joins by a [`World`] of its own and one line per case, see `scripted.rs`. NetworkManager runs in a
//! namespace of its own (root).

#![expect(clippy::unwrap_used, reason = "a test: what fails here is the test")]

mod cases;
mod kernel;
mod network_manager;
mod scripted;

use std::time::Duration;

use handler::backend::{Change, NetBackend};
use serde_json::{Value, json};

/// Long enough that no time limit strikes unasked.
const LONG: Duration = Duration::from_secs(120);

/// How long anything may take to come true.
const DEADLINE: Duration = Duration::from_secs(30);

/// A node with an ethernet-like interface `e1` of MTU 1500.
trait World {
    /// The back end under test.
    type Backend: NetBackend;

    /// The back end of a new process on this node. Only one is used at a time.
    fn backend(&self) -> Self::Backend;

    /// What gives `e1` this MTU.
    fn mtu(&self, mtu: u32) -> Value {
        json!({"interfaces": [{"name": "e1", "type": "ethernet", "state": "up", "mtu": mtu}]})
    }
}

/// A change of policy `p`.
fn change(desired: Value, timeout: Duration) -> Change {
    Change {
        policy: "p".to_owned(),
        generation: 7,
        desired,
        timeout,
    }
}

/// The MTU of `e1` as the back end reports it.
async fn reported_mtu(backend: &impl NetBackend) -> u64 {
    let report = backend.query().await.unwrap();
    report["interfaces"]
        .as_array()
        .unwrap()
        .iter()
        .find(|interface| interface["name"] == "e1")
        .unwrap_or_else(|| panic!("no e1 in {report}"))["mtu"]
        .as_u64()
        .unwrap()
}
