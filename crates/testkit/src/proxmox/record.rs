//! What was asked and answered: counters, gauges and a log for messages of failed tests.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::{Duration, Instant};

use http::Method;

use super::template::Template;

/// How many of the last requests the log keeps.
const KEPT: usize = 20_000;

/// One request that has been answered, or was given up.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When it arrived, counted from the start of the fake.
    pub at: Duration,
    /// How long it took.
    pub took: Duration,
    /// Which cluster was asked.
    pub region: String,
    /// Through which of its end points.
    pub endpoint: usize,
    /// Its method.
    pub method: Method,
    /// Path and query after `/api2/json`.
    pub target: String,
    /// Its end point of the API.
    pub template: Template,
    /// The host it was about.
    pub host: Option<String>,
    /// The VM it was about, as text.
    pub vm: Option<String>,
    /// The token or user it claimed to come from, without secret; `-` without credentials.
    pub who: String,
    /// Status of the answer; 0 when there was none.
    pub status: u16,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>9.3}s {}/{} {} {} {} {} in {:.1?}",
            self.at.as_secs_f64(),
            self.region,
            self.endpoint,
            self.who,
            self.method,
            self.target,
            self.status,
            self.took,
        )
    }
}

/// Requests in progress at once.
#[derive(Clone, Copy, Debug, Default)]
struct Gauge {
    now: usize,
    peak: usize,
}

impl Gauge {
    fn enter(&mut self) {
        self.now += 1;
        self.peak = self.peak.max(self.now);
    }
}

/// Region, host, template.
type GaugeKey = (String, Option<String>, Template);

pub(super) struct Record {
    since: Instant,
    total: u64,
    counts: BTreeMap<(Template, u16), u64>,
    log: VecDeque<Entry>,
    /// With the host, and without it for the whole region.
    gauges: BTreeMap<GaugeKey, Gauge>,
    connections: BTreeMap<(String, usize), Gauge>,
    accepted: u64,
}

impl Record {
    pub(super) fn new() -> Self {
        Self {
            since: Instant::now(),
            total: 0,
            counts: BTreeMap::new(),
            log: VecDeque::new(),
            gauges: BTreeMap::new(),
            connections: BTreeMap::new(),
            accepted: 0,
        }
    }

    /// A request has come.
    pub(super) fn arrive(&mut self, entry: &Entry) {
        self.total += 1;
        for key in gauge_keys(entry) {
            self.gauges.entry(key).or_default().enter();
        }
    }

    /// It has been answered, or given up.
    pub(super) fn leave(&mut self, mut entry: Entry, arrived: Instant) {
        for key in gauge_keys(&entry) {
            if let Some(gauge) = self.gauges.get_mut(&key) {
                gauge.now = gauge.now.saturating_sub(1);
            }
        }
        entry.at = arrived.saturating_duration_since(self.since);
        entry.took = arrived.elapsed();
        *self.counts.entry((entry.template, entry.status)).or_default() += 1;
        if self.log.len() == KEPT {
            self.log.pop_front();
        }
        self.log.push_back(entry);
    }

    pub(super) fn connect(&mut self, region: &str, endpoint: usize) {
        self.accepted += 1;
        self.connections
            .entry((region.to_owned(), endpoint))
            .or_default()
            .enter();
    }

    pub(super) fn disconnect(&mut self, region: &str, endpoint: usize) {
        if let Some(gauge) = self.connections.get_mut(&(region.to_owned(), endpoint)) {
            gauge.now = gauge.now.saturating_sub(1);
        }
    }

    /// Counters, log and peaks begin anew; what is in progress stays.
    pub(super) fn reset(&mut self) {
        (self.total, self.accepted) = (0, 0);
        self.counts.clear();
        self.log.clear();
        for gauge in self.gauges.values_mut().chain(self.connections.values_mut()) {
            gauge.peak = gauge.now;
        }
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn counts(&self) -> BTreeMap<(Template, u16), u64> {
        self.counts.clone()
    }

    pub(super) fn log(&self) -> Vec<Entry> {
        self.log.iter().cloned().collect()
    }

    pub(super) fn peak(&self, region: &str, host: Option<&str>, template: Template) -> usize {
        let key = (region.to_owned(), host.map(str::to_owned), template);
        self.gauges.get(&key).map_or(0, |gauge| gauge.peak)
    }

    /// Open now, most at once.
    pub(super) fn connections(&self, region: &str, endpoint: usize) -> (usize, usize) {
        let gauge = self.connections.get(&(region.to_owned(), endpoint));
        gauge.map_or((0, 0), |gauge| (gauge.now, gauge.peak))
    }

    pub(super) fn accepted(&self) -> u64 {
        self.accepted
    }
}

fn gauge_keys(entry: &Entry) -> impl Iterator<Item = GaugeKey> {
    let (region, template) = (entry.region.clone(), entry.template);
    let host = entry
        .host
        .clone()
        .map(|host| (region.clone(), Some(host), template));
    std::iter::once((region, None, template)).chain(host)
}
