//! Medians, a table for people, one JSON object for machines.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::{Value, json};

use crate::run::{Bare, Ours};

/// Medians over the pairs of one size.
#[derive(Debug)]
pub(crate) struct Report {
    claims: usize,
    rounds: usize,
    bare_seconds: f64,
    bare_server_cpu: f64,
    server_cpu: f64,
    cpu: f64,
    seconds: f64,
    limit_ratio: f64,
    latency_ms: [f64; 4],
    writes_per_claim: f64,
    reads_per_claim: f64,
    rss_mib: f64,
    restart_seconds: f64,
    restart_writes: f64,
    duplicates: usize,
    requests: BTreeMap<String, u64>,
}

#[allow(clippy::cast_precision_loss, reason = "counts of a bench")]
impl Report {
    pub(crate) fn of(claims: usize, pairs: &[(Bare, Ours)]) -> Self {
        let ours = |value: &dyn Fn(&Ours) -> f64| median(pairs.iter().map(|(_, o)| value(o)));
        Self {
            claims,
            rounds: pairs.len(),
            bare_seconds: median(pairs.iter().map(|(b, _)| b.seconds)),
            bare_server_cpu: median(pairs.iter().map(|(b, _)| b.server_cpu)),
            server_cpu: ours(&|o| o.server_cpu),
            cpu: ours(&|o| o.cpu),
            seconds: ours(&|o| o.seconds),
            limit_ratio: median(pairs.iter().map(|(b, o)| b.seconds / o.seconds)),
            latency_ms: [0, 1, 2, 3].map(|i| ours(&|o| o.latency_ms[i])),
            writes_per_claim: ours(&|o| o.writes as f64 / claims as f64),
            reads_per_claim: ours(&|o| o.reads as f64 / claims as f64),
            rss_mib: ours(&|o| o.rss_mib),
            restart_seconds: ours(&|o| o.restart_seconds),
            restart_writes: ours(&|o| o.restart_writes as f64),
            duplicates: pairs.iter().map(|(_, o)| o.duplicates).max().unwrap_or_default(),
            requests: pairs.last().map(|(_, o)| o.requests.clone()).unwrap_or_default(),
        }
    }

    fn claims_per_second(&self) -> f64 {
        self.claims as f64 / self.seconds
    }

    pub(crate) fn table(&self) -> String {
        let mut text = String::new();
        let [p50, p95, p99, max] = self.latency_ms;
        let rows = [
            (
                "time to all bound",
                format!("{:.2} s", self.seconds),
                String::new(),
            ),
            ("bare limit", format!("{:.2} s", self.bare_seconds), String::new()),
            (
                "of the bare limit",
                format!("{:.0} %", self.limit_ratio * 100.0),
                "≥ 80 %".to_owned(),
            ),
            (
                "claims per second",
                format!("{:.0}", self.claims_per_second()),
                String::new(),
            ),
            (
                "CPU of the controller",
                format!("{:.2} s", self.cpu),
                String::new(),
            ),
            (
                "CPU of the server",
                format!("{:.2} s", self.server_cpu),
                String::new(),
            ),
            (
                "  at the bare limit",
                format!("{:.2} s", self.bare_server_cpu),
                String::new(),
            ),
            (
                "latency p50/p95/p99/max",
                format!("{p50:.0}/{p95:.0}/{p99:.0}/{max:.0} ms"),
                String::new(),
            ),
            (
                "writes per claim",
                format!("{:.3}", self.writes_per_claim),
                "≤ 3.1".to_owned(),
            ),
            (
                "reads per claim",
                format!("{:.3}", self.reads_per_claim),
                "0".to_owned(),
            ),
            (
                "peak memory",
                format!("{:.1} MiB", self.rss_mib),
                "≤ 40 MiB".to_owned(),
            ),
            (
                "restart to ready",
                format!("{:.2} s", self.restart_seconds),
                "< 5 s".to_owned(),
            ),
            (
                "writes after restart",
                format!("{:.0}", self.restart_writes),
                "0".to_owned(),
            ),
            ("duplicates", self.duplicates.to_string(), "0".to_owned()),
        ];
        let _ = writeln!(
            text,
            "\n{} claims at once into a /18, median of {}",
            self.claims, self.rounds
        );
        for (name, value, target) in rows {
            let _ = writeln!(text, "  {name:<24} {value:>20}  {target}");
        }
        let _ = writeln!(text, "  requests of the controller, last round:");
        for (request, count) in &self.requests {
            let _ = writeln!(text, "    {count:>8}  {request}");
        }
        text
    }
}

/// The figures of the largest size under their plain names, and all sizes under `sizes`.
pub(crate) fn json(reports: &[Report]) -> Value {
    let object = |r: &Report| {
        json!({
            "claims": r.claims,
            "limit_ratio": round(r.limit_ratio),
            "claims_per_second": round(r.claims_per_second()),
            "writes_per_claim": round(r.writes_per_claim),
            "reads_per_claim": round(r.reads_per_claim),
            "rss_mib": round(r.rss_mib),
            "restart_seconds": round(r.restart_seconds),
            "restart_writes": round(r.restart_writes),
            "duplicates": r.duplicates,
        })
    };
    let mut all = reports
        .iter()
        .max_by_key(|r| r.claims)
        .map(object)
        .unwrap_or_default();
    all["sizes"] = reports.iter().map(object).collect();
    all
}

fn round(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
