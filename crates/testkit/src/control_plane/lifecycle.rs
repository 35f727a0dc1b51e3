//! Ending and starting single programs.

use std::time::Duration;

use anyhow::Result;

use super::{ControlPlane, start};
use crate::process::Process;

/// How long a program that was asked to end may take before it is killed.
const GRACE: Duration = Duration::from_secs(20);

impl ControlPlane {
    /// Ends the API server with SIGTERM and starts it again on the same port. Ready on return.
    ///
    /// # Errors
    /// It does not end or does not start; with the end of its log.
    pub async fn restart_apiserver(&self) -> Result<()> {
        let mut apiserver = self.apiserver.lock().await;
        stop(&mut apiserver).await?;
        self.bring_up_apiserver(&mut apiserver).await
    }

    /// Ends the API server with SIGTERM, or SIGKILL if that takes too long. Does nothing when it is down.
    ///
    /// # Errors
    /// It does not end.
    pub async fn stop_apiserver(&self) -> Result<()> {
        stop(&mut *self.apiserver.lock().await).await
    }

    /// Ends the API server with SIGKILL, as a crash would. Does nothing when it is down.
    ///
    /// # Errors
    /// It does not end.
    pub async fn kill_apiserver(&self) -> Result<()> {
        drop(self.apiserver.lock().await.take());
        Ok(())
    }

    /// Starts the API server after [`ControlPlane::stop_apiserver`]. Ready on return. Does nothing when it is up.
    ///
    /// # Errors
    /// It does not start; with the end of its log.
    pub async fn start_apiserver(&self) -> Result<()> {
        let mut apiserver = self.apiserver.lock().await;
        if apiserver
            .as_mut()
            .is_some_and(|process| process.exited().is_none())
        {
            return Ok(());
        }
        self.bring_up_apiserver(&mut apiserver).await
    }

    /// Starts kube-controller-manager anew, so that garbage collection knows kinds defined since it started (by
    /// itself it looks every 30 seconds).
    ///
    /// # Errors
    /// It does not start, or [`Options::controller_manager`](super::Options::controller_manager) is not set.
    pub async fn restart_controller_manager(&self) -> Result<()> {
        let mut manager = self.controller_manager.lock().await;
        stop(&mut manager).await?;
        *manager = Some(start::controller_manager(&self.programs, &self.files)?);
        Ok(())
    }

    /// Process ids of what runs now: etcd first.
    pub async fn pids(&self) -> Vec<u32> {
        let mut pids = vec![self.etcd.lock().await.pid()];
        pids.extend(self.apiserver.lock().await.as_ref().map(Process::pid));
        pids.extend(self.controller_manager.lock().await.as_ref().map(Process::pid));
        pids
    }

    async fn bring_up_apiserver(&self, slot: &mut Option<Process>) -> Result<()> {
        let process = start::apiserver(&self.programs, &self.files, &self.ports, &self.options)?;
        let process = slot.insert(process);
        start::wait_ready(process, &self.config).await
    }
}

async fn stop(slot: &mut Option<Process>) -> Result<()> {
    if let Some(process) = slot.as_mut() {
        process.terminate(GRACE).await?;
    }
    *slot = None;
    Ok(())
}
