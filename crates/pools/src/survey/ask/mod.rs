//! Asking for an address as a person does: create a claim, wait, read the answer.

mod create;
mod wait;

use std::time::Duration;

use serde::Serialize;

pub use self::{
    create::{create, find_pool},
    wait::wait,
};
use super::Error;
use crate::plan::{
    name::{ObjectName, PoolName},
    snapshot::PoolKey,
};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Namespace and name of the claim.
    pub claim: ObjectName,
    /// The pool to draw from.
    pub pool: PoolName,
    /// The cluster the claim is to belong to, if any.
    pub cluster: Option<String>,
}

/// A bound claim. Field names are those of the JSON output and do not change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bound {
    /// Namespace of claim and address.
    pub namespace: String,
    /// Name of claim and address.
    pub name: String,
    /// The pool.
    pub pool: PoolKey,
    /// The address, or the base address of the prefix.
    pub address: String,
    /// Prefix length; null only for objects written past the schema.
    pub prefix: Option<i64>,
    /// Gateway; null when the pool has none.
    pub gateway: Option<String>,
}

/// Why there is no address.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No pool, or several, by that name.
    #[error("{0}")]
    Pool(String),
    /// The claim was refused.
    #[error("cannot create IPAddressClaim {claim}: {why}")]
    Create {
        /// The claim.
        claim: ObjectName,
        /// The API server's words.
        why: String,
    },
    /// A claim of that name asks for something else.
    #[error("IPAddressClaim {claim} exists already and draws from {pool}; choose another name or delete it")]
    Taken {
        /// The claim.
        claim: ObjectName,
        /// Its pool, in words.
        pool: String,
    },
    /// Somebody deleted the claim.
    #[error("IPAddressClaim {0} was deleted while it waited for its address")]
    Deleted(ObjectName),
    /// The time is over. The claim stays.
    #[error("IPAddressClaim {claim} has no address after {} s: {why}", waited.as_secs())]
    NotInTime {
        /// The claim.
        claim: ObjectName,
        /// How long it waited.
        waited: Duration,
        /// What it waits for.
        why: String,
    },
    /// The API server could not be asked.
    #[error(transparent)]
    Look(#[from] Error),
}
