//! Admission and conversion end to end: a real API server calls the webhooks of the real program (spec §4 and §10,
//! cases 70 to 90 and 137 to 154).
//!
//! All tests share one control plane and one controller; each has a namespace of its own, and global pools named after
//! it.

#[path = "../rig/mod.rs"]
mod rig;

#[path = "../rig/read.rs"]
mod read;

mod address_pools;
mod answer;
mod apply;
mod conversion;
mod home;
mod prefix_pools;
mod states;
mod warnings;
