//! Leader election on a `coordination.k8s.io/v1` Lease, by the rules of client-go.
//!
//! An original manager and ours exclude each other: same object, same fields, same meaning. In particular:
//!
//! * A lease of somebody else has expired when *we* have seen the same record for its whole duration on our own
//!   clock. The remote `renewTime` is only compared for change, never with a clock: clocks differ.
//! * Every write carries the resourceVersion it was decided on.
//! * The holder renews every `retry_period` and stops being one when it could not for `renew_deadline`, which is
//!   shorter than the `lease_duration` others wait.
//! * On an orderly stop the lease is given back (empty holder, duration one second), so the next one need not
//!   wait.
//!
//! What it does not give: uniqueness. A process may be stopped between asking [`Leadership::is_held`] and its
//! write. Nothing correct may depend on the lease alone; it lowers load.

mod config;
mod decide;
mod elect;
mod leadership;
mod record;

pub use config::{LeaseConfig, unique_identity};
pub use decide::{Decision, Observation, decide};
pub use elect::Lease;
pub use leadership::Leadership;
pub use record::Record;
