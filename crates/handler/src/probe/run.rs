//! All probes at once, each again and again until it passes once or the budget is used up.

use std::time::Duration;

use futures::future::join_all;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::api_server::ApiServer;
use super::attempt::attempt;
use super::outcome::Outcome;
use super::target::Targets;
use super::{Passed, Probe};

/// From the start of one attempt to the start of the next (spec §10).
pub const RETRY: Duration = Duration::from_secs(1);

/// Runs `probes` at the same time. Ends when each has passed once or `budget` has gone by, never later; a budget of zero
/// gives every probe no chance. Outcomes come in the order of `probes`.
///
/// `targets` are what the node uses now. A change of them ends the attempt that aims at the old ones and starts
/// another one at once; they are not read again otherwise. `api_server` is needed by the probes that ask it; without
/// one these fail.
pub async fn run(
    probes: &[Probe],
    targets: &watch::Receiver<Targets>,
    api_server: Option<&ApiServer>,
    budget: Duration,
) -> Vec<Outcome> {
    let started = Instant::now();
    let runs = probes.iter().map(|probe| {
        let one = One {
            probe,
            api_server,
            targets: targets.clone(),
            started,
            end: started + budget,
        };
        one.run()
    });
    join_all(runs).await
}

struct One<'a> {
    probe: &'a Probe,
    api_server: Option<&'a ApiServer>,
    targets: watch::Receiver<Targets>,
    started: Instant,
    end: Instant,
}

impl One<'_> {
    async fn run(mut self) -> Outcome {
        let mut attempts = 0;
        let mut why = None;
        let result = loop {
            attempts += 1;
            let next = (Instant::now() + RETRY).min(self.end);
            match self.once(why.as_ref()).await {
                Ok(passed) => break Ok(passed),
                Err(failed) => why = Some(failed),
            }
            tokio::select! {
                () = sleep_until(next) => {}
                () = changed(&mut self.targets, self.probe) => {}
            }
            if Instant::now() >= self.end {
                break Err(why.unwrap_or_default());
            }
        };
        Outcome {
            probe: self.probe.clone(),
            result,
            took: self.started.elapsed(),
            attempts,
        }
    }

    /// One attempt, cut off at the end of the budget and when it aims at what is not true any more.
    async fn once(&mut self, before: Option<&String>) -> Result<Passed, String> {
        let targets = self.targets.borrow_and_update().clone();
        tokio::select! {
            done = timeout_at(self.end, attempt(self.probe, &targets, self.api_server)) => done.unwrap_or_else(|_| {
                // The last attempt that ended by itself says more than one that was cut off.
                Err(before.map_or_else(|| "no answer in time".to_owned(), Clone::clone))
            }),
            () = changed(&mut self.targets, self.probe) => {
                Err("the network changed during the attempt".to_owned())
            }
        }
    }
}

/// Waits until the targets change; for ever when the probe does not depend on them, or nobody can change them.
async fn changed(targets: &mut watch::Receiver<Targets>, probe: &Probe) {
    let depends = matches!(probe, Probe::Gateway(_) | Probe::Dns { .. });
    if !depends || targets.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
