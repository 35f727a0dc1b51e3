//! Real guest agents: processes, and how to ask them.

mod agent;
mod protocol;

pub use agent::{GuestAgent, GuestOptions};
pub(super) use protocol::{Answer, interfaces};
