//! The writes, each small and guarded by the state it was decided on. None is sent unless this process leads.

mod delete;
mod patch;
mod write;

pub use delete::delete;
pub use write::{add_shutdown_taint, addresses, initialise, labels, remove_shutdown_taint, untaint, update};

use runtime::client::{Outcome, outcome};

use crate::world::World;

/// Shown in managed fields and audit logs.
pub const FIELD_MANAGER: &str = "cadastre-cloud";

/// Why a write brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process leads now; this one must not write.
    #[error("this process does not hold the lead any more")]
    NotLeading,
    /// The Node changed since the decision in a way that matters, or is gone: decide again.
    #[error("the Node changed meanwhile")]
    Stale,
    /// The API server said no, or nothing.
    #[error("the API server did not carry it out")]
    Api(#[source] kube::Error),
}

impl Error {
    /// Nobody knows whether it was carried out.
    #[must_use]
    pub fn may_have_happened(&self) -> bool {
        matches!(self, Self::Api(error) if outcome(error) == Outcome::Unknown)
    }

    /// Whether a person should read about it: not for conflicts, which are how concurrent writers meet.
    #[must_use]
    pub fn is_news(&self) -> bool {
        match self {
            Self::NotLeading | Self::Stale => false,
            Self::Api(error) => outcome(error) != Outcome::NotSent,
        }
    }
}

/// Waits for the turn of a write, and refuses it once the lead is lost.
pub(crate) async fn admit(world: &World) -> Result<(), Error> {
    world.limiter.acquire().await;
    if (world.holds)() {
        Ok(())
    } else {
        Err(Error::NotLeading)
    }
}
