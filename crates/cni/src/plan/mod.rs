//! What a call means: pure, from values to values. No files, no clock, no environment.
//!
//! | question | answer |
//! |---|---|
//! | what does the configuration say? | [`Config::read`] |
//! | which addresses does an ADD get? | [`allocate`] |
//! | how does its result look in this CNI version? | [`result`](fn@result) |
//! | what does `CNI_ARGS` ask for? | [`Args::parse`] |
//! | is CHECK content, what may GC remove, could ADD be served? | [`check`](mod@check), [`gc`](mod@gc), [`first_full`] |

mod address;
mod allocate;
pub mod annotation;
mod annotation_record;
mod args;
pub mod check;
mod choose;
mod config;
mod dns;
mod fields;
pub mod gc;
mod node_cache;
mod node_ranges;
mod options;
mod owner;
mod pod;
mod range;
mod range_set;
mod reading;
mod requested;
mod result;
mod route;

pub use address::{Cidr, parse_cidr, parse_ip};
pub use allocate::{Grant, Snapshot, allocate, first_full, full};
pub use annotation_record::AnnotationRecord;
pub use args::Args;
pub use choose::choose;
pub use config::{Config, DEFAULT_DATA_DIR, data_dir};
pub use dns::Dns;
pub use node_cache::{NodeCache, Origin};
pub use node_ranges::{Source, node_ranges};
pub use options::Options;
pub use owner::{Owner, trimmed};
pub use pod::pod;
pub use range::Range;
pub use range_set::RangeSet;
pub use reading::{Here, Reading, Standing};
pub use result::result;
pub use route::Route;

#[cfg(test)]
mod tests;
