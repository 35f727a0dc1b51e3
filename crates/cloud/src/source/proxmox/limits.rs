//! How many requests may be under way at once (§17.4), and which hosts are left alone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::breaker::Breaker;
use super::call::Call;
use super::failure::{Failure, Kind};

/// Guest queries under way per host: each occupies one of three proxy workers there for up to 8 s.
const GUESTS_PER_HOST: usize = 4;
/// Guest queries under way per region.
const GUESTS_PER_REGION: usize = 16;
/// Configuration reads under way per region.
const CONFIGS_PER_REGION: usize = 8;
/// Configuration reads under way per host: half of the region's, so that one dead host leaves room for the others.
const CONFIGS_PER_HOST: usize = 4;

/// The limits of one region.
#[derive(Debug)]
pub(super) struct Limits {
    guests: Semaphore,
    configs: Semaphore,
    hosts: Mutex<HashMap<Box<str>, Arc<Host>>>,
}

#[derive(Debug)]
struct Host {
    guests: Semaphore,
    configs: Semaphore,
    breaker: Mutex<Breaker>,
}

impl Default for Host {
    fn default() -> Self {
        Self {
            guests: Semaphore::new(GUESTS_PER_HOST),
            configs: Semaphore::new(CONFIGS_PER_HOST),
            breaker: Mutex::default(),
        }
    }
}

impl Host {
    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(&self, name: &str) -> Result<(), Failure> {
        if self.breaker().admits(Instant::now()) {
            return Ok(());
        }
        // Without the time that is left: the text becomes an event, and each second would be news.
        let text = format!("host {name} did not answer several times in a row and is left alone for a while");
        Err(Failure::new(Kind::Paused, text))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            guests: Semaphore::new(GUESTS_PER_REGION),
            configs: Semaphore::new(CONFIGS_PER_REGION),
            hosts: Mutex::default(),
        }
    }
}

impl Limits {
    /// Runs `request` when there is room for it, unless its host is left alone at the moment.
    ///
    /// Calls that any member of the cluster can answer are not limited: there is only ever one of each under way.
    pub(super) async fn run<T>(
        &self,
        call: Call<'_>,
        request: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let Some(name) = call.host() else {
            return request.await;
        };
        let host = self.host(name);
        // The host's own permit comes first: waiting for a slow host must not hold the region's permits.
        let (own, shared) = match call {
            Call::Interfaces { .. } => (&host.guests, &self.guests),
            _ => (&host.configs, &self.configs),
        };
        let _own = permit(own).await;
        let _shared = permit(shared).await;
        host.admit(name)?;
        let outcome = request.await;
        match &outcome {
            Err(failure) if failure.blames_host() => host.breaker().failed(Instant::now()),
            // Whatever we could not reach was not this host, or perhaps not.
            Err(failure) if matches!(failure.kind, Kind::Unreachable | Kind::SuspectTimeout) => {}
            _ => host.breaker().answered(),
        }
        outcome
    }

    /// Forgets hosts that `is_host` does not know any more.
    pub(super) fn retain(&self, is_host: impl Fn(&str) -> bool) {
        self.hosts().retain(|name, _| is_host(name));
    }

    fn host(&self, name: &str) -> Arc<Host> {
        let mut hosts = self.hosts();
        if let Some(host) = hosts.get(name) {
            return host.clone();
        }
        hosts.entry(name.into()).or_default().clone()
    }

    fn hosts(&self) -> MutexGuard<'_, HashMap<Box<str>, Arc<Host>>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn permit(semaphore: &Semaphore) -> SemaphorePermit<'_> {
    semaphore
        .acquire()
        .await
        .expect("these semaphores are never closed")
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use futures::future::join_all;
    use tokio::time::{Instant, sleep};

    use super::*;

    /// Runs one query per host name, each taking one second, and returns the highest number under way.
    async fn highest(limits: &Limits, hosts: &[String], guest: bool) -> usize {
        let (now, most) = (Cell::new(0_usize), Cell::new(0_usize));
        let one = async |host: &str| {
            let call = if guest {
                Call::Interfaces { host, vmid: 100 }
            } else {
                Call::Config { host, vmid: 100 }
            };
            let request = async {
                now.set(now.get() + 1);
                most.set(most.get().max(now.get()));
                sleep(Duration::from_secs(1)).await;
                now.set(now.get() - 1);
                Ok(())
            };
            limits.run(call, request).await.unwrap();
        };
        join_all(hosts.iter().map(|host| one(host))).await;
        most.get()
    }

    #[tokio::test(start_paused = true)]
    async fn four_guest_queries_per_host_and_sixteen_per_region() {
        let limits = Limits::default();
        let one_host = vec!["pve-1".to_owned(); 20];
        assert_eq!(highest(&limits, &one_host, true).await, 4);
        let many: Vec<String> = (0..40).map(|n| format!("pve-{}", n % 10)).collect();
        assert_eq!(highest(&limits, &many, true).await, 16);
        assert_eq!(highest(&limits, &many, false).await, 8);
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_never_answers_does_not_delay_the_others() {
        let limits = Limits::default();
        let hung = (0..20).map(|vmid| {
            let request = async {
                sleep(Duration::from_secs(10)).await;
                Err::<(), _>(Failure::timeout(Duration::from_secs(10)))
            };
            limits.run(Call::Interfaces { host: "dead", vmid }, request)
        });
        let start = Instant::now();
        let others = async {
            for vmid in 0..30 {
                let request = async {
                    sleep(Duration::from_millis(20)).await;
                    Ok(())
                };
                limits
                    .run(Call::Interfaces { host: "alive", vmid }, request)
                    .await
                    .unwrap();
            }
            start.elapsed()
        };
        let (hung, others) = tokio::join!(join_all(hung), others);
        assert!(others < Duration::from_secs(1), "{others:?}");
        assert_eq!(
            start.elapsed(),
            Duration::from_secs(10),
            "the rest is refused at once after three time-outs"
        );
        let paused = hung
            .iter()
            .filter(|r| r.as_ref().is_err_and(|f| f.kind == Kind::Paused))
            .count();
        assert_eq!(paused, 16);
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_is_left_alone_is_reported_in_the_same_words_all_the_time() {
        let limits = Limits::default();
        let call = Call::Interfaces {
            host: "pve-1",
            vmid: 100,
        };
        let ask = async || {
            let hung = async { Err::<(), _>(Failure::timeout(Duration::from_secs(10))) };
            limits.run(call, hung).await.unwrap_err()
        };
        for _ in 0..3 {
            assert_eq!(ask().await.kind, Kind::Timeout);
        }
        let at_first = ask().await;
        sleep(Duration::from_secs(20)).await;
        assert_eq!(at_first.kind, Kind::Paused);
        assert_eq!(ask().await, at_first);
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_point_that_is_down_is_not_held_against_the_host() {
        let limits = Limits::default();
        let call = Call::Interfaces {
            host: "pve-1",
            vmid: 100,
        };
        for _ in 0..5 {
            let down = async { Err::<(), _>(Failure::new(Kind::Unreachable, "connection refused")) };
            assert_eq!(limits.run(call, down).await.unwrap_err().kind, Kind::Unreachable);
        }
        limits.run(call, async { Ok(()) }).await.unwrap();
    }
}
