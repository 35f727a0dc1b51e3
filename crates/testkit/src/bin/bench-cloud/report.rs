//! Figures beside their targets for people, one JSON object for machines.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::{
    arguments::Arguments,
    faults::Fault,
    figures::{self, Figures, PASS_PERIOD, Sample, rounded},
    run::{Kind, Small},
    stage::Mode,
    targets::{self, Limits, PASS_DEFAULT, RSS, RSS_SMALL, Target},
};

/// The size that targets and the original's figures are given for.
const REFERENCE: usize = 1_000;
/// The latency of the same. Unit: ms.
const LATENCY: u128 = 20;

/// All runs.
#[derive(Debug)]
pub(crate) struct Report {
    pass_seconds: u64,
    small: Vec<Small>,
    series: Vec<(Kind, Vec<Figures>)>,
    faults: Vec<(Fault, Vec<Figures>)>,
}

/// Both modes at one size and latency.
#[derive(Clone, Copy)]
struct Size<'a> {
    kind: Kind,
    default: &'a [Figures],
    qemu: &'a [Figures],
}

impl Report {
    pub(crate) fn new(arguments: &Arguments) -> Self {
        Self {
            pass_seconds: arguments.period.as_secs(),
            small: Vec::new(),
            series: Vec::new(),
            faults: Vec::new(),
        }
    }

    pub(crate) fn add_small(&mut self, small: Small) {
        self.small.push(small);
    }

    pub(crate) fn add(&mut self, kind: Kind, figures: Figures) {
        match self.series.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, runs)) => runs.push(figures),
            None => self.series.push((kind, vec![figures])),
        }
    }

    pub(crate) fn add_fault(&mut self, fault: Fault, figures: Figures) {
        match self.faults.iter_mut().find(|(known, _)| *known == fault) {
            Some((_, runs)) => runs.push(figures),
            None => self.faults.push((fault, vec![figures])),
        }
    }

    fn sizes(&self) -> Vec<Size<'_>> {
        let of = |kind: Kind, mode| {
            let wanted = Kind { mode, ..kind };
            let found = self.series.iter().find(|(known, _)| *known == wanted);
            found.map(|(_, runs)| runs.as_slice())
        };
        let size = |kind| {
            let (default, qemu) = (of(kind, Mode::Default)?, of(kind, Mode::Qemu)?);
            Some(Size { kind, default, qemu })
        };
        let kinds = self.series.iter().map(|(kind, _)| *kind);
        kinds
            .filter(|kind| kind.mode == Mode::Default)
            .filter_map(size)
            .collect()
    }

    /// The size that the plain figures are of: 1,000 Nodes at 20 ms, or else what is nearest to it.
    fn reference(&self) -> Option<Size<'_>> {
        let distance = |size: &Size<'_>| {
            (
                size.kind.nodes.abs_diff(REFERENCE),
                size.kind.latency.as_millis().abs_diff(LATENCY),
            )
        };
        self.sizes().into_iter().min_by_key(distance)
    }

    fn small_mib(&self, of: impl Fn(&Small) -> f64) -> f64 {
        Sample::new(self.small.iter().map(of)).map_or(f64::NAN, |sample| sample.median())
    }

    /// The medians of every kind of run; of less than two runs there is nothing to say.
    pub(crate) fn medians(&self) -> String {
        let mut text = String::new();
        let columns = [
            ("seconds", "init_seconds"),
            ("p99", "init_seconds_p99"),
            ("requests", "init_requests"),
            ("a pass", "pass_requests"),
            ("CPU s", "init_cpu_seconds"),
            ("most MiB", "rss_mib"),
            ("idle MiB", "rss_after_idle_mib"),
        ];
        let _ = write!(text, "{:<24}", "medians [spread]");
        for (title, _) in columns {
            let _ = write!(text, " {title:>18}");
        }
        for (kind, runs) in &self.series {
            let name = format!("{} {} {} ms", kind.nodes, kind.mode, kind.latency.as_millis());
            let _ = write!(text, "\n  {name:<22}");
            for (_, figure) in columns {
                let value =
                    figures::sample(runs, figure).map_or_else(String::new, |sample| sample.to_string());
                let _ = write!(text, " {value:>18}");
            }
        }
        text.push('\n');
        text
    }

    /// The figures beside their targets.
    pub(crate) fn against_targets(&self) -> String {
        let mut text = String::new();
        if let Some(size) = self.reference() {
            let title = format!(
                "targets at {} Nodes, {} ms",
                size.kind.nodes,
                size.kind.latency.as_millis()
            );
            text = targets::table(&title, &self.targets(size));
            let _ = writeln!(
                text,
                "  A pass was {} s long; what is asked by the clock, such as lists, is counted for the usual {} s.\n  \
                 The original was measured without TLS, at 1,000 and at 3 Nodes.",
                self.pass_seconds,
                PASS_PERIOD.as_secs(),
            );
        }
        let faults: Vec<Target> = self
            .faults
            .iter()
            .flat_map(|(fault, runs)| fault.targets(runs))
            .collect();
        if !faults.is_empty() {
            text.push_str(&targets::table("targets under faults", &faults));
        }
        text
    }

    fn targets(&self, size: Size<'_>) -> Vec<Target> {
        let limits = Limits::new(size.kind.nodes);
        let is_reference = size.kind.nodes == REFERENCE && size.kind.latency.as_millis() == LATENCY;
        let row = |name, original, limit, runs: &[Figures], figure| Target {
            name,
            original: is_reference.then_some(original),
            limit,
            value: median(runs, figure),
        };
        let (default, qemu) = (size.default, size.qemu);
        let mut all = vec![
            row(
                "initialise, default: requests",
                7_033.0,
                limits.init_requests_default(),
                default,
                "init_requests",
            ),
            row(
                "initialise, default: seconds",
                157.0,
                limits.init_seconds_default(),
                default,
                "init_seconds",
            ),
            row(
                "the same, writes unlimited",
                157.0,
                limits.init_seconds_unlimited(),
                default,
                "init_seconds_unlimited",
            ),
            row(
                "initialise, qemu: requests",
                11_049.0,
                limits.init_requests_qemu(),
                qemu,
                "init_requests",
            ),
            row(
                "initialise, qemu: seconds",
                239.0,
                limits.init_seconds_qemu(),
                qemu,
                "init_seconds",
            ),
            row(
                "steady pass, default: requests",
                4_020.0,
                PASS_DEFAULT,
                default,
                "pass_requests",
            ),
            row(
                "steady pass, qemu: requests",
                8_036.0,
                limits.pass_qemu(),
                qemu,
                "pass_requests",
            ),
        ];
        if size.kind.nodes <= REFERENCE {
            all.push(Target {
                name: "memory, most at once: MiB",
                original: is_reference.then_some(94.0),
                limit: RSS,
                value: size.peak_mib(),
            });
        }
        let small = |name, value| Target {
            name,
            original: Some(58.0),
            limit: RSS_SMALL,
            value,
        };
        all.extend([
            small(
                "memory with 3 Nodes, idle: MiB",
                self.small_mib(|small| small.idle_mib),
            ),
            small(
                "memory with 3 Nodes, most at once: MiB",
                self.small_mib(|small| small.peak_mib),
            ),
        ]);
        all
    }

    /// The figures of the reference size under their plain names, all sizes under `sizes`, faults under `faults`.
    pub(crate) fn json(&self) -> Value {
        let mut all = self.reference().map_or_else(|| json!({}), Size::figures);
        if !self.small.is_empty() {
            all["rss_idle_mib"] = json!(rounded(self.small_mib(|small| small.idle_mib)));
            all["rss_small_peak_mib"] = json!(rounded(self.small_mib(|small| small.peak_mib)));
        }
        all["sizes"] = self.sizes().into_iter().map(Size::json).collect();
        if !self.faults.is_empty() {
            all["faults"] = self
                .faults
                .iter()
                .map(|(fault, runs)| (fault.name().to_owned(), figures::medians(runs)))
                .collect::<serde_json::Map<_, _>>()
                .into();
        }
        all
    }
}

