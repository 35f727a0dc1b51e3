//! The way to the own Node object: which API server, with which credentials, under which name, and what of the
//! object matters. Nothing in here runs while the answer is cached.
//!
//! | question | module |
//! |---|---|
//! | where is the way written down | [`credentials`], [`kubeconfig`], [`yaml`] |
//! | what it says | [`access`] |
//! | where is the server | [`url`], [`resolve`] |
//! | one connection | [`connect`], [`tls`], [`exec`] |
//! | one answer | [`http`], [`object`] |
//! | asking, and asking again | [`client`], [`deadline`], [`failure`] |
//! | which node is this | [`identity`], [`certificate`] |

mod access;
pub(crate) mod base64;
mod certificate;
mod client;
mod connect;
mod credentials;
mod deadline;
mod exec;
mod failure;
mod http;
mod identity;
mod kubeconfig;
mod object;
mod resolve;
mod secret;
mod tls;
mod url;
mod yaml;

pub(crate) use client::Client;
pub(crate) use credentials::{discover, first_existing};
pub(crate) use deadline::Deadline;
pub(crate) use failure::Failure;
pub(crate) use identity::{NodeError, known_name, own_node};
pub(crate) use kubeconfig::NODE_EXTENSION;
pub(crate) use object::Node;
