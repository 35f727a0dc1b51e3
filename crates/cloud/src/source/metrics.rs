//! What is measured of the requests to sources (§11).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use runtime::clock::BootTime;

use crate::plan::facts::Region;

/// Unit: seconds. A local answer takes 5 ms, our limit is 10 s.
const HTTP_BUCKETS: [f64; 12] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];
/// Unit: seconds. As existing dashboards expect them.
const QUESTION_BUCKETS: [f64; 8] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Labels of `proxmox_http_requests_total`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// The region asked.
    pub region: String,
    /// The path without names and numbers, as `nodes/qemu/config`.
    pub endpoint: &'static str,
    /// HTTP status, or `timeout` or `error` where there was no answer.
    pub code: String,
}

/// Labels of `proxmox_http_request_duration_seconds`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct EndpointLabels {
    /// The region asked.
    pub region: String,
    /// The path without names and numbers.
    pub endpoint: &'static str,
}

/// Labels of a region.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RegionLabels {
    region: String,
}

/// Labels of the two families of the replaced controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QuestionLabels {
    request: &'static str,
}

/// What the replaced controller measured, by the names its dashboards use. They nest, so their sums count double.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Does the machine exist; separately: the guest query.
    VmInfo,
    /// Is it switched off?
    VmState,
    /// The whole resolution of a Node.
    InstanceInfo,
    /// Looking for a machine by name and UUID.
    FindByNode,
    /// Looking for a machine by UUID.
    FindByUuid,
    /// Reading a machine's configuration.
    Config,
}

impl Question {
    /// Value of the label `request`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VmInfo => "getVmInfo",
            Self::VmState => "getVmState",
            Self::InstanceInfo => "getInstanceInfo",
            Self::FindByNode => "findVmByNode",
            Self::FindByUuid => "findVmByUUID",
            Self::Config => "getVMConfig",
        }
    }
}

/// The metrics of all sources. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    requests: Family<RequestLabels, Counter>,
    durations: Family<EndpointLabels, Histogram, fn() -> Histogram>,
    up: Family<RegionLabels, Gauge>,
    questions: Family<QuestionLabels, Histogram, fn() -> Histogram>,
    question_errors: Family<QuestionLabels, Counter>,
    lists: Arc<Mutex<BTreeMap<Region, BootTime>>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(HTTP_BUCKETS)),
            up: Family::default(),
            questions: Family::new_with_constructor(|| Histogram::new(QUESTION_BUCKETS)),
            question_errors: Family::default(),
            lists: Arc::default(),
        }
    }
}

impl Metrics {
    /// Registers all of them.
    pub fn register(&self, registry: &mut Registry) {
        let help = "Requests sent to Proxmox VE, by region, endpoint and status";
        registry.register("proxmox_http_requests", help, self.requests.clone());
        let help = "Time of one request to Proxmox VE";
        registry.register(
            "proxmox_http_request_duration_seconds",
            help,
            self.durations.clone(),
        );
        let help = "Whether the region answered its last list of machines";
        registry.register("proxmox_region_up", help, self.up.clone());
        let help = "Time of one question to the provider; one may stand for many requests";
        registry.register(
            "proxmox_api_request_duration_seconds",
            help,
            self.questions.clone(),
        );
        let help = "Questions to the provider that got no answer";
        registry.register("proxmox_api_request_errors", help, self.question_errors.clone());
        registry.register_collector(Box::new(Ages(self.lists.clone())));
    }

    /// Enters one request, answered or not.
    pub fn request(&self, region: &Region, endpoint: &'static str, code: &str, took: Duration) {
        let region = region.to_string();
        let labels = RequestLabels {
            region: region.clone(),
            endpoint,
            code: code.to_owned(),
        };
        self.requests.get_or_create(&labels).inc();
        self.durations
            .get_or_create(&EndpointLabels { region, endpoint })
            .observe(took.as_secs_f64());
    }

    /// How many requests to an endpoint of a region ended with this code.
    #[must_use]
    pub fn requests(&self, region: &Region, endpoint: &'static str, code: &str) -> u64 {
        let labels = RequestLabels {
            region: region.to_string(),
            endpoint,
            code: code.to_owned(),
        };
        self.requests.get(&labels).map_or(0, |counter| counter.get())
    }

    /// Enters the outcome of a list of machines, and when it was taken if there is one.
    pub fn list(&self, region: &Region, taken: Option<BootTime>) {
        let labels = RegionLabels {
            region: region.to_string(),
        };
        self.up.get_or_create(&labels).set(i64::from(taken.is_some()));
        if let Some(taken) = taken {
            let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
            lists.insert(region.clone(), taken);
        }
    }

    /// Enters one question in the families of the replaced controller.
    pub fn question(&self, question: Question, took: Duration, failed: bool) {
        let labels = QuestionLabels {
            request: question.as_str(),
        };
        self.questions.get_or_create(&labels).observe(took.as_secs_f64());
        if failed {
            self.question_errors.get_or_create(&labels).inc();
        }
    }
}

/// Ages are of the moment they are read, so they are not kept but calculated.
#[derive(Debug)]
struct Ages(Arc<Mutex<BTreeMap<Region, BootTime>>>);

impl Collector for Ages {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let lists = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let now = BootTime::now();
        let help = "Age of the region's last list of machines";
        let gauge = ConstGauge::<f64>::new(0.0);
        let mut family =
            encoder.encode_descriptor("proxmox_index_age_seconds", help, None, gauge.metric_type())?;
        for (region, taken) in lists {
            let labels = RegionLabels {
                region: region.to_string(),
            };
            let age = ConstGauge::new(now.since(taken).as_secs_f64());
            age.encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_has_its_name_and_labels() {
        let (metrics, mut registry) = (Metrics::default(), Registry::default());
        metrics.register(&mut registry);
        let region: Region = "fsn".parse().unwrap();
        metrics.request(&region, "nodes/qemu/config", "200", Duration::from_millis(7));
        metrics.list(&region, Some(BootTime::now()));
        metrics.question(Question::Config, Duration::from_millis(7), true);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            r#"proxmox_http_requests_total{region="fsn",endpoint="nodes/qemu/config",code="200"} 1"#,
            r#"proxmox_http_request_duration_seconds_bucket{le="0.005",region="fsn",endpoint="nodes/qemu/config"} 0"#,
            r#"proxmox_region_up{region="fsn"} 1"#,
            r#"proxmox_api_request_duration_seconds_bucket{le="30.0",request="getVMConfig"} 1"#,
            r#"proxmox_api_request_errors_total{request="getVMConfig"} 1"#,
            r#"proxmox_index_age_seconds{region="fsn"} "#,
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
        metrics.list(&region, None);
        text.clear();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        assert!(text.contains(r#"proxmox_region_up{region="fsn"} 0"#), "{text}");
        assert!(
            text.contains("proxmox_index_age_seconds{"),
            "the age of the last good list stays: {text}"
        );
    }
}
