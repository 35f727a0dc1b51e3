//! Reasons of the claim's `Ready` condition. Users write alerts against these words: they are API (spec §18).

use std::{fmt, str::FromStr};

/// Type of the condition we own on claims and pools.
pub const READY: &str = "Ready";

/// Why a claim is or is not ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReadyReason {
    /// True: the claim is bound.
    AddressAllocated,
    /// False: the pool is missing, being deleted, or its spec is unusable.
    PoolNotReady,
    /// False: nothing free.
    PoolExhausted,
    /// False: anything else (name conflict, create refused).
    AllocationFailed,
}

impl ReadyReason {
    /// Every reason.
    pub const ALL: [Self; 4] = [
        Self::AddressAllocated,
        Self::PoolNotReady,
        Self::PoolExhausted,
        Self::AllocationFailed,
    ];

    /// As written in the condition.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AddressAllocated => "AddressAllocated",
            Self::PoolNotReady => "PoolNotReady",
            Self::PoolExhausted => "PoolExhausted",
            Self::AllocationFailed => "AllocationFailed",
        }
    }

    /// Condition status that goes with the reason.
    #[must_use]
    pub const fn is_ready(self) -> bool {
        matches!(self, Self::AddressAllocated)
    }
}

impl fmt::Display for ReadyReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ReadyReason {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|r| r.as_str() == text).ok_or(())
    }
}
