//! The fake of Proxmox VE, seen by a plain HTTP client: everything Appendix A of the specification of node addresses
//! says about the API, and every way to make it fail.

mod accounts;
mod answers;
mod availability;
mod client;
mod cluster;
mod connections;
mod faults;
mod guests;
mod lists;
mod real_guests;
mod scale;
