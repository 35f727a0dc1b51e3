//! How long something takes, on a machine that may be doing other things as well.

use std::time::Duration;

/// The median of three rounds. A busy machine now and then takes long over anything; a controller that waits for a
/// timer, polls, or missed a wake-up takes long most of the time.
pub(crate) async fn usually(mut round: impl AsyncFnMut(usize) -> Duration) -> Duration {
    let mut took = [round(0).await, round(1).await, round(2).await];
    took.sort();
    took[1]
}
