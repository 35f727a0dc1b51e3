//! CNI IPAM plugins in one small binary, decided by the name it is called by.
//!
//! Synchronous throughout; a run lives for a millisecond. The way of one call:
//!
//! | stage | module |
//! |---|---|
//! | what the runtime asks: environment, stdin, versions | [`protocol`] |
//! | what it is called as | `main`, [`host_local`], [`kube_node`], [`node_annotation`] |
//! | what the API server says of this node, and what is remembered of it | [`node`], [`remembered`] |
//! | what it means: ranges, order, results. Pure | [`plan`] |
//! | what is on disk | [`store`] |
//! | another plugin allocates | [`delegate`] |
//! | one JSON document, or nothing | [`protocol`] |
//!
//! Under any other name it is a command line for people: [`cli`]. Below all of them: [`json`] and [`error`], the outside
//! world in small pieces ([`file`], [`child`], [`machine`]), and time ([`clock`], [`deadline`]).

#![allow(
    rustdoc::private_intra_doc_links,
    reason = "the maps of the modules are for those who work on them, and name what is private too"
)]

mod child;

pub mod cli;
mod clock;
mod deadline;
mod delegate;
pub mod error;
mod file;
pub mod host_local;
pub mod json;
pub mod kube_node;
mod machine;
mod node;
pub mod node_annotation;
pub mod plan;
pub mod protocol;
mod remembered;
pub mod store;
