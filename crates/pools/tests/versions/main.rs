//! Every version of Cluster API's kinds, as it is installed, missing, or upgraded under a running controller (spec
//! §14, §18), and controllers that serve one namespace (§16). Each test has a control plane of its own.

mod contract;
#[expect(
    dead_code,
    unused_imports,
    reason = "shared with the numbered cases, which use all of it"
)]
#[path = "../ground/mod.rs"]
mod ground;
mod namespaces;
mod unreadable;
mod upgrades;
#[expect(dead_code, reason = "shared with the numbered cases, which use all of it")]
#[path = "../cases/witness.rs"]
mod witness;
