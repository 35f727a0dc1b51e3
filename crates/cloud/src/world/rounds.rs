use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use tokio::time::Instant;

/// Spreads looks at initialised Nodes over the period, so that a thousand of them are no burst every five minutes.
///
/// Each name has its own moment in every period. The first look after another one comes half to one and a half periods
/// later, all others exactly one period.
#[derive(Debug)]
pub(super) struct Rounds {
    start: Instant,
    period: Duration,
    current: Option<Round>,
}

/// All looks that began within one period.
#[derive(Debug)]
struct Round {
    number: u128,
    first: Instant,
    last: Instant,
}

impl Rounds {
    pub(super) fn new(period: Duration) -> Self {
        // A period of nothing would never rest, and one of centuries is more than a clock can hold.
        Self {
            start: Instant::now(),
            period: period.clamp(Duration::from_millis(10), Duration::from_hours(24 * 365)),
            current: None,
        }
    }

    /// The moment of `name` that is at least half a period away.
    pub(super) fn next(&self, name: &str, now: Instant) -> Instant {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let share = hasher.finish() % 1_000_000;
        let phase = self
            .period
            .mul_f64(f64::from(u32::try_from(share).unwrap_or(0)) / 1e6);
        let earliest = now.saturating_duration_since(self.start) + self.period / 2;
        let past = earliest.saturating_sub(phase).as_nanos();
        let rounds = past.div_ceil(self.period.as_nanos());
        self.start
            + phase
            + self
                .period
                .saturating_mul(u32::try_from(rounds).unwrap_or(u32::MAX))
    }

    /// A look ended. Returns how long the round before took from its first look to its last, when a new one begins.
    pub(super) fn looked(&mut self, begun: Instant, ended: Instant) -> Option<Duration> {
        let number = begun.saturating_duration_since(self.start).as_nanos() / self.period.as_nanos();
        match &mut self.current {
            Some(round) if round.number >= number => {
                round.first = round.first.min(begun);
                round.last = round.last.max(ended);
                None
            }
            current => {
                let before = current.replace(Round {
                    number,
                    first: begun,
                    last: ended,
                });
                before.map(|round| round.last.saturating_duration_since(round.first))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_mins(5);

    #[tokio::test(start_paused = true)]
    async fn looks_are_spread_and_then_exactly_a_period_apart() {
        let rounds = Rounds::new(PERIOD);
        let now = Instant::now();
        let mut tenths = [0_u32; 10];
        for number in 0..1_000 {
            let name = format!("node-{number}");
            let first = rounds.next(&name, now);
            let wait = first - now;
            assert!(wait >= PERIOD / 2 && wait <= PERIOD * 3 / 2, "{wait:?}");
            let second = rounds.next(&name, first);
            let gap = second - first;
            assert!(gap.abs_diff(PERIOD) < Duration::from_millis(1), "{gap:?}");
            let tenth = (wait - PERIOD / 2).as_secs() / 30;
            tenths[usize::try_from(tenth).unwrap().min(9)] += 1;
        }
        assert!(tenths.iter().all(|count| (60..140).contains(count)), "{tenths:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_round_lasts_from_its_first_look_to_its_last() {
        let mut rounds = Rounds::new(PERIOD);
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(rounds.looked(at(1), at(2)), None);
        assert_eq!(rounds.looked(at(30), at(40)), None);
        assert_eq!(rounds.looked(at(301), at(302)), Some(Duration::from_secs(39)));
    }
}
