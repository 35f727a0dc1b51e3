//! Asking the API server for the own node or another one (spec cni-ipam §6.4, §6.5).

use crate::{
    error::Error,
    json::Json,
    node::{self, Client, Deadline, Failure, Node, NodeError},
};

use super::{config::Config, failed};

/// The own node. `remembered` is its name and UID from before.
///
/// # Errors
/// Code 11: `My node not found`, or `kubectl get nodes` when it could not be asked for.
pub(super) fn own_node(
    config: &Config,
    remembered: Option<(&str, &str)>,
    deadline: Deadline,
) -> Result<Node, Error> {
    let client = client(config, deadline)?;
    node::own_node(&client, node::known_name(None).as_deref(), remembered).map_err(|error| match error {
        NodeError::Missing(text) => failed("My node not found").with_details(text),
        NodeError::Failed(failure) => unreadable(&failure),
    })
}

/// The own node with everything in it; `None` when there is none.
pub(super) fn whole_own_node(config: &Config, deadline: Deadline) -> Result<Option<Json>, Error> {
    let client = client(config, deadline)?;
    let name = match node::own_node(&client, node::known_name(None).as_deref(), None) {
        Ok(node) => node.name,
        Err(NodeError::Missing(_)) => return Ok(None),
        Err(NodeError::Failed(failure)) => return Err(unreadable(&failure)),
    };
    match client.node(&name) {
        Ok(node) => Ok(Some(node)),
        Err(Failure::NotFound) => Ok(None),
        Err(failure) => Err(unreadable(&failure)),
    }
}

/// The node of this name; `None` when there is none.
pub(super) fn node(config: &Config, name: &str, deadline: Deadline) -> Result<Option<Node>, Error> {
    match client(config, deadline)?.node(name) {
        Ok(node) => Ok(Some(node)),
        Err(Failure::NotFound) => Ok(None),
        Err(failure) => Err(unreadable(&failure)),
    }
}

fn client(config: &Config, deadline: Deadline) -> Result<Client, Error> {
    let access = node::discover(config.kubeconfig.as_deref())
        .map_err(|problem| unreadable(&Failure::Permanent(problem)))?;
    Ok(Client::new(access, deadline))
}

fn unreadable(failure: &Failure) -> Error {
    failed("kubectl get nodes").with_details(failure.to_string())
}
