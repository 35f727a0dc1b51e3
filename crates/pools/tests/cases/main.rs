//! The numbered cases of the spec that need an API server, and how the controller behaves against a real one.

mod choosing;
mod claims_adoption;
mod claims_budget;
mod claims_crash;
mod claims_crowd;
mod claims_deletion;
mod claims_filter;
mod claims_grace;
mod claims_orphans;
mod claims_pausing;
mod claims_restored;
mod claims_waiting;
mod examples;
#[path = "../ground/mod.rs"]
mod ground;
mod lifetime;
mod pace;
mod prefix;
mod scope;
mod site;
mod stage;
mod status;
mod witness;
