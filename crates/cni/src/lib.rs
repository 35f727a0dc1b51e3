//! CNI IPAM plugins in one small binary, decided by the name it is called by.
//!
//! Synchronous throughout; a run lives for a millisecond. The way of one call:
//!
//! | stage | module |
//! |---|---|
//! | what the runtime asks: environment, stdin, versions | [`protocol`] |
//! | what it is called as | `main`, [`host_local`], [`kube_node`](self), [`node_annotation`](self) |
//! | what it means: ranges, order, results. Pure | [`plan`] |
//! | what is on disk | [`store`] |
//! | one JSON document, or nothing | [`protocol`] |

#![allow(
    rustdoc::private_intra_doc_links,
    reason = "the maps of the modules are for those who work on them, and name what is private too"
)]

mod child;

pub mod cli;
mod delegate;
pub mod error;
pub mod host_local;
pub mod json;
pub mod kube_node;
mod node;
pub mod node_annotation;
pub mod plan;
pub mod protocol;
pub mod store;
