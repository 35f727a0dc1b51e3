//! The result of asking somebody: known, absent, or not known.
//!
//! "I could not ask" is different from "there is none". Nothing may be released, removed or deleted on an
//! [`Answer::Unknown`]; that is why it is a type and not a convention.

use std::error::Error;
use std::iter;

/// What a source said about one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Answer<T> {
    /// The source answered, and this is it.
    Known(T),
    /// The source answered: there is no such thing.
    Absent,
    /// The source did not answer, or not in a way that can be trusted. The text says why, for a person.
    Unknown(String),
}

impl<T> Answer<T> {
    /// Applies `f` to a known value and leaves the other two as they are.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Answer<U> {
        match self {
            Self::Known(value) => Answer::Known(f(value)),
            Self::Absent => Answer::Absent,
            Self::Unknown(reason) => Answer::Unknown(reason),
        }
    }

    /// Asks the next question with a known value; the other two are passed on.
    pub fn and_then<U>(self, f: impl FnOnce(T) -> Answer<U>) -> Answer<U> {
        match self {
            Self::Known(value) => f(value),
            Self::Absent => Answer::Absent,
            Self::Unknown(reason) => Answer::Unknown(reason),
        }
    }

    /// The known value; `None` for both other answers, so use it only where they mean the same.
    pub fn known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Absent | Self::Unknown(_) => None,
        }
    }

    /// The same answer about a borrowed value.
    pub fn as_ref(&self) -> Answer<&T> {
        match self {
            Self::Known(value) => Answer::Known(value),
            Self::Absent => Answer::Absent,
            Self::Unknown(reason) => Answer::Unknown(reason.clone()),
        }
    }

    /// True only when the source itself said that there is no such thing.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// True when nothing may be concluded.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }

    /// From an optional read of the API server, as `Api::get_opt` gives it.
    ///
    /// Only a well-formed "not found" is [`Answer::Absent`]; every error is [`Answer::Unknown`].
    pub fn from_kube(result: Result<Option<T>, kube::Error>) -> Self {
        match result {
            Ok(Some(value)) => Self::Known(value),
            Ok(None) => Self::Absent,
            Err(error) => Self::Unknown(describe(&error)),
        }
    }
}

impl<T> From<Result<Option<T>, kube::Error>> for Answer<T> {
    fn from(result: Result<Option<T>, kube::Error>) -> Self {
        Self::from_kube(result)
    }
}

/// An error and its causes on one line, outermost first, without repetition.
///
/// Some libraries print the cause in the message as well as offering it as a source; a part that the text
/// already ends with is left out.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    for part in iter::successors(Some(error), |&e| e.source()).map(ToString::to_string) {
        if text.is_empty() {
            text = part;
        } else if !text.ends_with(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
    }
    text
}

/// A Kubernetes client error for people: the server's own message where there is one.
///
/// `kube::Error` prints the whole status object twice, which nobody wants to read in a condition.
#[must_use]
pub fn describe(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if !status.message.is_empty() => {
            format!("the API server answered {}: {}", status.code, status.message)
        }
        kube::Error::Api(status) => format!("the API server answered {} {}", status.code, status.reason),
        kube::Error::Service(source) => chain(source.as_ref()),
        other => chain(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16, message: &str) -> kube::Error {
        kube::Error::Api(
            kube::core::Status::failure(message, "Reason")
                .with_code(code)
                .boxed(),
        )
    }

    #[test]
    fn an_error_is_never_absent() {
        assert_eq!(Answer::<u8>::from_kube(Ok(None)), Answer::Absent);
        assert_eq!(Answer::from_kube(Ok(Some(7))), Answer::Known(7));
        let silent = Answer::<u8>::from_kube(Err(status(503, "etcd is down")));
        assert_eq!(
            silent,
            Answer::Unknown("the API server answered 503: etcd is down".into())
        );
        assert!(silent.is_unknown() && !silent.is_absent());
    }

    #[test]
    fn mapping_keeps_the_reason() {
        let answer: Answer<u8> = Answer::Unknown("no route".into());
        assert_eq!(answer.map(|n| n + 1), Answer::<u8>::Unknown("no route".into()));
        assert_eq!(Answer::Known(1).map(|n| n + 1), Answer::Known(2));
        assert_eq!(
            Answer::Known(1).and_then(|_| Answer::<u8>::Absent),
            Answer::Absent
        );
    }

    #[test]
    fn a_cause_already_in_the_text_is_not_repeated() {
        let inner = std::io::Error::other("connection refused");
        let error = kube::Error::ReadEvents(inner);
        assert_eq!(chain(&error), "Error reading events stream: connection refused");
    }
}
