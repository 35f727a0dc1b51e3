//! The numbered cases of spec cni-ipam §8.1 to §8.6, by their numbers, against the real binary.

mod extensions;
mod order;
mod protocol;
mod ranges;
mod release;
mod requested;
mod results;
mod world;
