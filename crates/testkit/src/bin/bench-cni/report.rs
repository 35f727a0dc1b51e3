//! The figures that have targets (spec cni-ipam §10.1).

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::kube_node::KubeNode;
use crate::near_full::NearFull;
use crate::place::Place;

/// One file system's figures; times in milliseconds, memory in bytes.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) add_p50: f64,
    pub(crate) floor_p50: f64,
    pub(crate) cpu_ratio: f64,
    pub(crate) thousand_seconds: f64,
    pub(crate) thousand_ratio: f64,
    pub(crate) thousand_growth: f64,
    pub(crate) six_ratio: f64,
    pub(crate) parallel_ratio: f64,
    pub(crate) parallel_p99: f64,
    pub(crate) near_full: NearFull,
    pub(crate) memory: u64,
    pub(crate) reference_memory: u64,
    pub(crate) kube_node: KubeNode,
}

/// A figure, its limit, and whether more is better.
struct Target {
    name: &'static str,
    value: f64,
    limit: f64,
    at_least: bool,
}

impl Target {
    const fn at_most(name: &'static str, value: f64, limit: f64) -> Self {
        Self {
            name,
            value,
            limit,
            at_least: false,
        }
    }

    const fn at_least(name: &'static str, value: f64, limit: f64) -> Self {
        Self {
            name,
            value,
            limit,
            at_least: true,
        }
    }

    fn is_met(&self) -> bool {
        if self.at_least {
            self.value >= self.limit
        } else {
            self.value <= self.limit
        }
    }
}

impl Report {
    fn targets(&self) -> Vec<Target> {
        let kube_node = &self.kube_node;
        vec![
            Target::at_most(
                "ADD, empty store: ms over the floor",
                self.add_p50 - self.floor_p50,
                0.5,
            ),
            Target::at_least("CPU: times less than the reference", self.cpu_ratio, 3.0),
            Target::at_most("1,000 ADDs: seconds", self.thousand_seconds, 1.5),
            Target::at_least("1,000 ADDs: times faster", self.thousand_ratio, 6.0),
            Target::at_most("CPU of the 1,000th ADD over the first", self.thousand_growth, 1.5),
            Target::at_most("IPv6 /64, as a multiple of IPv4", self.six_ratio, 1.1),
            Target::at_least("64 at once: times faster", self.parallel_ratio, 5.0),
            Target::at_most("64 at once: p99 in ms", self.parallel_p99, 100.0),
            Target::at_most("near-full /16: ms, worst of three", self.near_full.worst, 40.0),
            Target::at_most("memory, small store: MiB", mebibytes(self.memory), 4.0),
            Target::at_most("memory at 65,000: MiB", mebibytes(self.near_full.memory), 6.0),
            Target::at_most("STATUS of a full /16: ms", self.near_full.status, 200.0),
            Target::at_most(
                "kube-node cached: ms over native",
                kube_node.cached - kube_node.native,
                0.3,
            ),
            Target::at_most("kube-node uncached, TLS: ms", kube_node.tls, 20.0),
            Target::at_most("kube-node uncached: MiB", mebibytes(kube_node.memory), 12.0),
        ]
    }

    /// The figures beside their targets, for people.
    pub(crate) fn against_targets(&self, place: Place) -> String {
        let mut text = format!("\ntargets on {}\n", place.name());
        for target in self.targets() {
            let sign = if target.at_least { "≥" } else { "≤" };
            let verdict = if target.is_met() { "met" } else { "MISSED" };
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "  {:<46} {:>9.3}   {sign} {:<6} {verdict}",
                target.name, target.value, target.limit
            );
        }
        text
    }

    /// The figures for machines; `met` says whether all targets are, `missed` which are not.
    pub(crate) fn json(&self) -> Value {
        let missed: Vec<&str> = self
            .targets()
            .iter()
            .filter(|target| !target.is_met())
            .map(|target| target.name)
            .collect();
        json!({
            "met": missed.is_empty(),
            "missed": missed,
            "add_p50_ms": rounded(self.add_p50),
            "floor_p50_ms": rounded(self.floor_p50),
            "cpu_ratio": rounded(self.cpu_ratio),
            "thousand_ratio": rounded(self.thousand_ratio),
            "thousand_seconds": rounded(self.thousand_seconds),
            "thousand_growth": rounded(self.thousand_growth),
            "parallel_ratio": rounded(self.parallel_ratio),
            "parallel_p99_ms": rounded(self.parallel_p99),
            "nearfull_ms": rounded(self.near_full.worst),
            "nearfull_rss_mib": rounded(mebibytes(self.near_full.memory)),
            "nearfull_cold_ms": rounded(self.near_full.cold),
            "nearfull_cold_rss_mib": rounded(mebibytes(self.near_full.cold_memory)),
            "nearfull_status_ms": rounded(self.near_full.status),
            "rss_mib": rounded(mebibytes(self.memory)),
            "reference_rss_mib": rounded(mebibytes(self.reference_memory)),
            "kube_node_cached_ms": rounded(self.kube_node.cached),
            "kube_node_native_ms": rounded(self.kube_node.native),
            "kube_node_tls_ms": rounded(self.kube_node.tls),
            "kube_node_rss_mib": rounded(mebibytes(self.kube_node.memory)),
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "memory of a process")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// To a thousandth; finer is noise.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_knows_its_direction() {
        assert!(Target::at_most("", 1.0, 1.5).is_met() && !Target::at_most("", 2.0, 1.5).is_met());
        assert!(Target::at_least("", 2.0, 1.5).is_met() && !Target::at_least("", 1.0, 1.5).is_met());
        assert!(
            !Target::at_least("", f64::NAN, 1.5).is_met() && !Target::at_most("", f64::NAN, 1.5).is_met()
        );
    }
}
