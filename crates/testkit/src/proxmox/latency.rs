//! How long an answer takes.

use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::time::Duration;

use super::template::Template;
use crate::dice::Dice;

/// Longest time a log-normal latency gives, or its tail would outlast every test.
const LONGEST: Duration = Duration::from_secs(60);

/// A distribution of waiting times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Latency {
    /// Always the same.
    Fixed(Duration),
    /// Half of the answers are faster than `median`; the logarithm of the time is normal with deviation `sigma`
    /// (0.5: one in forty takes more than 2.7 times the median; 1.0: more than 7 times). At most 60 s.
    LogNormal {
        /// The middle.
        median: Duration,
        /// The spread, 0.0 or more.
        sigma: f64,
    },
}

impl Latency {
    /// [`Latency::Fixed`] in milliseconds.
    #[must_use]
    pub fn millis(millis: u64) -> Self {
        Self::Fixed(Duration::from_millis(millis))
    }

    fn draw(self, dice: &mut Dice) -> Duration {
        match self {
            Self::Fixed(time) => time,
            Self::LogNormal { median, sigma } => {
                // Box and Muller; 1 - u is never 0, so the logarithm is finite.
                let radius = (-2.0 * (1.0 - dice.unit()).ln()).sqrt();
                let normal = radius * (TAU * dice.unit()).cos();
                let seconds = median.as_secs_f64() * (sigma * normal).exp();
                Duration::try_from_secs_f64(seconds).map_or(LONGEST, |time| time.min(LONGEST))
            }
        }
    }
}

/// The latencies in force.
#[derive(Debug, Default)]
pub(super) struct Latencies {
    everywhere: Option<Latency>,
    per_template: BTreeMap<Template, Latency>,
}

impl Latencies {
    pub(super) fn set(&mut self, template: Template, latency: Latency) {
        self.per_template.insert(template, latency);
    }

    /// For all templates, forgetting what was said about single ones.
    pub(super) fn set_everywhere(&mut self, latency: Latency) {
        self.everywhere = Some(latency);
        self.per_template.clear();
    }

    /// How long this request waits.
    pub(super) fn draw(&self, template: Template, dice: &mut Dice) -> Duration {
        let latency = self.per_template.get(&template).copied().or(self.everywhere);
        latency.map_or(Duration::ZERO, |latency| latency.draw(dice))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_normal_latency_has_its_median_its_tail_and_its_seed() {
        let latency = Latency::LogNormal {
            median: Duration::from_millis(20),
            sigma: 0.5,
        };
        let draw = |seed| {
            let mut dice = Dice::new(seed);
            (0..4_000).map(|_| latency.draw(&mut dice)).collect::<Vec<_>>()
        };
        let mut times = draw(1);
        assert_eq!(times, draw(1));
        assert_ne!(times, draw(2));
        times.sort_unstable();
        let median = times[times.len() / 2];
        assert!((19..=21).contains(&median.as_millis()), "{median:?}");
        let slow = times
            .iter()
            .filter(|time| time.as_secs_f64() > 0.020 * 2.66)
            .count();
        assert!(
            (60..=150).contains(&slow),
            "{slow} of 4,000 beyond two deviations"
        );
    }

    #[test]
    fn one_template_may_be_slower_than_the_others() {
        let (mut latencies, mut dice) = (Latencies::default(), Dice::new(1));
        assert_eq!(latencies.draw(Template::Config, &mut dice), Duration::ZERO);
        latencies.set_everywhere(Latency::millis(5));
        latencies.set(Template::Config, Latency::millis(9));
        assert_eq!(
            latencies.draw(Template::Config, &mut dice),
            Duration::from_millis(9)
        );
        assert_eq!(
            latencies.draw(Template::Version, &mut dice),
            Duration::from_millis(5)
        );
    }
}
