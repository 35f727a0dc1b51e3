//! Whether the node still has its network after a change (spec §10): settings, and which probes count.

mod choice;
mod settings;
#[cfg(test)]
mod tests;

pub use choice::{
    Choice, Need, Probe, choose, default_route, is_default_route, removes_default_route, removes_dns,
};
pub use settings::{DEFAULT_DNS_HOST, Settings, check};

pub use api::nmstate::probes::{DnsMode, GatewayMode, InternalMode};
