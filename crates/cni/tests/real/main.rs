//! The finished binary against the real things: the reference `host-local` beside it, the real main plugins above it,
//! the kernel below it (spec cni-ipam §10.1, §12, §13).
//!
//! Needs root and the Debian package `containernetworking-plugins`. `CADASTRE_LONG=1` runs the long versions; `SEED=…`
//! repeats a run's choices; `CADASTRE_CNI_BIN=FILE` tests another build than the one cargo just made.

#[path = "../kube_node/support/mod.rs"]
#[expect(
    clippy::unwrap_used,
    dead_code,
    unused_imports,
    reason = "shared with the tests of kube-node, which use other parts"
)]
mod support;

mod credentials;
mod crowd;
mod differential;
mod hostile;
mod interoperation;
mod kill;
mod locks;
mod pods;
mod reach;
mod volumes;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use testkit::cni::{PluginDir, reference};

/// Our binary under its own name.
fn binary() -> PathBuf {
    std::env::var_os("CADASTRE_CNI_BIN")
        .map_or_else(|| env!("CARGO_BIN_EXE_cadastre-cni").into(), PathBuf::from)
}

/// A folder where our binary is called `host-local`.
fn ours() -> PluginDir {
    PluginDir::new(&[("host-local", &binary())]).expect("a temporary folder can be made")
}

/// The reference `host-local`.
fn theirs() -> PathBuf {
    reference("host-local").expect("the reference plugins are installed")
}

/// The configuration of spec §8: network `net`, data directory `data`, and what `ipam` adds to it.
fn config(data: &Path, ipam: &Value) -> Value {
    let mut whole = json!({
        "cniVersion": "1.0.0",
        "name": "net",
        "type": "bridge",
        "ipam": {"type": "host-local", "dataDir": data},
    });
    for (key, value) in ipam.as_object().expect("ipam is an object") {
        whole["ipam"][key] = value.clone();
    }
    whole
}
