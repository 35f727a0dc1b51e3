use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::source::Freshness;

/// Pause between two lists while nobody asks (§17.4). Each pause is counted from the begin of a list.
const IDLE: Duration = Duration::from_secs(30);
/// While somebody does: the list itself is made of broadcasts every 10 s.
const USUAL: Duration = Duration::from_secs(10);
/// When somebody missed a machine.
const AT_ONCE: Duration = Duration::from_secs(2);

/// How urgently the next list is wanted.
#[derive(Debug, Default)]
pub(super) struct Wants {
    pause: Mutex<Pause>,
    woken: Notify,
}

/// The pause asked for since the last list began.
#[derive(Clone, Copy, Debug)]
struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(IDLE)
    }
}

impl Wants {
    /// Somebody wants a list this fresh.
    pub(super) fn ask(&self, freshness: Freshness) {
        let wanted = match freshness {
            Freshness::Current => USUAL,
            Freshness::NewerThan(_) => AT_ONCE,
        };
        let mut pause = self.pause();
        if wanted < pause.0 {
            pause.0 = wanted;
            self.woken.notify_one();
        }
    }

    /// A list is begun: what was asked for so far is being served.
    pub(super) fn taken(&self) {
        *self.pause() = Pause::default();
    }

    /// Waits until the next list is due after one that was begun at `begun`.
    pub(super) async fn wait(&self, begun: Instant) {
        loop {
            let due = begun + self.pause().0;
            tokio::select! {
                () = sleep_until(due) => return,
                () = self.woken.notified() => {}
            }
        }
    }

    fn pause(&self) -> MutexGuard<'_, Pause> {
        self.pause.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use runtime::clock::BootTime;

    use super::*;

    async fn waited(wants: &Wants) -> Duration {
        let begun = Instant::now();
        wants.wait(begun).await;
        wants.taken();
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn the_pause_is_the_shortest_that_was_asked_for() {
        let wants = Wants::default();
        assert_eq!(waited(&wants).await, IDLE);
        wants.ask(Freshness::Current);
        assert_eq!(waited(&wants).await, USUAL);
        wants.ask(Freshness::NewerThan(BootTime::ZERO));
        wants.ask(Freshness::Current);
        assert_eq!(waited(&wants).await, AT_ONCE);
        assert_eq!(waited(&wants).await, IDLE, "served wishes are forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wish_shortens_a_pause_that_has_begun() {
        let (wants, start) = (Wants::default(), Instant::now());
        let wish = async {
            tokio::time::sleep(Duration::from_secs(15)).await;
            wants.ask(Freshness::Current);
        };
        tokio::join!(wants.wait(start), wish);
        assert_eq!(
            start.elapsed(),
            Duration::from_secs(15),
            "ten seconds were over already"
        );
    }
}
