//! What people read while it runs.

use crate::place::Place;
use crate::stats::Series;

/// Prints the head of the table.
pub(crate) fn head() {
    println!(
        "{:<26} {:<6} {:<10} {:>5} {:>9} {:>9} {:>9} {:>9} {:>9} {:>10}",
        "run (milliseconds)", "on", "who", "n", "min", "p50", "p95", "p99", "CPU p50", "total"
    );
}

/// Prints one line of it.
pub(crate) fn row(run: &str, place: Place, who: &str, series: &Series) {
    println!(
        "{run:<26} {:<6} {who:<10} {:>5} {:>9.3} {:>9.3} {:>9.3} {:>9.3} {:>9.3} {:>10.1}",
        place.name(),
        series.len(),
        series.wall(0.0),
        series.wall(0.5),
        series.wall(0.95),
        series.wall(0.99),
        series.cpu(0.5),
        series.total()
    );
}

/// Prints a fact that is not a time.
pub(crate) fn fact(run: &str, place: Place, who: &str, text: &str) {
    println!("{run:<26} {:<6} {who:<10} {text}", place.name());
}
