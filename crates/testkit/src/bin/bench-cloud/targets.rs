//! The original's measured figures and our targets (spec node-addresses §17.2 and §17.5), all for 1,000 Nodes but for the
//! last.

use std::fmt::Write as _;

/// A figure beside its target.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) name: &'static str,
    /// What the original needs; known for 1,000 Nodes (and for 3) only.
    pub(crate) original: Option<f64>,
    pub(crate) limit: f64,
    pub(crate) value: f64,
}

impl Target {
    pub(crate) fn is_met(&self) -> bool {
        self.value <= self.limit
    }
}

/// Limits for a number of Nodes. Those of the specification are for 1,000: what is counted there beyond one or two
/// requests per Node is independent of their number, and 50 writes a second set the pace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    nodes: f64,
}

impl Limits {
    #[expect(clippy::cast_precision_loss, reason = "a number of Nodes")]
    pub(crate) fn new(nodes: usize) -> Self {
        Self { nodes: nodes as f64 }
    }

    pub(crate) fn init_requests_default(self) -> f64 {
        self.nodes + 20.0
    }

    pub(crate) fn init_requests_qemu(self) -> f64 {
        2.0 * self.nodes + 50.0
    }

    pub(crate) fn init_seconds_default(self) -> f64 {
        self.nodes / 50.0 + 2.0
    }

    /// Without a limit of writes.
    pub(crate) fn init_seconds_unlimited(self) -> f64 {
        self.nodes / 100.0 + 2.0
    }

    pub(crate) fn init_seconds_qemu(self) -> f64 {
        self.nodes / 50.0 + 5.0
    }

    pub(crate) fn pass_qemu(self) -> f64 {
        self.nodes + 50.0
    }
}

/// Requests of a pass in mode default, whatever the number of Nodes.
pub(crate) const PASS_DEFAULT: f64 = 40.0;
/// Memory up to 1,000 Nodes. Unit: MiB.
pub(crate) const RSS: f64 = 25.0;
/// Memory with 3 Nodes. Unit: MiB.
pub(crate) const RSS_SMALL: f64 = 12.0;

/// Figures, targets and verdicts as a table.
pub(crate) fn table(title: &str, targets: &[Target]) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "{title:<46} {:>9} {:>9} {:>9}",
        "original", "target", "here"
    );
    for target in targets {
        let original = target.original.map_or_else(|| "-".to_owned(), number);
        let verdict = if target.is_met() { "met" } else { "MISSED" };
        let _ = writeln!(
            text,
            "  {:<44} {original:>9} {:>9} {:>9}  {verdict}",
            target.name,
            format!("≤ {}", number(target.limit)),
            number(target.value),
        );
    }
    text
}

/// Whole when it is, else to a tenth.
fn number(value: f64) -> String {
    if (value - value.round()).abs() < 1e-9 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_at_a_thousand_nodes_are_those_of_the_specification() {
        let limits = Limits::new(1_000);
        let all = [
            limits.init_requests_default(),
            limits.init_seconds_default(),
            limits.init_seconds_unlimited(),
            limits.init_requests_qemu(),
            limits.init_seconds_qemu(),
            limits.pass_qemu(),
        ];
        assert_eq!(all.map(number), ["1020", "22", "12", "2050", "25", "1050"]);
    }

    #[test]
    fn a_figure_that_is_none_misses() {
        let target = |value| Target {
            name: "x",
            original: None,
            limit: 2.0,
            value,
        };
        assert!(target(2.0).is_met() && !target(2.1).is_met() && !target(f64::NAN).is_met());
        assert!(table("t", &[target(3.0)]).contains("MISSED"));
    }
}
