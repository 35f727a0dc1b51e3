//! Every decision of the pools, as pure functions: no client, no clock, no async.
//!
//! | module | question |
//! |---|---|
//! | [`domain`] | what may a pool hand out? |
//! | [`ledger`] | what of it is free, in use, promised? |
//! | [`index`] | what do we know of all objects, and who waits for what? |
//! | [`claim`] | what is the next step for this claim? |
//! | [`claim_status`], [`address`] | what is written to the claim, and as the address? |
//! | [`orphan`] | has this address lost its claim? |
//! | [`pool`] | what should this pool's status say? |
//! | [`admission`] | may this pool be written? |
//! | [`convert`] | how does it look in the other version? |
//! | [`snapshot`] | the index, made from plain lists for a person's look |
//! | [`explain`] | what does the plan think of this claim, rule by rule? |
//! | [`audit`] | what is wrong in this cluster? |

pub mod address;
pub mod admission;
pub mod audit;
pub mod claim;
pub mod claim_status;
pub mod convert;
pub mod domain;
pub mod explain;
pub mod facts;
pub mod index;
pub mod ledger;
pub mod name;
pub mod orphan;
pub mod pool;
pub mod snapshot;
