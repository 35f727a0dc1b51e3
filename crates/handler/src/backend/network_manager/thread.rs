//! The one thread that nmstate runs on.
//!
//! Its futures are not `Send`, and its blocking calls panic inside a runtime (specification §18.3). So it gets a
//! thread with a runtime of its own, and everybody else sends it work. That also gives the rule that a node does one
//! nmstate operation at a time.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::thread;
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::{mpsc, oneshot};
use tokio::time;

use crate::backend::BackendError;

/// A piece of work: makes a future on the thread and runs it there.
type Job = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// Sends work to the thread, which ends when the last clone is dropped.
#[derive(Clone, Debug)]
pub(super) struct NmstateThread {
    jobs: mpsc::UnboundedSender<Job>,
}

impl NmstateThread {
    /// Starts it.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(super) fn start() -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let (jobs, mut queue) = mpsc::unbounded_channel::<Job>();
        thread::Builder::new().name("nmstate".to_owned()).spawn(move || {
            runtime.block_on(async {
                while let Some(job) = queue.recv().await {
                    job().await;
                }
            });
        })?;
        Ok(Self { jobs })
    }

    /// Runs `work` there, after all that was sent before, for at most `limit` from its start. Dropping the returned
    /// future does not stop work that has begun.
    ///
    /// # Errors
    /// Those of `work`; [`BackendError::TooSlow`]; [`BackendError::Panicked`].
    pub(super) async fn run<T, F, W>(
        &self,
        what: &'static str,
        limit: Duration,
        work: W,
    ) -> Result<T, BackendError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, BackendError>> + 'static,
        W: FnOnce() -> F + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move || {
            Box::pin(async move {
                // Made inside, because a panic while making the future counts as well.
                let guarded = AssertUnwindSafe(async move { work().await }).catch_unwind();
                let done = match time::timeout(limit, guarded).await {
                    Ok(Ok(done)) => done,
                    Ok(Err(panic)) => Err(BackendError::Panicked {
                        what,
                        reason: words(&*panic),
                    }),
                    Err(_) => Err(BackendError::TooSlow { what, limit }),
                };
                // Whoever asked may have gone.
                let _ = reply.send(done);
            })
        });
        let ended = || BackendError::Panicked {
            what,
            reason: "the thread of nmstate has ended".to_owned(),
        };
        self.jobs.send(job).map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}

fn words(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    const LONG: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn work_that_cannot_be_sent_runs_in_order() {
        let thread = NmstateThread::start().unwrap();
        let number = |value: u32| {
            thread.run("count", LONG, move || async move {
                let kept = Rc::new(value);
                tokio::task::yield_now().await;
                Ok(*kept)
            })
        };
        let (one, two) = tokio::join!(number(1), number(2));
        assert_eq!((one.unwrap(), two.unwrap()), (1, 2));
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_the_next_work_runs() {
        let thread = NmstateThread::start().unwrap();
        let error = thread
            .run::<(), _, _>("break", LONG, || async { panic!("no {}", "luck") })
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "break broke off: no luck; please report this");
        assert_eq!(thread.run("go on", LONG, || async { Ok(7) }).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn what_does_not_end_is_cut_off() {
        let thread = NmstateThread::start().unwrap();
        let short = Duration::from_millis(1);
        let error = thread
            .run::<(), _, _>("wait", short, std::future::pending)
            .await
            .unwrap_err();
        assert!(
            matches!(error, BackendError::TooSlow { what: "wait", .. }),
            "{error}"
        );
        assert_eq!(thread.run("go on", LONG, || async { Ok(7) }).await.unwrap(), 7);
    }
}
