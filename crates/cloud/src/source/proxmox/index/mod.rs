//! What is known of a region's machines (§17.4): one list for everybody, and configurations read once.
//!
//! ```text
//!  run ──► list every 10 s (30 s while nobody asks, 2 s on a miss) ──► published ──► machines()
//!                                                     │
//!                                                     └──► configurations: kept or out of date
//! ```
//!
//! Only [`Index::run`] asks for lists; everybody else waits for its next one, or takes the one at hand. So a region that
//! hangs costs one request under way, and nobody waits for it who can be told at once that it is not answering.

mod configs;
mod published;
mod wants;

use std::sync::Arc;
use std::time::Duration;

use runtime::answer::Answer;
use runtime::clock::BootTime;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::call::Call;
use super::client::Client;
use super::failure::Failure;
use super::wire;
use crate::plan::facts::{MachineList, Region};
use crate::source::Freshness;
use crate::source::metrics::Metrics;
use published::Published;
use wants::Wants;

pub(super) use configs::Configs;

/// The lists of one region.
#[derive(Debug)]
pub(super) struct Index {
    region: Region,
    client: Arc<Client>,
    published: watch::Sender<Published>,
    wants: Wants,
    configs: Configs,
    metrics: Metrics,
}

impl Index {
    pub(super) fn new(region: &Region, client: Arc<Client>, metrics: Metrics) -> Self {
        Self {
            region: region.clone(),
            client,
            published: watch::Sender::default(),
            wants: Wants::default(),
            configs: Configs::default(),
            metrics,
        }
    }

    pub(super) fn configs(&self) -> &Configs {
        &self.configs
    }

    /// Keeps the list current until `stop`.
    pub(super) async fn run(&self, stop: &CancellationToken) {
        loop {
            let begun = Instant::now();
            if stop.run_until_cancelled(self.refresh()).await.is_none() {
                return;
            }
            if stop.run_until_cancelled(self.wants.wait(begun)).await.is_none() {
                return;
            }
        }
    }

    async fn refresh(&self) {
        self.wants.taken();
        let taken = BootTime::now();
        let list = self
            .client
            .get(Call::Machines, |reply| wire::machines(reply, &self.region, taken))
            .await;
        match list {
            Ok(mut list) => {
                list.arrived = BootTime::now();
                self.learn(list);
            }
            Err(failure) => self.fail(&failure),
        }
    }

    fn learn(&self, list: MachineList) {
        self.metrics.list(&self.region, Some(list.taken));
        self.configs.learn(&list);
        self.client
            .limits()
            .retain(|host| list.machines.values().any(|machine| &*machine.host == host));
        let (count, list) = (list.machines.len(), Arc::new(list));
        let (mut is_back, mut was_empty) = (false, false);
        self.published.send_modify(|published| {
            is_back = published.list.is_none() || published.problem.is_some();
            was_empty = published
                .list
                .as_ref()
                .is_some_and(|list| list.machines.is_empty());
            published.learn(list);
        });
        if is_back {
            tracing::info!(region = %self.region, machines = count, "region answers");
        }
        if count == 0 && !was_empty {
            tracing::warn!(
                region = %self.region,
                "the list of machines is empty; grant VM.Audit on / to the user or token, and check its privilege separation"
            );
        }
    }

    fn fail(&self, failure: &Failure) {
        self.metrics.list(&self.region, None);
        let mut news = false;
        self.published.send_modify(|published| {
            news = published.problem.as_ref() != Some(&failure.text);
            published.problem = Some(failure.text.clone());
            published.tries += 1;
        });
        if news {
            tracing::warn!(region = %self.region, error = %failure, "region does not answer");
        }
    }

    /// The list, as new as asked for.
    ///
    /// Waits only for a list that can be expected: at the start, after an idle time and for a newer one. While the
    /// region is failing the answer is unknown at once.
    pub(super) async fn machines(&self, freshness: Freshness) -> Answer<Arc<MachineList>> {
        let mut published = self.published.subscribe();
        let tries = published.borrow_and_update().tries;
        self.wants.ask(freshness);
        let wait = async {
            loop {
                let answer = published.borrow_and_update().serve(freshness, tries);
                if let Some(answer) = answer {
                    return answer;
                }
                if published.changed().await.is_err() {
                    return Answer::Unknown(format!("region {} is shut down", self.region));
                }
            }
        };
        let limit = self.client.longest() + Duration::from_secs(5);
        let late = || format!("region {} has no list of machines after {limit:?}", self.region);
        timeout(limit, wait)
            .await
            .unwrap_or_else(|_| Answer::Unknown(late()))
    }

    /// The list at hand, however old.
    pub(super) fn at_hand(&self) -> Option<Arc<MachineList>> {
        self.published.borrow().list.clone()
    }

    /// Whether the last try was answered, and what was wrong with it.
    pub(super) fn state(&self) -> (Option<bool>, Option<Arc<str>>) {
        let published = self.published.borrow();
        (
            (published.tries > 0).then(|| published.problem.is_none()),
            published.problem.clone(),
        )
    }
}
