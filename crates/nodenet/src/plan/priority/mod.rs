//! Several policies on one node (spec §17.3).
//!
//! Every policy is applied on its own, weakest first; what a stronger one sets otherwise is taken out of it before. So the
//! outcome is the same in whatever order they are applied.

mod mask;
mod order;
#[cfg(test)]
mod tests;

pub use mask::{Conflict, Layer, Masked, Overridden, mask};
pub use order::{After, PRIORITIES, Rank, Waiting, waiting, warning};
