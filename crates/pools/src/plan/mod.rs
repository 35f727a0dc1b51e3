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

pub mod address;
pub mod claim;
pub mod claim_status;
pub mod domain;
pub mod facts;
pub mod index;
pub mod ledger;
pub mod name;
pub mod orphan;
pub mod pool;
