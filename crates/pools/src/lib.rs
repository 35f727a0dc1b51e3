//! Cluster API IPAM: pools give addresses to claims.
//!
//! ```text
//!            observe ──► index ──► wake ──► reconcile ──► plan ──► act
//! watches ──────┘          ▲                                        │
//!                          └────────── answers of the API server ◄──┘
//! ```
//!
//! [`plan`] holds every rule and knows no client, clock or async. The rest is the shell: [`observe`] feeds the index,
//! [`reconcile`] asks the plan for one step at a time, [`act`] carries it out.

pub mod act;
pub mod announce;
pub mod controller;
pub mod metrics;
pub mod observe;
pub mod plan;
pub mod reconcile;
pub mod survey;
pub mod webhooks;
pub mod world;

/// Name under which our writes appear in managed fields.
pub const FIELD_MANAGER: &str = "cadastre";
