//! Numbers out of samples.

use std::time::Duration;

use crate::driver::Sample;

/// Runs of one kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series(Vec<Sample>);

impl Series {
    pub(crate) fn push(&mut self, sample: Sample) {
        self.0.push(sample);
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The wall time below which this part (0 to 1) of the runs stayed, in milliseconds.
    pub(crate) fn wall(&self, part: f64) -> f64 {
        quantile(self.0.iter().map(|sample| sample.wall), part)
    }

    /// The same for CPU time.
    pub(crate) fn cpu(&self, part: f64) -> f64 {
        quantile(self.0.iter().map(|sample| sample.cpu), part)
    }

    /// All wall times together, in milliseconds.
    pub(crate) fn total(&self) -> f64 {
        milliseconds(self.0.iter().map(|sample| sample.wall).sum())
    }

    /// The runs from `from` on, at most `count`.
    pub(crate) fn part(&self, from: usize, count: usize) -> Self {
        Self(self.0.iter().skip(from).take(count).copied().collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// A duration in milliseconds.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The middle one of some numbers; not a number when there are none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[expect(clippy::cast_precision_loss, reason = "counts of runs")]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a part of a length is a place in it"
)]
fn quantile(times: impl Iterator<Item = Duration>, part: f64) -> f64 {
    let mut sorted: Vec<Duration> = times.collect();
    sorted.sort_unstable();
    let place = (sorted.len() as f64 * part) as usize;
    let last = sorted.len().saturating_sub(1);
    sorted
        .get(place.min(last))
        .map_or(f64::NAN, |time| milliseconds(*time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let times = || (1..=10).map(Duration::from_millis);
        for (part, expected) in [(0.0, 1.0), (0.5, 6.0), (0.95, 10.0), (1.0, 10.0)] {
            assert!((quantile(times(), part) - expected).abs() < 1e-9, "{part}");
        }
        assert!(quantile(std::iter::empty(), 0.5).is_nan());
    }

    #[test]
    fn the_median_does_not_care_for_order() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
    }
}
