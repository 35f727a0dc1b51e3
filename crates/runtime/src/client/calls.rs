//! Counters of the requests we send.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Labels of `cadastre_api_requests_total`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CallLabels {
    /// As in [`super::RequestKind::verb`].
    pub verb: &'static str,
    /// As in [`super::RequestKind::resource`].
    pub resource: String,
    /// HTTP status, or `timeout` or `error` where there was no answer.
    pub code: String,
}

/// Requests to the API server, by verb, resource and code. Clones share the same counters.
///
/// A request that was retried because of a 429 counts once per attempt.
#[derive(Clone, Debug, Default)]
pub struct Calls(Family<CallLabels, Counter>);

impl Calls {
    /// Makes the counters visible as `cadastre_api_requests_total`.
    pub fn register(&self, registry: &mut Registry) {
        let help = "Requests sent to the Kubernetes API server";
        registry.register("cadastre_api_requests", help, self.0.clone());
    }

    /// How often a request was answered with `code`.
    #[must_use]
    pub fn get(&self, verb: &'static str, resource: &str, code: &str) -> u64 {
        let labels = CallLabels {
            verb,
            resource: resource.to_owned(),
            code: code.to_owned(),
        };
        self.0.get(&labels).map_or(0, |counter| counter.get())
    }

    pub(super) fn count(&self, verb: &'static str, resource: &str, code: &str) {
        let labels = CallLabels {
            verb,
            resource: resource.to_owned(),
            code: code.to_owned(),
        };
        self.0.get_or_create(&labels).inc();
    }
}
