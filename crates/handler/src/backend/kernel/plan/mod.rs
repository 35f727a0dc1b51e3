//! From a document to ordered steps, and back. Pure: no netlink, no files, no clock.
//!
//! ```text
//! delta document ──target()──► Target ──steps(now)──► Step, Step, …
//!                                 └──inverse(before)──► Target of the way back ──steps(now)──► …
//! ```
//! Both ways are carried out by the same [`steps()`] against what is there at that moment, again and again until none
//! is left: that is why the way back works from everywhere, also from half of the way there, and why an empty list
//! of steps is the proof that a target was reached.

mod address;
mod inverse;
mod kind;
mod order;
mod port;
mod refuse;
mod resolver;
mod route;
mod rule;
mod steps;
mod target;
mod translate;

#[cfg(test)]
mod kernel;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use inverse::inverse;
pub use refuse::{Class, Problem, Problems};
pub use steps::{Step, steps};
pub use target::{Allowance, target};
pub use translate::document;
