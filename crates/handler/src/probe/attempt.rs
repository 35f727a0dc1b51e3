//! One attempt of one probe. Every attempt ends by itself within a few seconds.

use super::api_server::ApiServer;
use super::outcome::Passed;
use super::target::Targets;
use super::{Probe, dns, gateway, tcp};

/// Tries once. The error is one line.
pub(super) async fn attempt(
    probe: &Probe,
    targets: &Targets,
    api_server: Option<&ApiServer>,
) -> Result<Passed, String> {
    match probe {
        Probe::Gateway(mode) => gateway::attempt(*mode, targets.gateway.as_ref()).await,
        Probe::Dns { host } => dns::attempt(host, &targets.name_servers).await,
        Probe::Tcp(address) => tcp::attempt(*address).await,
        Probe::ApiServer => known(api_server)?.answers().await,
        Probe::NodeReady { node } => known(api_server)?.node_is_ready(node).await,
    }
}

fn known(api_server: Option<&ApiServer>) -> Result<&ApiServer, String> {
    api_server.ok_or_else(|| "this handler runs without an API server".to_owned())
}
