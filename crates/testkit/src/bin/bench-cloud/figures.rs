//! Figures by name, and what several runs make of them.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde_json::{Map, Value, json};

use crate::run::{Asked, Measured};

/// The default of `--node-status-update-frequency`: what is asked by the clock is counted for that long.
pub(crate) const PASS_PERIOD: Duration = Duration::from_mins(5);

/// Figures of one run by their names in JSON.
pub(crate) type Figures = BTreeMap<String, f64>;

/// One figure of several runs; never empty.
#[derive(Clone, Debug)]
pub(crate) struct Sample(Vec<f64>);

impl Sample {
    /// `None` without values.
    pub(crate) fn new(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        (!values.is_empty()).then_some(Self(values))
    }

    /// Of an even number of values the lower one of the middle: a value that was measured.
    pub(crate) fn median(&self) -> f64 {
        self.0[(self.0.len() - 1) / 2]
    }

    /// The smallest and the largest.
    pub(crate) fn spread(&self) -> [f64; 2] {
        [self.0[0], self.0[self.0.len() - 1]]
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [least, most] = self.spread();
        let text = if most - least <= most / 1_000.0 {
            short(self.median())
        } else {
            format!("{} [{}-{}]", short(self.median()), short(least), short(most))
        };
        f.pad(&text)
    }
}

/// The same figure of every run; a run without it does not count.
pub(crate) fn sample(runs: &[Figures], name: &str) -> Option<Sample> {
    Sample::new(runs.iter().filter_map(|run| run.get(name).copied()))
}

/// All medians, and when there are several runs the spread of each under `spread`.
pub(crate) fn medians(runs: &[Figures]) -> Value {
    let names: BTreeMap<&String, ()> = runs
        .iter()
        .flat_map(|run| run.keys().map(|name| (name, ())))
        .collect();
    let (mut all, mut spreads) = (Map::new(), Map::new());
    for name in names.into_keys() {
        if let Some(sample) = sample(runs, name) {
            all.insert(name.clone(), number(sample.median()));
            let spread = sample.spread().map(number);
            spreads.insert(name.clone(), spread.to_vec().into());
        }
    }
    if runs.len() > 1 {
        all.insert("spread".to_owned(), spreads.into());
    }
    all.into()
}

/// The figures of a run whose passes were `period` long.
#[expect(clippy::cast_precision_loss, reason = "counts of a bench")]
pub(crate) fn of(run: &Measured, period: Duration) -> Figures {
    let (init, pass) = (&run.init, &run.pass);
    let [p50, p99] = init.spread;
    let mut all: Figures = [
        ("init_requests", init.asked.total as f64),
        ("init_requests_failed", init.asked.failed as f64),
        ("init_seconds", init.untainted.max(init.addressed)),
        ("init_seconds_untainted", init.untainted),
        ("init_seconds_addressed", init.addressed),
        ("init_seconds_p50", p50),
        ("init_seconds_p99", p99),
        ("init_writes", sum(&init.writes)),
        ("init_cpu_seconds", init.cpu),
        ("start_requests", pass.start.total as f64),
        ("pass_seconds", period.as_secs_f64()),
        ("pass_requests", pass_requests(&pass.asked, pass.clock_rate)),
        ("pass_requests_counted", pass.asked.total as f64),
        ("pass_requests_by_clock", pass.asked.by_clock as f64),
        ("pass_requests_failed", pass.asked.failed as f64),
        ("pass_writes", sum(&pass.writes)),
        ("pass_cpu_seconds", pass.cpu),
        ("rss_mib", run.peak_mib),
        ("rss_after_idle_mib", run.idle_mib),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    if let Some(unlimited) = &run.unlimited {
        let seconds = unlimited.untainted.max(unlimited.addressed);
        all.insert("init_seconds_unlimited".to_owned(), seconds);
    }
    add_counts(&mut all, "init", &init.asked.by_template);
    add_counts(&mut all, "pass", &pass.asked.by_template);
    all
}

/// One figure per template, such as `init_requests:nodes/qemu/config`.
#[expect(clippy::cast_precision_loss, reason = "counts of a bench")]
pub(crate) fn add_counts(all: &mut Figures, part: &str, counts: &BTreeMap<String, u64>) {
    for (template, count) in counts {
        all.insert(format!("{part}_requests:{template}"), *count as f64);
    }
}

/// All counts together.
#[expect(clippy::cast_precision_loss, reason = "counts of a bench")]
pub(crate) fn sum(counts: &BTreeMap<String, u64>) -> f64 {
    counts.values().sum::<u64>() as f64
}

/// Requests of a pass as long as usual: those about machines as counted, those by the clock for that time.
#[expect(clippy::cast_precision_loss, reason = "counts of a bench")]
fn pass_requests(asked: &Asked, clock_rate: f64) -> f64 {
    (asked.total - asked.by_clock) as f64 + clock_rate * PASS_PERIOD.as_secs_f64()
}

/// A count stays one, everything else is rounded.
fn number(value: f64) -> Value {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "counts of a bench, far below 2^53"
    )]
    if value.fract() == 0.0 {
        json!(value as i64)
    } else {
        json!(rounded(value))
    }
}

/// To a thousandth; finer is noise.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// Whole when it is or is large, else to a tenth, and below one to a hundredth.
fn short(value: f64) -> String {
    if (value - value.round()).abs() < 1e-9 || value >= 1_000.0 {
        format!("{value:.0}")
    } else if value < 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.1}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(values: &[f64]) -> Vec<Figures> {
        let run = |value: &f64| Figures::from([("x".to_owned(), *value)]);
        values.iter().map(run).collect()
    }

    #[test]
    fn medians_are_values_that_were_measured() {
        let median = |values: &[f64]| sample(&runs(values), "x").map(|sample| sample.median());
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.0));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn one_run_has_no_spread() {
        assert_eq!(medians(&runs(&[1.5])), json!({"x": 1.5}));
        assert_eq!(
            medians(&runs(&[3.0, 1.0, 2.00049])),
            json!({"x": 2.0, "spread": {"x": [1, 3]}})
        );
    }

    #[test]
    fn figures_that_agree_are_shown_once() {
        let shown = |values: &[f64]| sample(&runs(values), "x").unwrap().to_string();
        assert_eq!(shown(&[20.0, 20.01]), "20");
        assert_eq!(shown(&[20.0, 21.25, 19.0]), "20 [19-21.2]");
        assert_eq!(shown(&[1_053.4]), "1053");
        assert_eq!(shown(&[0.02, 0.03]), "0.02 [0.02-0.03]");
    }
}
