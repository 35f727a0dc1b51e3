//! The numbered cases of spec cni-ipam §8.1 to §8.6, by their numbers, against the real binary.

#![expect(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a test: what fails here is the test, and rows of a table read better without borrows"
)]

mod extensions;
mod order;
mod protocol;
mod ranges;
mod release;
mod requested;
mod results;
mod world;
