//! The way to the own Node object: which API server, with which credentials, under which name, and what of the
//! object matters. Nothing in here runs while the answer is cached.
//!
//! | question | module |
//! |---|---|
//! | where is the way written down | [`way`], [`credentials`], [`kubeconfig`], [`yaml`] |
//! | what it says | [`access`] |
//! | where is the server | [`url`], [`resolve`] |
//! | one connection | [`prepared`], [`connect`], [`tls`], [`exec`] |
//! | one answer | [`http`], [`object`] |
//! | asking, and asking again | [`client`], [`failure`] |
//! | which node is this | [`identity`], [`certificate`] |

mod access;
pub(crate) mod base64;
mod certificate;
mod client;
mod connect;
mod credentials;
mod exec;
mod failure;
mod http;
mod identity;
mod kubeconfig;
mod object;
mod prepared;
mod resolve;
mod secret;
mod tls;
mod url;
mod way;
mod yaml;

pub(crate) use credentials::first_existing;
pub(crate) use failure::Failure;
pub(crate) use identity::{NodeError, own_node};
pub(crate) use kubeconfig::NODE_EXTENSION;
pub(crate) use object::Node;
pub(crate) use way::Way;
