//! The ground all tests of this crate stand on: an API server, a controller, namespaces, and what is done and seen there.

pub(crate) mod cluster;
mod controller;
mod logs;
mod namespace;
mod read;
mod wait;

pub(crate) use cluster::{cluster, install};
pub(crate) use controller::Controller;
pub(crate) use logs::Logs;
pub(crate) use namespace::Ns;
pub(crate) use read::{finalizers, labels, ready, text};
pub(crate) use wait::{PATIENCE, gone};
