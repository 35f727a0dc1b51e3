//! Does the API server answer, and what does it think of this node.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, Node};
use kube::{Api, Client, Config};
use runtime::answer::chain;
use runtime::client::{ClientOptions, connect_with};

use super::outcome::Passed;

/// Time for one complete answer, the new connection and its handshake included.
const PATIENCE: Duration = Duration::from_secs(5);

/// How to reach the API server. Every attempt opens a connection of its own: one that is open already proves nothing
/// about the network as it is now.
#[derive(Clone, Debug)]
pub struct ApiServer {
    config: Config,
    options: ClientOptions,
}

impl ApiServer {
    /// For the server and with the account of `config`; name and request counter are those of `options`, its deadlines
    /// are not used.
    #[must_use]
    pub fn new(config: Config, options: ClientOptions) -> Self {
        let options = ClientOptions {
            deadline: PATIENCE,
            connect_timeout: PATIENCE,
            ..options
        };
        Self { config, options }
    }

    fn fresh(&self) -> Result<Client, String> {
        connect_with(self.config.clone(), &self.options).map_err(|error| one_line(&chain(&error)))
    }

    /// Reads the namespace `default`.
    pub(super) async fn answers(&self) -> Result<Passed, String> {
        let namespaces: Api<Namespace> = Api::all(self.fresh()?);
        match namespaces.get("default").await {
            Ok(_) => Ok(Passed::ApiServer),
            Err(error) => Err(one_line(&chain(&error))),
        }
    }

    /// Reads the Node. A read that fails is an attempt that failed, nothing more (spec §16 D20).
    pub(super) async fn node_is_ready(&self, name: &str) -> Result<Passed, String> {
        let nodes: Api<Node> = Api::all(self.fresh()?);
        match nodes.get(name).await {
            Ok(node) => ready(&node),
            Err(error) => Err(one_line(&chain(&error))),
        }
    }
}

fn ready(node: &Node) -> Result<Passed, String> {
    let conditions = node
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let Some(condition) = conditions
        .into_iter()
        .find(|condition| condition.type_ == "Ready")
    else {
        return Err("the node has no condition Ready yet".to_owned());
    };
    if condition.status == "True" {
        return Ok(Passed::NodeReady);
    }
    let reason = condition.reason.as_deref().unwrap_or("no reason given");
    let message = condition.message.as_deref().unwrap_or_default();
    let words = format!("Ready is {}: {reason}: {message}", condition.status);
    Err(one_line(words.trim_end_matches([':', ' '])))
}

/// Servers and proxies answer with whole pages at times.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
