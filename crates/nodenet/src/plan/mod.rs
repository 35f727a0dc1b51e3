//! Every rule, pure: no client, no clock, no async.

pub mod admission;
pub mod bonding;
pub mod capture;
pub mod condition;
pub mod desired;
pub mod document;
pub mod drift;
pub mod limit;
pub mod matching;
pub mod priority;
pub mod probe;
pub mod report;
pub mod revert;
pub mod rollout;
pub mod schema;
pub mod selector;
