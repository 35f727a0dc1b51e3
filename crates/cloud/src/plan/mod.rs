//! Every decision of the cloud controller, as pure functions: no client, no clock, no async.
//!
//! | module | question |
//! |---|---|
//! | [`facts`] | what do sources and Nodes tell us? |
//! | [`settings`] | what did people choose? |
//! | [`provider_id`], [`identity`] | which machine is this Node? |
//! | [`instance`] | what does a machine's configuration say, and what is its type called? |
//! | [`address`] | which addresses does the Node get? |
//! | [`topology`], [`labels`] | in which zone and groups is it, and which labels say so? |
//! | [`node`] | what is the next step for this Node, and when to try again? |
//! | [`lifecycle`] | is its machine gone, or switched off? |
//! | [`upstream`] | what would the replaced controller do with the same facts? |
//! | [`verdict`], [`notice`], [`explain`] | how is all that told to people? |

pub mod address;
pub mod explain;
pub mod facts;
pub mod identity;
pub mod instance;
pub mod labels;
pub mod lifecycle;
pub mod node;
pub mod notice;
pub mod provider_id;
pub mod settings;
pub mod topology;
pub mod upstream;
pub mod verdict;
