//! Asking the API server for the own node or another one (spec cni-ipam §6.4, §6.5).

use crate::{
    deadline::Deadline,
    error::Error,
    json::Json,
    node::{self, Failure, Node, NodeError, Way},
    plan::Reading,
};

use super::failed;

/// Why a node was not read.
pub(super) enum Refused {
    /// The API server could not be asked.
    Unasked(Error),
    /// There is no such node.
    Missing(Error),
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Unasked(error) | Refused::Missing(error) => error,
        }
    }
}

/// The own node. `remembered` is what was read before.
///
/// # Errors
/// Code 11: `My node not found`, or `kubectl get nodes` when it could not be asked for.
pub(super) fn own_node(way: &Way, remembered: Option<&Reading>, deadline: Deadline) -> Result<Node, Refused> {
    let client = way.client(deadline).map_err(|failure| unasked(&failure))?;
    node::own_node(&client, way.node_name(None).as_deref(), remembered).map_err(|error| match error {
        NodeError::Missing(text) => Refused::Missing(failed("My node not found").with_details(text)),
        NodeError::Failed(failure) => unasked(&failure),
    })
}

/// The own node with everything in it; `None` when there is none.
pub(super) fn whole_own_node(way: &Way, deadline: Deadline) -> Result<Option<Json>, Error> {
    match own_node(way, None, deadline) {
        Ok(node) => any_node(way, &node.name, deadline),
        Err(Refused::Missing(_)) => Ok(None),
        Err(Refused::Unasked(error)) => Err(error),
    }
}

/// The node of this name; `None` when there is none.
pub(super) fn node(way: &Way, name: &str, deadline: Deadline) -> Result<Option<Node>, Error> {
    any_node(way, name, deadline)
}

fn any_node<T: for<'de> serde::Deserialize<'de>>(
    way: &Way,
    name: &str,
    deadline: Deadline,
) -> Result<Option<T>, Error> {
    match way.client(deadline).and_then(|client| client.node(name)) {
        Ok(node) => Ok(Some(node)),
        Err(Failure::NotFound) => Ok(None),
        Err(failure) => Err(unasked(&failure).into()),
    }
}

fn unasked(failure: &Failure) -> Refused {
    Refused::Unasked(failed("kubectl get nodes").with_details(failure.to_string()))
}
