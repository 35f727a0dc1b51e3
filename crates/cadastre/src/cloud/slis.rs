//! `/metrics/slis`: the outcomes of health checks, under the names of Kubernetes' own components.

use axum::response::Response;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
};
use runtime::metrics::Metrics;

/// Labels of `kubernetes_healthcheck`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Check {
    name: &'static str,
    r#type: &'static str,
}

/// Labels of `kubernetes_healthchecks_total`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    name: &'static str,
    status: &'static str,
    r#type: &'static str,
}

/// What health checks said. Clones share it.
#[derive(Clone)]
pub(super) struct Slis {
    last: Family<Check, Gauge>,
    all: Family<Outcome, Counter>,
    page: Metrics,
}

impl Slis {
    pub(super) fn new() -> Self {
        let (last, all) = (Family::<Check, Gauge>::default(), Family::default());
        let page = Metrics::new(|registry| {
            let help = "Result of the last health check: 1 is good";
            registry.register("kubernetes_healthcheck", help, last.clone());
            let help = "Results of all health checks";
            registry.register("kubernetes_healthchecks", help, Family::clone(&all));
        });
        Self { last, all, page }
    }

    /// A check of `/healthz`, `/livez` or `/readyz` (the `kind`) ended.
    pub(super) fn checked(&self, kind: &'static str, name: &'static str, is_good: bool) {
        let (status, r#type) = (if is_good { "success" } else { "error" }, kind);
        let check = Check { name, r#type };
        self.last.get_or_create(&check).set(i64::from(is_good));
        self.all.get_or_create(&Outcome { name, status, r#type }).inc();
    }

    pub(super) fn response(&self) -> Response {
        self.page.response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_counted_as_kubernetes_counts_them() {
        let slis = Slis::new();
        slis.checked("healthz", "ping", true);
        slis.checked("readyz", "nodes", false);
        slis.checked("readyz", "nodes", true);
        let text = slis.page.encode();
        for line in [
            r#"kubernetes_healthcheck{name="ping",type="healthz"} 1"#,
            r#"kubernetes_healthcheck{name="nodes",type="readyz"} 1"#,
            r#"kubernetes_healthchecks_total{name="nodes",status="error",type="readyz"} 1"#,
            r#"kubernetes_healthchecks_total{name="nodes",status="success",type="readyz"} 1"#,
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }
}
