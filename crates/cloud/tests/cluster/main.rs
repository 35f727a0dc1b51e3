//! The numbered cases of the spec on a real API server, against a Proxmox VE that behaves like one.

mod budget;
mod ground;
mod identity;
mod initialising;
mod lifecycle;
mod regions;
mod updating;
