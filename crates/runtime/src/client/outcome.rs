//! What an error says about whether a write happened.

use std::error::Error;
use std::iter;

/// What is known about a write whose request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server refused it (4xx): it did not happen and repeating it unchanged will not help.
    Refused,
    /// It never reached the server, or the server said that it did not execute it (429): not done.
    NotSent,
    /// It may or may not have happened: read again before deciding anything.
    Unknown,
}

/// Classifies the error of a write. When in doubt the answer is [`Outcome::Unknown`].
#[must_use]
pub fn outcome(error: &kube::Error) -> Outcome {
    match error {
        kube::Error::Api(status) => match status.code {
            // 408 is "request timeout", written after the server may have begun.
            429 => Outcome::NotSent,
            408 => Outcome::Unknown,
            400..=499 => Outcome::Refused,
            _ => Outcome::Unknown,
        },
        kube::Error::BuildRequest(_) | kube::Error::Auth(_) => Outcome::NotSent,
        kube::Error::Service(source) if never_connected(source.as_ref()) => Outcome::NotSent,
        _ => Outcome::Unknown,
    }
}

fn never_connected(error: &(dyn Error + 'static)) -> bool {
    iter::successors(Some(error), |&e| e.source()).any(|e| {
        e.downcast_ref::<hyper_util::client::legacy::Error>()
            .is_some_and(hyper_util::client::legacy::Error::is_connect)
    })
}
