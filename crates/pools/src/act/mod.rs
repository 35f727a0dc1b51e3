//! The writes, each small and idempotent. None is sent unless this process holds the lead.

pub mod address;
pub mod claim;
pub mod pool;

use kube::api::PatchParams;
use runtime::client::{Outcome, outcome};

use crate::world::World;

/// Why a write brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process leads now; this one must not write.
    #[error("this process does not hold the lead any more")]
    NotLeading,
    /// The object changed since the decision, or is gone: decide again on what the watch shows.
    #[error("the object changed meanwhile")]
    Stale(#[source] kube::Error),
    /// Whether the address exists is not known; the watch shows it, or the same create is sent again.
    #[error("the outcome of a create is not known yet")]
    Unsettled,
    /// The API server said no, or nothing.
    #[error("the API server did not carry it out")]
    Api(#[source] kube::Error),
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        match &error {
            kube::Error::Api(status) if status.code == 409 || status.code == 404 => Self::Stale(error),
            _ => Self::Api(error),
        }
    }
}

impl Error {
    /// Whether a person should read about it: not for conflicts, which are how concurrent writers meet.
    #[must_use]
    pub fn is_news(&self) -> bool {
        match self {
            Self::NotLeading | Self::Stale(_) | Self::Unsettled => false,
            Self::Api(error) => outcome(error) != Outcome::NotSent,
        }
    }
}

/// Refuses to go on once the lead is lost.
///
/// # Errors
/// [`Error::NotLeading`].
pub fn must_lead(world: &World) -> Result<(), Error> {
    if (world.holds)() {
        Ok(())
    } else {
        Err(Error::NotLeading)
    }
}

fn params() -> PatchParams {
    PatchParams {
        field_manager: Some(crate::FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    }
}
