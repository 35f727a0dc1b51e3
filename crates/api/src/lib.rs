//! The Kubernetes objects Cadastre owns or speaks, one module per owner.
//!
//! | module | objects | owner |
//! |---|---|---|
//! | [`pool`] | the four pool kinds of `ipam.cluster.x-k8s.io` | Cadastre; [`crds`] generates `deploy/crds` from these types |
//! | [`nmstate`] | the four kinds of `nmstate.io` | Cadastre; `deploy/crds` is generated from these, too |
//! | [`capi`] | `IPAddressClaim`, `IPAddress`, `Cluster` | Cluster API; only the fields we read are declared |
//!
//! These are wire formats. Nothing here checks an address or decides anything: `pools::plan` turns a spec into a
//! domain value through one door.

pub mod capi;
pub mod crds;
pub mod meta;
pub mod names;
pub mod nmstate;
pub mod pool;
