//! The near end: takes events and never waits.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::object::{EventType, MAX_FIELD, MAX_NOTE, Message, Reporter, cut};
use super::writer::Writer;
use crate::shutdown::Tasks;

/// Events that may wait to be written. A burst beyond it is more than anybody will read.
pub const CAPACITY: usize = 1024;

/// Labels of `cadastre_events_total`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct EventLabels {
    /// What became of the event: `written`, `merged` (said a moment ago), `dropped` (too many at once, or after
    /// the end of the task) or `failed` (the API server did not take it).
    pub outcome: &'static str,
}

/// Counters of events by what became of them. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts(Family<EventLabels, Counter>);

impl Counts {
    pub(super) fn count(&self, outcome: &'static str) {
        self.0.get_or_create(&EventLabels { outcome }).inc();
    }
}

/// Records events. Clones feed the same task.
#[derive(Clone, Debug)]
pub struct Recorder {
    queue: mpsc::Sender<Message>,
    counts: Counts,
}

impl Recorder {
    /// A recorder whose task belongs to `tasks` and ends with them, see [`Recorder::new`].
    #[must_use]
    pub fn start(client: Client, controller: &str, instance: &str, tasks: &Tasks) -> Self {
        let (recorder, task) = Self::new(client, controller, instance, tasks.stop());
        tasks.spawn("events", task);
        recorder
    }

    /// A recorder, and the task that writes what it records.
    ///
    /// `controller` becomes `reportingController` and must be a qualified name (`name` or `domain/name`);
    /// `instance` becomes `reportingInstance`, usually the pod's name. Both must not be empty.
    ///
    /// The task ends soon after `stop` is cancelled, when it has tried to write what was recorded until then
    /// (at most about 3 s). Events are dropped while and after that, and when the task is not run at all.
    pub fn new(
        client: Client,
        controller: &str,
        instance: &str,
        stop: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (queue, messages) = mpsc::channel(CAPACITY);
        let counts = Counts::default();
        let reporter = Reporter {
            controller: controller.to_owned(),
            instance: cut(instance, MAX_FIELD).to_owned(),
        };
        let task = Writer::new(client, reporter, counts.clone()).run(messages, stop);
        (Self { queue, counts }, task)
    }

    /// Makes the counters visible as `cadastre_events_total{outcome}`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "cadastre_events",
            "Kubernetes events by what became of them",
            self.counts.0.clone(),
        );
    }

    /// How many events had this outcome, see [`EventLabels::outcome`].
    #[must_use]
    pub fn count(&self, outcome: &'static str) -> u64 {
        self.counts
            .0
            .get(&EventLabels { outcome })
            .map_or(0, |counter| counter.get())
    }

    /// Records that something happened to `regarding`, now. Never waits, never fails.
    ///
    /// `reason` and `action` are short CamelCase words for machines (cut to [`MAX_FIELD`] bytes) and must not
    /// be empty; `note` is a sentence for people (cut to [`MAX_NOTE`] bytes).
    pub fn record(
        &self,
        regarding: &ObjectReference,
        kind: EventType,
        reason: &str,
        action: &str,
        note: &str,
    ) {
        let Ok(place) = self.queue.try_reserve() else {
            self.counts.count("dropped");
            return;
        };
        place.send(Message {
            regarding: regarding.clone(),
            kind,
            reason: cut(reason, MAX_FIELD).to_owned(),
            action: cut(action, MAX_FIELD).to_owned(),
            note: cut(note, MAX_NOTE).to_owned(),
            at: Timestamp::now(),
        });
    }
}
