//! The four kinds of group `nmstate.io`: what people ask of a node's network, and what nodes answer.
//!
//! | module | kind | versions |
//! |---|---|---|
//! | [`policy`] | [`Policy`]: `NodeNetworkConfigurationPolicy` | v1, v1beta1 |
//! | [`enactment`] | [`Enactment`]: `NodeNetworkConfigurationEnactment` | v1beta1, v1 |
//! | [`state`] | [`State`]: `NodeNetworkState` | v1beta1, v1 |
//! | [`operator`] | [`Operator`]: `NMState` | v1, v1beta1 |
//!
//! Desired and current states are documents in nmstate's own schema and stay [`serde_json::Value`] here. An explicit
//! `null` means the same as an absent field everywhere (documents of the project's first year carry them).

mod condition;
pub mod enactment;
mod kind;
mod object;
pub mod operator;
pub mod policy;
pub mod probes;
mod schema;
pub mod state;
mod wire;

pub use condition::Condition;
pub use enactment::{Enactment, EnactmentStatus};
pub use kind::{GROUP, NmstateKind};
pub use operator::{Operator, OperatorSpec, OperatorStatus};
pub use policy::{Policy, PolicySpec, PolicyStatus};
pub use probes::Probes;
pub use schema::{crd, yaml};
pub use state::{State, StateSpec, StateStatus};

#[cfg(test)]
mod tests;
