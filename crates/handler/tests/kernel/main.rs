//! The kernel back end on a real kernel, in network namespaces of its own (root).
//!
//! Kinds of links that this kernel may lack (VLANs, bonds, VRFs) are proven in guests; here they are planned only, see
//! the tests beside the plan.

#![expect(clippy::unwrap_used, reason = "a test: what fails here is the test")]

mod apply;
mod child;
mod death;
mod ground;
mod keep;
mod refuse;
mod rollback;
