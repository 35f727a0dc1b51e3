//! The numbered cases of the spec on a real API server, against a Proxmox VE that behaves like one.

mod accounts;
mod budget;
mod clones;
mod default_mode;
mod failures;
mod ground;
mod guest_mode;
mod ha;
mod identity;
mod initialising;
mod instance;
mod lifecycle;
mod real_guest;
mod refused;
mod regions;
mod said;
mod silence;
mod table;
mod updating;
