//! What admission may ask about the rest of the cluster.

use addr::AddrSet;

use crate::plan::name::PoolName;

/// An in-use object of the pool in question (spec §1): any `IPAddress` that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InUse {
    /// `spec.address` as written.
    pub address: String,
    /// `spec.prefix`, if there is one.
    pub prefix: Option<i64>,
}

/// Another pool and what it may hand out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The other pool.
    pub name: PoolName,
    /// Its allocatable set.
    pub addresses: AddrSet,
}

/// What to do about a pool that shares addresses with another one. The provider we replace does not look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overlap {
    /// Do not look.
    #[default]
    Off,
    /// Allow it with a warning that names the other pools.
    Warn,
    /// Refuse it.
    Deny,
}

/// The rest of the cluster, as questions. `None` means that nobody knows yet.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// What to do about overlapping pools.
    pub overlap: Overlap,
    /// All in-use objects of the pool.
    pub in_use: &'a dyn Fn() -> Option<Vec<InUse>>,
    /// All other pools, of any kind and namespace; asked only when overlap matters.
    pub neighbours: &'a dyn Fn() -> Option<Vec<Neighbour>>,
}
