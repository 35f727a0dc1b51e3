use kube::api::{DeleteParams, Preconditions};

use super::{Error, admit};
use crate::plan::facts::NodeFacts;
use crate::world::World;

/// Deletes exactly this Node in exactly this state. One that is gone already is fine.
///
/// # Errors
/// [`Error::Stale`] when it changed: whoever re-created or touched it did so after the decision.
pub async fn delete(world: &World, node: &NodeFacts) -> Result<(), Error> {
    admit(world).await?;
    let params = DeleteParams {
        preconditions: Some(Preconditions {
            uid: Some(node.uid.to_string()),
            resource_version: Some(node.resource_version.to_string()),
        }),
        ..DeleteParams::default()
    };
    match world.api.delete(&node.name, &params).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 409 => Err(Error::Stale),
        Err(error) => Err(Error::Api(error)),
    }
}
