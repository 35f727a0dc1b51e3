//! The metrics page.
//!
//! There is no global registry: a process builds one [`Metrics`] with everything it measures and hands it to
//! the server that shows it.

mod process;

use std::sync::Arc;

use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

use process::Process;

/// Media type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of the process. Clones show the same ones.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Registry>);

impl Metrics {
    /// The usual `process_*` metrics, and whatever `register` adds.
    #[must_use]
    pub fn new(register: impl FnOnce(&mut Registry)) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Process::new()));
        register(&mut registry);
        Self(Arc::new(registry))
    }

    /// The page in OpenMetrics text, of the type [`CONTENT_TYPE`].
    ///
    /// Cost: O(time series); reads three small files below `/proc`.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut page = String::new();
        if text::encode(&mut page, &self.0).is_err() {
            // Only a collector can cause that. The page lacks its end mark, so a scraper will refuse it.
            tracing::error!("a metric cannot be written; the metrics page is incomplete");
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;

    use super::*;

    #[test]
    fn the_page_shows_our_own_and_the_process_metrics() {
        let served = Counter::<u64>::default();
        let metrics = Metrics::new(|registry| registry.register("served", "Requests", served.clone()));
        served.inc_by(3);
        let page = metrics.clone().encode();
        assert!(page.contains("\nserved_total 3\n"), "{page}");
        assert!(page.contains("# TYPE process_cpu_seconds counter\n"), "{page}");
        assert!(page.contains("# TYPE process_resident_memory_bytes gauge\n"), "{page}");
        assert!(page.ends_with("# EOF\n"), "{page}");
    }
}
