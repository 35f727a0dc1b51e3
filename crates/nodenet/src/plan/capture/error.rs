//! Errors of captures and templates, in the words and with the caret of nmstate.

use std::fmt;

/// Why a capture or a template could not be read or evaluated.
///
/// `Display` is what nmstate prints: for [`ErrorKind::Policy`] three lines, the last one with a caret under the
/// character that is to blame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    kind: ErrorKind,
    cause: Cause,
    message: String,
    line: String,
    position: usize,
}

/// How nmstate names the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Something in one line of text; it has a position.
    Policy,
    /// Something about the whole.
    InvalidArgument,
}

/// What may mend the error: decides whether the policy fails for good or waits (spec §4.2 d, §22.2, §22.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Only a change of the policy.
    Text,
    /// A change of the node's network: an interface or a route that is not there now.
    NotFound,
    /// The value of a template source that is still to come.
    Unresolved(Source),
}

/// Where the value of a template reference comes from: the first word between the braces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// `{{ capture.NAME.PATH }}`, §8.
    Capture,
    /// `{{ interface.PROPERTY }}`: the matched interface of a template entry, §17.2.
    Interface,
    /// `{{ node.name }}`, `{{ node.labels.KEY }}`, `{{ node.annotations.KEY }}`, `{{ node.index }}`, §22.2.
    Node,
    /// `{{ secret.NAME }}`, §22.6.
    Secret,
    /// `{{ address.NAME.PROPERTY }}`, §22.2.
    Address,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Capture,
        Self::Interface,
        Self::Node,
        Self::Secret,
        Self::Address,
    ];

    /// The word as written between the braces.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Interface => "interface",
            Self::Node => "node",
            Self::Secret => "secret",
            Self::Address => "address",
        }
    }

    /// The source called `word`.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.word() == word)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl PolicyError {
    /// An error at `position` (characters, from 0) of `line` that only an edit mends.
    pub(crate) fn at(message: impl Into<String>, line: &str, position: usize) -> Self {
        Self {
            kind: ErrorKind::Policy,
            cause: Cause::Text,
            message: message.into(),
            line: line.to_owned(),
            position,
        }
    }

    /// An error at `position` of `line` that a change of the node's network may mend.
    pub(crate) fn not_found(message: impl Into<String>, line: &str, position: usize) -> Self {
        Self {
            cause: Cause::NotFound,
            ..Self::at(message, line, position)
        }
    }

    /// A template reference whose source has no value yet.
    pub(crate) fn unresolved(
        source: Source,
        message: impl Into<String>,
        line: &str,
        position: usize,
    ) -> Self {
        Self {
            cause: Cause::Unresolved(source),
            ..Self::at(message, line, position)
        }
    }

    /// An error without a position.
    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::InvalidArgument,
            cause: Cause::Text,
            message: message.into(),
            line: String::new(),
            position: 0,
        }
    }

    /// How nmstate names it.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What may mend it.
    #[must_use]
    pub const fn cause(&self) -> Cause {
        self.cause
    }

    /// The sentence alone, without line and caret.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The text the error is in; empty for [`ErrorKind::InvalidArgument`].
    #[must_use]
    pub fn line(&self) -> &str {
        &self.line
    }

    /// The blamed character of [`Self::line`], counted in characters from 0.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ErrorKind::InvalidArgument => write!(f, "InvalidArgument: {}", self.message),
            ErrorKind::Policy => write!(
                f,
                "PolicyError: {}\n| {}\n| {:.<3$}^",
                self.message, self.line, "", self.position
            ),
        }
    }
}

impl std::error::Error for PolicyError {}
