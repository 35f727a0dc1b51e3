//! Cloud controller: Nodes get their addresses, identity and topology from the machines they run on.
//!
//! ```text
//!  config ──┐
//!  source ──┼──► plan ──► what to write to a Node, and why
//!  Node   ──┘
//! ```
//!
//! [`plan`] holds every rule and knows no client, clock or async. [`config`] turns the text of the configuration file
//! into settings. [`source`] asks the machines' owner (Proxmox VE); its answers are plain [`plan::facts`].
//!
//! The shell around it: [`observe`] watches Nodes, [`machines`] asks the sources, [`reconcile`] has the two loops,
//! [`act`] writes. [`world`] is what they share, [`controller`] runs them, [`report`] tells people what they see.

pub mod act;
pub mod announce;
pub mod config;
pub mod controller;
pub mod machines;
pub mod metrics;
pub mod names;
pub mod observe;
pub mod plan;
pub mod reconcile;
pub mod report;
pub mod source;
pub mod world;

#[cfg(test)]
mod cases;
