//! The metrics page.
//!
//! There is no global registry: a process builds one [`Metrics`] with everything it measures and hands it to
//! the server that shows it.

mod process;

use std::sync::Arc;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

pub use process::Process;
use process::ProcessCollector;

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
        registry.register_collector(Box::new(ProcessCollector));
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

    /// The answer to `GET /metrics`.
    #[must_use]
    pub fn response(&self) -> Response {
        ([(header::CONTENT_TYPE, CONTENT_TYPE)], self.encode()).into_response()
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;

    use super::*;

    fn value(page: &str, name: &str) -> f64 {
        let line = page
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {page}"))
            .parse()
            .unwrap()
    }

    #[test]
    fn the_page_shows_what_was_registered_as_it_is_now() {
        let served = Counter::<u64>::default();
        let metrics = Metrics::new(|registry| registry.register("served", "Requests", served.clone()));
        served.inc_by(3);
        let page = metrics.clone().encode();
        assert_eq!(value(&page, "served_total"), 3.0);
        assert!(page.ends_with("# EOF\n"), "{page}");
    }

    #[test]
    fn the_process_is_measured_with_plausible_values() {
        let page = Metrics::new(|_| {}).encode();
        assert!(value(&page, "process_resident_memory_bytes") > 1e6);
        assert!(value(&page, "process_open_fds") >= 3.0);
        assert!(value(&page, "process_threads") >= 1.0);
        assert!(value(&page, "process_cpu_seconds_total") >= 0.0);
        let now = f64::from(u32::try_from(jiff::Timestamp::now().as_second()).unwrap());
        let start = value(&page, "process_start_time_seconds");
        assert!(
            (now - 86_400.0..=now + 2.0).contains(&start),
            "{start} against {now}"
        );
    }

    #[test]
    fn the_answer_has_the_type_scrapers_ask_for() {
        let response = Metrics::new(|_| {}).response();
        assert_eq!(response.headers()[header::CONTENT_TYPE], CONTENT_TYPE);
    }
}
