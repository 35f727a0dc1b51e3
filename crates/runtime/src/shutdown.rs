//! Owned tasks and an orderly end.
//!
//! Every task of a process belongs to one [`Tasks`]. A task that should run until the end but returns or
//! panics before it stops the process with an error: a controller without its watch, or a manager without its
//! webhook, must not look healthy.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::FutureExt;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The two signals that end a process.
struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.term.recv() => "SIGTERM",
            _ = self.int.recv() => "SIGINT",
        }
    }
}

/// The tasks of a process (or of one part of it) and the token that stops them. Clones share everything.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    signals: TaskTracker,
    stop: CancellationToken,
    /// Cancelled when the drain is over, whatever it came to.
    drained: CancellationToken,
    failure: Arc<OnceLock<String>>,
}

impl Tasks {
    /// No tasks yet, and a fresh token.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancelled when the process is to stop, for whatever reason.
    #[must_use]
    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Starts a task that is needed until the end. It must return soon after [`Tasks::stop`] is cancelled;
    /// returning or panicking before that stops the process with an error that names it.
    pub fn spawn<F>(&self, name: &'static str, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let tasks = self.clone();
        self.tracker.spawn(async move {
            let ended = AssertUnwindSafe(future).catch_unwind().await;
            match ended {
                Err(panic) => tasks.fail(format!("the task {name} panicked: {}", text(&*panic))),
                Ok(()) if !tasks.stop.is_cancelled() => {
                    tasks.fail(format!(
                        "the task {name} ended although the process was not asked to stop"
                    ));
                }
                Ok(()) => {}
            }
        });
    }

    /// Stops the process with an error. Only the first reason is kept; later ones are logged.
    pub fn fail(&self, reason: impl Into<String>) {
        let reason = reason.into();
        tracing::error!(reason, "stopping because of a failure");
        let _ = self.failure.set(reason);
        self.stop.cancel();
    }

    /// Why the process has to end with an error; `None` for an orderly stop.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }

    /// Stops on SIGTERM or SIGINT; a second signal during the stop ends the process at once with status 1.
    ///
    /// # Errors
    ///
    /// When the signal handlers cannot be installed.
    pub fn stop_on_signals(&self) -> std::io::Result<()> {
        let mut signals = Signals {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
        };
        let tasks = self.clone();
        // On a tracker of its own: it listens through the drain, so the drain cannot wait for it.
        let drained = self.drained.clone();
        self.signals.spawn(async move {
            let Some(name) = drained.run_until_cancelled(signals.next()).await else {
                return;
            };
            tracing::info!(signal = name, "stopping");
            tasks.stop.cancel();
            if let Some(name) = drained.run_until_cancelled(signals.next()).await {
                tracing::warn!(signal = name, "second signal, ending at once");
                std::process::exit(1);
            }
        });
        Ok(())
    }

    /// Asks every task to stop and waits for them, at most `limit`. Returns how many are still running.
    pub async fn drain(&self, limit: Duration) -> usize {
        self.stop.cancel();
        self.tracker.close();
        let waited = tokio::time::timeout(limit, self.tracker.wait()).await;
        self.drained.cancel();
        self.signals.close();
        self.signals.wait().await;
        if waited.is_ok() {
            return 0;
        }
        let left = self.tracker.len();
        tracing::warn!(left, "tasks still running at shutdown");
        left
    }
}

fn text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn tasks_that_stop_when_asked_are_no_failure() {
        let tasks = Tasks::new();
        let stop = tasks.stop();
        tasks.spawn("watch", async move { stop.cancelled().await });
        assert_eq!(tasks.drain(SOON).await, 0);
        assert_eq!(tasks.failure(), None);
    }

    #[tokio::test]
    async fn a_task_that_returns_early_stops_the_process_by_name() {
        let tasks = Tasks::new();
        tasks.spawn("webhook", async {});
        tokio::time::timeout(SOON, tasks.stop().cancelled())
            .await
            .expect("stopped");
        assert!(
            tasks.failure().unwrap().contains("webhook"),
            "{:?}",
            tasks.failure()
        );
    }

    #[tokio::test]
    async fn a_panic_stops_the_process_with_its_message() {
        let tasks = Tasks::new();
        tasks.spawn("flusher", async { panic!("index out of thin air") });
        tokio::time::timeout(SOON, tasks.stop().cancelled())
            .await
            .expect("stopped");
        let reason = tasks.failure().unwrap();
        assert!(
            reason.contains("flusher") && reason.contains("thin air"),
            "{reason}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_stop_is_counted_not_waited_for() {
        let tasks = Tasks::new();
        tasks.spawn("stuck", std::future::pending());
        assert_eq!(tasks.drain(Duration::from_secs(20)).await, 1);
    }

    #[tokio::test]
    async fn a_signal_stops_everything() {
        let tasks = Tasks::new();
        tasks.stop_on_signals().unwrap();
        let own = rustix::process::getpid();
        rustix::process::kill_process(own, rustix::process::Signal::TERM).unwrap();
        tokio::time::timeout(SOON, tasks.stop().cancelled())
            .await
            .expect("stopped");
        assert_eq!(tasks.drain(SOON).await, 0);
        assert_eq!(tasks.failure(), None);
    }
}
