//! Figures beside their targets for people, one JSON object for machines.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use serde_json::{Value, json};

use crate::{
    arguments::Arguments,
    run::{Measured, Small},
    stage::Mode,
    targets::{self, Limits, PASS_DEFAULT, RSS, RSS_SMALL, Target},
};

/// The size that targets and the original's figures are given for.
const REFERENCE: usize = 1_000;
/// The default of `--node-status-update-frequency`: what is asked by the clock is counted for that long.
const PASS_PERIOD: Duration = Duration::from_mins(5);

/// All runs.
#[derive(Debug)]
pub(crate) struct Report {
    period: Duration,
    small: Small,
    pub(crate) runs: Vec<Measured>,
}

/// Both modes at one size.
#[derive(Clone, Copy)]
struct Size<'a> {
    nodes: usize,
    default: &'a Measured,
    qemu: &'a Measured,
}

impl Report {
    pub(crate) fn new(arguments: &Arguments, small: Small) -> Self {
        Self {
            period: arguments.period,
            small,
            runs: Vec::new(),
        }
    }

    fn sizes(&self) -> Vec<Size<'_>> {
        let of = |nodes, mode| {
            self.runs
                .iter()
                .find(|run| run.nodes == nodes && run.mode == mode)
        };
        let nodes: BTreeMap<usize, ()> = self.runs.iter().map(|run| (run.nodes, ())).collect();
        let size = |nodes| {
            let (default, qemu) = (of(nodes, Mode::Default)?, of(nodes, Mode::Qemu)?);
            Some(Size { nodes, default, qemu })
        };
        nodes.into_keys().filter_map(size).collect()
    }

    /// The size that the plain figures are of: 1,000 Nodes, or else the largest.
    fn reference(&self) -> Option<Size<'_>> {
        let sizes = self.sizes();
        let exact = sizes.iter().find(|size| size.nodes == REFERENCE);
        exact.or_else(|| sizes.last()).copied()
    }

    /// The figures beside their targets.
    pub(crate) fn against_targets(&self) -> String {
        let Some(size) = self.reference() else {
            return String::new();
        };
        let title = format!("targets at {} Nodes", size.nodes);
        let mut text = targets::table(&title, &self.targets(size));
        let _ = write!(
            text,
            "  A pass was {} s long; what is asked by the clock, such as lists, is counted for the usual {} s.\n  \
             The original was measured without TLS, at 1,000 and at 3 Nodes.",
            self.period.as_secs(),
            PASS_PERIOD.as_secs(),
        );
        text
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of a bench")]
    fn targets(&self, size: Size<'_>) -> Vec<Target> {
        let limits = Limits::new(size.nodes);
        let original = |value| (size.nodes == REFERENCE).then_some(value);
        let target = |name, original, limit, value| Target {
            name,
            original,
            limit,
            value,
        };
        let (default, qemu) = (size.default, size.qemu);
        let requests = |run: &Measured| run.init.asked.total as f64;
        let mut all = vec![
            target(
                "initialise, default: requests",
                original(7_033.0),
                limits.init_requests_default(),
                requests(default),
            ),
            target(
                "initialise, default: seconds",
                original(157.0),
                limits.init_seconds_default(),
                default.seconds(),
            ),
            target(
                "initialise, qemu: requests",
                original(11_049.0),
                limits.init_requests_qemu(),
                requests(qemu),
            ),
            target(
                "initialise, qemu: seconds",
                original(239.0),
                limits.init_seconds_qemu(),
                qemu.seconds(),
            ),
            target(
                "steady pass, default: requests",
                original(4_020.0),
                PASS_DEFAULT,
                default.pass_requests(),
            ),
            target(
                "steady pass, qemu: requests",
                original(8_036.0),
                limits.pass_qemu(),
                qemu.pass_requests(),
            ),
        ];
        if size.nodes <= REFERENCE {
            all.push(target(
                "memory, most at once: MiB",
                original(94.0),
                RSS,
                size.peak_mib(),
            ));
        }
        all.push(target(
            "memory with 3 Nodes, idle: MiB",
            Some(58.0),
            RSS_SMALL,
            self.small.idle_mib,
        ));
        all.push(target(
            "memory with 3 Nodes, most at once: MiB",
            Some(58.0),
            RSS_SMALL,
            self.small.peak_mib,
        ));
        all
    }

    /// The figures of the reference size under their plain names, and all sizes under `sizes`.
    pub(crate) fn json(&self) -> Value {
        let mut all = self
            .reference()
            .map_or_else(|| json!({}), |size| self.figures(size));
        all["sizes"] = self.sizes().into_iter().map(|size| self.size(size)).collect();
        all
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of a bench")]
    fn figures(&self, size: Size<'_>) -> Value {
        let nodes = size.nodes as f64;
        let init = |run: &Measured| rounded(run.init.asked.total as f64 / nodes);
        let pass = |run: &Measured| rounded(run.pass_requests() / nodes);
        json!({
            "init_requests_per_node_default": init(size.default),
            "init_requests_per_node_qemu": init(size.qemu),
            "pass_requests_per_node_default": pass(size.default),
            "pass_requests_per_node_qemu": pass(size.qemu),
            "init_seconds": rounded(size.default.seconds()),
            "rss_mib": rounded(size.peak_mib()),
            "rss_idle_mib": rounded(self.small.idle_mib),
        })
    }

    fn size(&self, size: Size<'_>) -> Value {
        let mut all = self.figures(size);
        all["nodes"] = json!(size.nodes);
        // Of three Nodes, whatever the size.
        if let Some(figures) = all.as_object_mut() {
            figures.remove("rss_idle_mib");
        }
        for run in [size.default, size.qemu] {
            all[run.mode.name()] = json!({
                "init_requests": run.init.asked.total,
                "init_requests_failed": run.init.asked.failed,
                "init_seconds_untainted": rounded(run.init.untainted),
                "init_seconds_addressed": rounded(run.init.addressed),
                "init_writes": run.init.writes,
                "init_cpu_seconds": rounded(run.init.cpu),
                "start_requests": run.pass.start.total,
                "pass_seconds": self.period.as_secs(),
                "pass_requests": run.pass.asked.total,
                "pass_requests_by_clock": run.pass.asked.by_clock,
                "pass_requests_failed": run.pass.asked.failed,
                "pass_writes": run.pass.writes,
                "pass_cpu_seconds": rounded(run.pass.cpu),
                "rss_mib": rounded(run.peak_mib),
                "rss_after_idle_mib": rounded(run.idle_mib),
            });
        }
        all
    }
}

impl Size<'_> {
    fn peak_mib(self) -> f64 {
        self.default.peak_mib.max(self.qemu.peak_mib)
    }
}

impl Measured {
    /// Seconds until the last Node was ready for use.
    fn seconds(&self) -> f64 {
        self.init.untainted.max(self.init.addressed)
    }

    /// Requests of a pass as long as usual: those about machines as counted, those by the clock for that time.
    #[expect(clippy::cast_precision_loss, reason = "counts of a bench")]
    fn pass_requests(&self) -> f64 {
        let asked = &self.pass.asked;
        (asked.total - asked.by_clock) as f64 + self.pass.clock_rate * PASS_PERIOD.as_secs_f64()
    }
}

/// To a thousandth; finer is noise.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
