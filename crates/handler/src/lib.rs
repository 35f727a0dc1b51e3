//! The process on every node: reports its network, applies policies, and takes back what cuts it off.
//!
//! - [`backend`]: who changes the network, as transactions;
//! - [`netlink`]: when the network has changed, and whether it really has;
//! - [`lldp`]: who is at the other end of the cables;
//! - [`probe`]: whether the node still reaches what it needs;
//! - [`logs`]: what libraries log.

pub mod backend;
pub mod lldp;
pub mod logs;
pub mod netlink;
mod packet;
pub mod probe;
