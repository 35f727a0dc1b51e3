//! What is measured of Nodes (§11). What is measured of sources: [`crate::source::metrics`].

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::plan::facts::{GuestReason, NodeFacts, Region};

/// Unit: seconds since the Node's creation. As existing dashboards expect them.
const DELAY_BUCKETS: [f64; 6] = [1.0, 4.0, 16.0, 64.0, 256.0, 1024.0];
/// Unit: seconds. A pass is spread over its period, 300 s unless told otherwise.
const PASS_BUCKETS: [f64; 10] = [1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 240.0, 300.0, 450.0, 600.0];

/// Labels of `ccm_node_address_source`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SourceLabels {
    node_mode: &'static str,
    result: &'static str,
}

/// Labels of `ccm_guest_unavailable_total`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GuestLabels {
    region: String,
    reason: &'static str,
}

/// Labels of `ccm_nodes`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

/// Labels of `ccm_node_deletions_total`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DeletionLabels {
    reason: &'static str,
}

/// How many Nodes are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeCounts {
    /// Initialised, and their machine was found or not looked for yet.
    pub initialised: u32,
    /// Waiting for initialisation.
    pub tainted: u32,
    /// Of another cloud.
    pub foreign: u32,
    /// Initialised, but their machine was not found at the last look.
    pub unknown: u32,
}

/// A Node that counts in a gauge for as long as this lives.
#[derive(Debug)]
pub struct Counted(Gauge);

impl Counted {
    fn new(gauge: Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The metrics of the loops. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    address_sources: Family<SourceLabels, Gauge>,
    guest_unavailable: Family<GuestLabels, Counter>,
    nodes: Family<StateLabels, Gauge>,
    deletions: Family<DeletionLabels, Counter>,
    /// From the first to the last look at initialised Nodes within one period. Unit: seconds.
    pub pass_seconds: Histogram,
    taint_removal: Histogram,
    initial_sync: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            address_sources: Family::default(),
            guest_unavailable: Family::default(),
            nodes: Family::default(),
            deletions: Family::default(),
            pass_seconds: Histogram::new(PASS_BUCKETS),
            taint_removal: Histogram::new(DELAY_BUCKETS),
            initial_sync: Histogram::new(DELAY_BUCKETS),
        }
    }
}

impl Metrics {
    /// Registers all of them.
    pub fn register(&self, registry: &mut Registry) {
        let help = "Nodes by mode and by the evidence their addresses rest on since the last look";
        registry.register("ccm_node_address_source", help, self.address_sources.clone());
        let help = "Guests that could not be asked for their addresses";
        registry.register("ccm_guest_unavailable", help, self.guest_unavailable.clone());
        let help = "Nodes by state: initialised, tainted, foreign, unknown (machine not found)";
        registry.register("ccm_nodes", help, self.nodes.clone());
        let help = "Nodes deleted because their machine is gone";
        registry.register("ccm_node_deletions", help, self.deletions.clone());
        let help = "Time from the first to the last look at initialised Nodes within one period";
        registry.register("ccm_pass_duration_seconds", help, self.pass_seconds.clone());
        let help = "Seconds from the creation of a Node to the removal of its taint";
        registry.register(
            "node_controller_cloud_provider_taint_removal_delay_seconds",
            help,
            self.taint_removal.clone(),
        );
        let help = "Seconds from the creation of a Node to its first complete synchronisation";
        registry.register(
            "node_controller_initial_node_sync_delay_seconds",
            help,
            self.initial_sync.clone(),
        );
        self.set_nodes(NodeCounts::default());
    }

    /// Enters how many Nodes are in which state.
    pub fn set_nodes(&self, counts: NodeCounts) {
        let states = [
            ("initialised", counts.initialised),
            ("tainted", counts.tainted),
            ("foreign", counts.foreign),
            ("unknown", counts.unknown),
        ];
        for (state, count) in states {
            self.nodes
                .get_or_create(&StateLabels { state })
                .set(i64::from(count));
        }
    }

    /// One more Node whose addresses were decided in this mode, on this evidence, until the answer is dropped.
    pub fn address_source(&self, node_mode: &'static str, result: &'static str) -> Counted {
        let labels = SourceLabels { node_mode, result };
        let gauge = self.address_sources.get_or_create(&labels).clone();
        Counted::new(gauge)
    }

    /// A guest could not be asked.
    pub fn guest_unavailable(&self, region: &Region, reason: GuestReason) {
        let labels = GuestLabels {
            region: region.to_string(),
            reason: reason.as_str(),
        };
        self.guest_unavailable.get_or_create(&labels).inc();
    }

    /// A Node was deleted.
    pub fn deleted(&self, reason: &'static str) {
        self.deletions.get_or_create(&DeletionLabels { reason }).inc();
    }

    /// A Node lost its taint just now.
    pub fn untainted(&self, node: &NodeFacts) {
        observe_age(&self.taint_removal, node);
    }

    /// A new Node got everything just now.
    pub fn synced(&self, node: &NodeFacts) {
        observe_age(&self.initial_sync, node);
    }
}

fn observe_age(histogram: &Histogram, node: &NodeFacts) {
    if let Some(created) = node.created {
        histogram.observe(Timestamp::now().duration_since(created).as_secs_f64().max(0.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_has_the_name_dashboards_use() {
        let (metrics, mut registry) = (Metrics::default(), Registry::default());
        metrics.register(&mut registry);
        let first = metrics.address_source("qemu", "guest");
        let second = metrics.address_source("qemu", "guest");
        drop((metrics.address_source("qemu", "previous"), second));
        metrics.guest_unavailable(&"fsn".parse().unwrap(), GuestReason::Timeout);
        metrics.deleted("NotListed");
        metrics.set_nodes(NodeCounts {
            initialised: 3,
            ..NodeCounts::default()
        });
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            r#"ccm_node_address_source{node_mode="qemu",result="guest"} 1"#,
            r#"ccm_node_address_source{node_mode="qemu",result="previous"} 0"#,
            r#"ccm_guest_unavailable_total{region="fsn",reason="Timeout"} 1"#,
            r#"ccm_nodes{state="initialised"} 3"#,
            r#"ccm_nodes{state="foreign"} 0"#,
            r#"ccm_node_deletions_total{reason="NotListed"} 1"#,
            "ccm_pass_duration_seconds_count 0",
            r#"node_controller_cloud_provider_taint_removal_delay_seconds_bucket{le="1024.0"} 0"#,
            r#"node_controller_initial_node_sync_delay_seconds_bucket{le="4.0"} 0"#,
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
        drop(first);
    }
}
