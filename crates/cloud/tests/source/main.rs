//! The Proxmox VE source against a Proxmox VE that behaves like the real one.

mod accounts;
mod endpoints;
mod evidence;
mod ground;
mod guests;
mod hosts;
mod lists;
mod topology;
