//! Plain data from sources and Nodes: only what a decision reads.
//!
//! | file | facts about |
//! |---|---|
//! | `machine` | one machine, a region's list of machines, its configuration |
//! | `guest` | what runs inside the machine: interfaces, addresses, or why nobody could be asked |
//! | `region` | HA affinity, privileges, quorum: what is true of a whole region |
//! | `node` | a Kubernetes Node |

mod guest;
mod machine;
mod node;
mod region;

pub use guest::{GuestAnswer, GuestInterface, GuestReason, Unavailable};
pub use machine::{
    Mac, MacError, Machine, MachineConfig, MachineId, MachineKind, MachineList, MachineStatus, ReadConfig,
    Sku, SystemUuid,
};
pub use node::{AddressKind, NodeAddress, NodeFacts, Ready, SHUTDOWN_EFFECT, Taint};
pub(in crate::plan) use region::is_label_value;
pub use region::{Affinity, Permissions, Quorum, Region, RegionError, RegionView};
