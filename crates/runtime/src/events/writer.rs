//! The far end: the task that writes.

use std::time::Duration;

use k8s_openapi::api::core::v1::Event as CoreEvent;
use k8s_openapi::api::events::v1::Event;
use kube::Client;
use kube::api::{Api, PostParams};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::object::{Message, Reporter};
use super::recorder::Counts;
use super::repeats::{Key, Repeats};
use crate::answer::describe;

/// How long one write may take. Short, because others wait behind it.
const WRITE_LIMIT: Duration = Duration::from_secs(5);

/// How long what was recorded before the stop may take altogether.
const LAST_WORDS: Duration = Duration::from_secs(3);

pub(super) struct Writer {
    client: Client,
    reporter: Reporter,
    counts: Counts,
    repeats: Repeats,
    /// The last write failed, and that was logged.
    failing: bool,
    /// The server refused `events.k8s.io`: roles of replaced programs may allow only the older API.
    older: bool,
    /// The number in the name of the last event.
    last_nanos: i128,
}

impl Writer {
    pub(super) fn new(client: Client, reporter: Reporter, counts: Counts) -> Self {
        Self {
            client,
            reporter,
            counts,
            repeats: Repeats::default(),
            failing: false,
            older: false,
            last_nanos: 0,
        }
    }

    /// Writes until `stop`, and then what is left, for a limited time.
    pub(super) async fn run(mut self, mut messages: mpsc::Receiver<Message>, stop: CancellationToken) {
        let counts = self.counts.clone();
        let too_late = async {
            stop.cancelled().await;
            sleep(LAST_WORDS).await;
        };
        tokio::select! {
            () = self.work(&mut messages, &stop) => return,
            () = too_late => {}
        }
        messages.close();
        let mut left = 1; // the one being written, or else it would not be too late
        while messages.try_recv().is_ok() {
            left += 1;
        }
        (0..left).for_each(|_| counts.count("dropped"));
        tracing::warn!(left, "events not written before the end");
    }

    /// Without any recorder left it only waits for `stop`: having nothing to do is no reason to end.
    async fn work(&mut self, messages: &mut mpsc::Receiver<Message>, stop: &CancellationToken) {
        while let Some(next) = stop.run_until_cancelled(messages.recv()).await {
            match next {
                Some(message) => self.handle(message).await,
                None => stop.cancelled().await,
            }
        }
        messages.close();
        while let Some(message) = messages.recv().await {
            self.handle(message).await;
        }
    }

    async fn handle(&mut self, message: Message) {
        let key = Key::of(&message);
        if self.repeats.knows(&key, Instant::now()) {
            self.counts.count("merged");
            return;
        }
        match self.write(&message).await {
            Ok(()) => {
                self.failing = false;
                self.counts.count("written");
                self.repeats.remember(key, Instant::now());
            }
            Err(error) => {
                self.counts.count("failed");
                self.complain(&message, &error);
            }
        }
    }

    async fn write(&mut self, message: &Message) -> Result<(), String> {
        // Two events of one object in the same nanosecond would have the same name.
        self.last_nanos = message.at.as_nanosecond().max(self.last_nanos + 1);
        match timeout(WRITE_LIMIT, self.create(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(describe(&error)),
            Err(_) => Err(format!("no answer within {WRITE_LIMIT:?}")),
        }
    }

    async fn create(&mut self, message: &Message) -> Result<(), kube::Error> {
        let params = PostParams::default();
        if !self.older {
            let api: Api<Event> = Api::namespaced(self.client.clone(), message.namespace());
            let event = message.object(&self.reporter, self.last_nanos);
            match api.create(&params, &event).await {
                Err(kube::Error::Api(status)) if status.code == 403 => {}
                answer => return answer.map(drop),
            }
        }
        let api: Api<CoreEvent> = Api::namespaced(self.client.clone(), message.namespace());
        let event = message.core_object(&self.reporter, self.last_nanos);
        api.create(&params, &event).await?;
        // Only now: a role that allows neither may be mended to allow the newer one.
        self.older = true;
        Ok(())
    }

    /// Logs a failure loudly only when it is the first in a row.
    fn complain(&mut self, message: &Message, error: &str) {
        let (namespace, reason) = (message.namespace(), &message.reason);
        if self.failing {
            tracing::debug!(namespace, reason, error, "cannot write an event");
        } else {
            tracing::warn!(
                namespace,
                reason,
                error,
                "cannot write an event; what it says is lost"
            );
        }
        self.failing = true;
    }
}
