//! From an open change back to what was.

use tokio::time::{self, Instant};

use super::bus::Bus;
use super::record::Record;
use super::{NetworkManager, SETTLE, SETTLE_PAUSES};
use crate::backend::{BackendError, NetBackend as _, RolledBack, differences, touched_part};

impl NetworkManager {
    /// Goes back to our checkpoint if it is still there, and waits until all is as before.
    pub(super) async fn take_back(&self, bus: &Bus, record: &Record) -> Result<RolledBack, BackendError> {
        if let Some(ours) = record.ours(&bus.checkpoints().await?) {
            let failed = bus.roll_back(&ours.path).await?;
            if !failed.is_empty() {
                tracing::warn!(devices = ?failed, "NetworkManager could not restore every device");
            }
        }
        self.settle(bus, record).await
    }

    /// Puts the name servers back if NetworkManager did not, and waits until the touched part is as before.
    pub(super) async fn settle(&self, bus: &Bus, record: &Record) -> Result<RolledBack, BackendError> {
        let restored_dns = bus.global_dns().await? != record.dns;
        if restored_dns {
            bus.set_global_dns(&record.dns).await?;
        }
        let end = Instant::now() + SETTLE;
        let mut pause = SETTLE_PAUSES.0;
        loop {
            let now = touched_part(&self.query().await?, &record.touched);
            let differs = differences(&record.before, &now);
            if differs.is_empty() || Instant::now() + pause >= end {
                return Ok(RolledBack {
                    differs,
                    restored_dns,
                });
            }
            time::sleep(pause).await;
            pause = (pause * 2).min(SETTLE_PAUSES.1);
        }
    }
}
