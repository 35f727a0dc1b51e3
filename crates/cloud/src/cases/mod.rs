//! The numbered cases of the specification (§15) as far as they are decided without asking anybody.
//!
//! Each is found by its name, `case_<number>`. `theirs` is what the replaced controller does (column U), `ours` what we do.
//! The same cases run against the real API server and the fake Proxmox VE in `tests/`.

mod configuration;
mod default_mode;
mod explained;
mod guest;
mod identity;
mod lifecycle;
mod silence;
mod topology;
mod world;
