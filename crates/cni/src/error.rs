//! The CNI error object (CNI 1.1 "Error", spec cni-ipam §2.5).

use std::fmt;

/// Codes of the CNI specification and of the plugins we replace (spec cni-ipam §2.5).
pub mod code {
    /// Version mismatch, or the verb is not allowed for that version.
    pub const VERSION: u32 = 1;
    /// A variable of the environment is missing or wrong.
    pub const ENVIRONMENT: u32 = 4;
    /// Reading stdin or writing stdout failed.
    pub const IO: u32 = 5;
    /// Stdin, or a version in it, cannot be decoded.
    pub const DECODE: u32 = 6;
    /// The network name, or another part of the configuration that every plugin shares.
    pub const CONFIG: u32 = 7;
    /// `CNI_NETNS` is our own namespace.
    pub const OWN_NETNS: u32 = 8;
    /// Try again later: API server unreachable, lock held too long; every error of `node-annotation` itself.
    pub const TRY_AGAIN: u32 = 11;
    /// STATUS: an ADD could not be served now.
    pub const NOT_AVAILABLE: u32 = 50;
    /// Every permanent error of `kube-node`.
    pub const KUBE_NODE: u32 = 100;
    /// Every error of the allocator.
    pub const ALLOCATOR: u32 = 999;
}

/// What went wrong, in the words of the specification: scripts in the field search for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// One of [`code`].
    pub code: u32,
    /// The short text.
    pub msg: String,
    /// More of it; empty when there is none, and then left out of the object.
    pub details: String,
}

impl Error {
    /// An error without details.
    #[must_use]
    pub fn new(code: u32, msg: impl Into<String>) -> Self {
        Self {
            code,
            msg: msg.into(),
            details: String::new(),
        }
    }

    /// The same error with details.
    #[must_use]
    pub fn with_details(mut self, details: impl Into<String>) -> Self {
        self.details = details.into();
        self
    }

    /// An error of the allocator (code 999).
    #[must_use]
    pub fn allocator(msg: impl Into<String>) -> Self {
        Self::new(code::ALLOCATOR, msg)
    }
}

/// `msg`, or `msg; details`: the form in which one plugin quotes the error of another (spec §5.5).
impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.msg)?;
        if self.details.is_empty() {
            return Ok(());
        }
        write!(out, "; {}", self.details)
    }
}

impl std::error::Error for Error {}
