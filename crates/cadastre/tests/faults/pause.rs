//! Pauses of chance.

use std::time::Duration;

use testkit::dice::Dice;

/// A pause between two acts of chaos: part of the scenario, not a wait for something.
pub(crate) async fn pause(dice: &mut Dice, at_least: Duration, less_than: Duration) {
    tokio::time::sleep(at_least + dice.time_below(less_than - at_least)).await;
}
