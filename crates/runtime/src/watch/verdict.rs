//! What an error of the watcher means for the watch.

use kube::runtime::watcher::Error;

use super::Health;
use crate::answer::describe;

/// See [`judge`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The server does not know the kind (any more).
    NotServed,
    /// Our position in the history is no longer valid: list again.
    Expired(String),
    /// Anything else: go on from where we were.
    Failed(String),
}

impl Verdict {
    /// The next attempt must begin with a list.
    ///
    /// kube's watcher does so by itself for a 410 inside the stream, but goes on asking for the same position
    /// for ever when the server refuses the watch request itself.
    pub(super) fn start_over(&self) -> bool {
        matches!(self, Self::NotServed | Self::Expired(_))
    }

    pub(super) fn health(&self) -> Health {
        match self {
            Self::NotServed => Health::NotServed,
            Self::Expired(reason) | Self::Failed(reason) => Health::Failing(reason.clone()),
        }
    }
}

pub(super) fn judge(error: &Error) -> Verdict {
    let (code, text) = match error {
        Error::InitialListFailed(error) | Error::WatchStartFailed(error) | Error::WatchFailed(error) => {
            (api_code(error), describe(error))
        }
        Error::WatchError(status) => (
            status.code,
            format!("the API server answered: {}", status.message),
        ),
        Error::NoResourceVersion => {
            return Verdict::Expired("an object came without a resource version".into());
        }
    };
    match (code, error) {
        (404, _) => Verdict::NotServed,
        (410, _) => Verdict::Expired(text),
        // "Bad request" for a watch is about its position, e.g. after a restore of etcd.
        (400, Error::WatchStartFailed(_)) => Verdict::Expired(text),
        // An error event the server sends in the stream ends what we know about our position.
        (_, Error::WatchError(_)) => Verdict::Expired(text),
        _ => Verdict::Failed(text),
    }
}

fn api_code(error: &kube::Error) -> u16 {
    match error {
        kube::Error::Api(status) => status.code,
        _ => 0,
    }
}