impl Size<'_> {
    fn peak_mib(self) -> f64 {
        median(self.default, "rss_mib").max(median(self.qemu, "rss_mib"))
    }

    #[expect(clippy::cast_precision_loss, reason = "a number of Nodes")]
    fn figures(self) -> Value {
        let per_node = |runs, figure| rounded(median(runs, figure) / self.kind.nodes as f64);
        json!({
            "init_requests_per_node_default": per_node(self.default, "init_requests"),
            "init_requests_per_node_qemu": per_node(self.qemu, "init_requests"),
            "pass_requests_per_node_default": per_node(self.default, "pass_requests"),
            "pass_requests_per_node_qemu": per_node(self.qemu, "pass_requests"),
            "init_seconds": rounded(median(self.default, "init_seconds")),
            "init_seconds_unlimited": rounded(median(self.default, "init_seconds_unlimited")),
            "rss_mib": rounded(self.peak_mib()),
        })
    }

    fn json(self) -> Value {
        let mut all = self.figures();
        all["nodes"] = json!(self.kind.nodes);
        all["latency_ms"] = json!(u64::try_from(self.kind.latency.as_millis()).unwrap_or(u64::MAX));
        all["runs"] = json!(self.default.len().min(self.qemu.len()));
        all[Mode::Default.name()] = figures::medians(self.default);
        all[Mode::Qemu.name()] = figures::medians(self.qemu);
        all
    }
}

/// Not a number when no run has this figure; that misses every target.
fn median(runs: &[Figures], figure: &str) -> f64 {
    figures::sample(runs, figure).map_or(f64::NAN, |sample| sample.median())
}
