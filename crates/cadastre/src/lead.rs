//! The leader lease of a process, once it is ours.

use std::{sync::Arc, time::Duration};

use anyhow::{Result, anyhow};
use runtime::{
    lease::{Leadership, Lease, LeaseConfig},
    shutdown::Tasks,
};
use tokio::sync::watch;

/// The lead, once it is ours.
pub(crate) struct Lead {
    /// Becomes true when this process leads, and never false again.
    pub(crate) is_leading: watch::Receiver<bool>,
    leadership: Arc<std::sync::OnceLock<Leadership>>,
}

impl Lead {
    /// Stands for the lease of `config`; without one this process leads from the start. Losing the lease ends the process.
    ///
    /// # Errors
    /// When the times of the lease do not fit together.
    pub(crate) fn start(config: Option<LeaseConfig>, client: &kube::Client, tasks: &Tasks) -> Result<Self> {
        let leadership = Arc::new(std::sync::OnceLock::new());
        let (sender, is_leading) = watch::channel(false);
        let Some(config) = config else {
            let _ = leadership.set(Leadership::always());
            sender.send_replace(true);
            return Ok(Self {
                is_leading,
                leadership,
            });
        };
        let lease = Lease::new(client.clone(), config).map_err(|e| anyhow!(e))?;
        let (held, owner, stop) = (leadership.clone(), tasks.clone(), tasks.stop());
        tasks.spawn("leader election", async move {
            let Some(leadership) = stop.run_until_cancelled(lease.acquire()).await else {
                return;
            };
            let lost = leadership.lost();
            let _ = held.set(leadership);
            sender.send_replace(true);
            tokio::select! {
                () = stop.cancelled() => {}
                () = lost.cancelled() => owner.fail("the leader lease was lost; another replica takes over"),
            }
        });
        Ok(Self {
            is_leading,
            leadership,
        })
    }

    /// Says whether this process may write now.
    pub(crate) fn holds(&self) -> Arc<dyn Fn() -> bool + Send + Sync> {
        let leadership = self.leadership.clone();
        Arc::new(move || leadership.get().is_some_and(Leadership::is_held))
    }

    /// Says how long ago this process renewed the lease; zero while it does not lead.
    pub(crate) fn unrenewed(&self) -> Arc<dyn Fn() -> Duration + Send + Sync> {
        let leadership = self.leadership.clone();
        Arc::new(move || leadership.get().map_or(Duration::ZERO, Leadership::unrenewed))
    }

    /// Gives the lease back, when all writes have ended.
    pub(crate) async fn release(&self) {
        if let Some(leadership) = self.leadership.get() {
            leadership.release().await;
        }
    }
}
