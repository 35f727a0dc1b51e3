//! Node network: policies rolled out over nodes, reports shaped, the operator that installs them.
//!
//! [`plan`] holds every rule and knows no client, clock or async: what a policy means on one node, who may go next,
//! what a status says. The desired and the reported network are documents in nmstate's own schema; they stay documents
//! here, for only the process on the node links nmstate.
//!
//! [`coordinator`] is the shell around roll-outs; [`webhooks`] answers the API server while a user waits.

pub mod coordinator;
pub mod names;
pub mod plan;
pub mod webhooks;
