//! The parts of the runtime that talk to an API server, against a real one.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy cannot tell from other code"
)]

mod certs;
mod client;
mod diagnostics;
mod lease;
mod old_roles;
mod watch;
mod webhook;

use std::time::Duration;

use runtime::client::{ClientOptions, connect_with};
use testkit::ControlPlane;

/// Long enough for a busy machine; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Our own client, as the administrator.
fn own_client(plane: &ControlPlane) -> kube::Client {
    connect_with(plane.config(), &ClientOptions::default()).expect("a client")
}
