//! The CNI protocol: environment and stdin in, one JSON document or nothing out (spec cni-ipam §2; CNI 1.1 §2).

mod command;
mod environment;
mod input;
mod namespace;
mod network;
mod output;
mod run;
mod version;

pub use command::{Command, Invocation};
pub use environment::{Request, request};
pub use input::{MAX_INPUT, read_stdin};
pub use network::{Network, decode, name};
pub(crate) use output::warn;
pub use output::{Answer, error_document, print_error};
pub use run::{Plugin, about, run};
pub use version::CniVersion;

#[cfg(test)]
mod tests;
