//! Events about Kubernetes objects, for people.
//!
//! Events are a courtesy: what matters is also in a condition and in the metrics. So recording one never waits
//! and never fails. Events go through a bounded channel to one task, which leaves out repetitions and writes
//! the rest as `events.k8s.io/v1`, or as `v1` where only that is allowed; what does not fit is dropped and counted.

mod object;
mod recorder;
mod repeats;
mod writer;

#[cfg(test)]
mod tests;

pub use object::{EventType, MAX_FIELD, MAX_NOTE};
pub use recorder::{CAPACITY, EventLabels, Recorder};
pub use repeats::WINDOW;
