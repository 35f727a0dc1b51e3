//! Bonds out of what switches announce (spec §17.4).
//!
//! Ports that hear the same VLAN belong together. `group` divides them, `emit` renders the desired state; applying and
//! probing it is no different from any other.

mod carry;
mod emit;
mod group;
mod settings;
#[cfg(test)]
mod tests;

pub use carry::carried;
pub use emit::{Input, Outcome, plan};
pub use group::{Bond, Carries, Groups, Heard, Port, group};
pub use settings::{BondSettings, GroupBy, VlanName};
