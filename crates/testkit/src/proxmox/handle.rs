//! The running fake.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::builder::Builder;
use super::fault::{Fault, Injected};
use super::latency::Latency;
use super::model::Model;
use super::record::Entry;
use super::serve::{Door, Reach, State};
use super::template::Template;
use crate::port::Port;

/// How many of the last requests [`ProxmoxVe::log_tail`] shows.
const TAIL: usize = 40;

/// Running Proxmox VE clusters on loopback. Works from every runtime, and ends when dropped.
pub struct ProxmoxVe {
    pub(super) state: Arc<State>,
    pub(super) endpoints: Vec<Endpoints>,
    pub(super) plain: bool,
    pub(super) trust: String,
    pub(super) ca_file: PathBuf,
    pub(super) _folder: TempDir,
    pub(super) stop: CancellationToken,
    pub(super) thread: Option<JoinHandle<()>>,
}

/// The end points of a region: addresses that differ, on one port.
pub(super) struct Endpoints {
    pub(super) region: String,
    pub(super) doors: Vec<Arc<Door>>,
    pub(super) _port: Port,
}

impl ProxmoxVe {
    /// Describes clusters.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// What requests to a region begin with, through its first end point: `https://127.0.0.1:20123/api2/json`.
    ///
    /// # Panics
    /// When there is no such region.
    #[must_use]
    pub fn url(&self, region: &str) -> String {
        self.urls(region).swap_remove(0)
    }

    /// One such URL per end point.
    ///
    /// # Panics
    /// As [`ProxmoxVe::url`].
    #[must_use]
    pub fn urls(&self, region: &str) -> Vec<String> {
        let scheme = if self.plain { "http" } else { "https" };
        let doors = self.doors(region).iter();
        doors
            .map(|door| format!("{scheme}://{}/api2/json", door.address))
            .collect()
    }

    /// What clients must trust, PEM: the test authority, or the certificate itself when self-signed.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.trust
    }

    /// A file with [`ProxmoxVe::ca_pem`].
    #[must_use]
    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    /// Looks at the clusters or changes them; the next answer of every end point shows it.
    pub fn update<T>(&self, change: impl FnOnce(&mut Model) -> T) -> T {
        let mut model = self.state.model();
        let value = change(&mut model);
        model.forget_lists();
        value
    }

    /// Moves a VM to another host. The list of resources shows the old host for
    /// [`Limits::list_lag`](super::Limits::list_lag); to choose the time, see [`Region::migrate`](super::Region::migrate).
    ///
    /// # Panics
    /// When there is no such VM or host, or several regions have a VM of this number.
    pub fn migrate(&self, id: u32, host: &str) {
        let lag = self.state.limits.list_lag;
        self.update(|model| model.region_of(id).migrate(id, host, lag));
    }

    /// Stops a VM. The list of resources goes on to show it running, as after a migration.
    ///
    /// # Panics
    /// As [`ProxmoxVe::migrate`].
    pub fn stop_vm(&self, id: u32) {
        self.later_listed(id, super::model::Vm::stop);
    }

    /// Starts a VM. The list of resources goes on to show it as it was, as after a migration.
    ///
    /// # Panics
    /// As [`ProxmoxVe::migrate`].
    pub fn boot_vm(&self, id: u32) {
        self.later_listed(id, super::model::Vm::boot);
    }

    /// Takes a privilege from a token or user, on every path.
    ///
    /// # Panics
    /// When there is no such region or account.
    pub fn revoke(&self, region: &str, account: &str, privilege: &str) {
        self.update(|model| model.region(region).privileges(account).revoke(privilege));
    }

    /// From now on, `fault` happens to the requests it is meant for.
    pub fn fail(&self, fault: Fault) -> Injected {
        self.state.faults().add(fault)
    }

    /// Ends all faults of [`ProxmoxVe::fail`].
    pub fn heal(&self) {
        self.state.faults().clear();
    }

    /// From now on, answers of this template take so long.
    pub fn latency(&self, template: Template, latency: Latency) {
        self.state.latencies().set(template, latency);
    }

    /// From now on, all answers take so long; what was said about single templates is forgotten.
    pub fn latency_everywhere(&self, latency: Latency) {
        self.state.latencies().set_everywhere(latency);
    }

    /// All end points of a region refuse connections; open ones are reset.
    ///
    /// # Panics
    /// When there is no such region.
    pub async fn region_down(&self, region: &str) {
        self.set_all(region, Reach::Refusing).await;
    }

    /// All end points of a region accept connections and never answer, on open ones neither.
    ///
    /// # Panics
    /// When there is no such region.
    pub async fn region_silent(&self, region: &str) {
        self.set_all(region, Reach::Silent).await;
    }

    /// All end points of a region work again.
    ///
    /// # Panics
    /// When there is no such region.
    pub async fn region_up(&self, region: &str) {
        self.set_all(region, Reach::Up).await;
    }

    /// As [`ProxmoxVe::region_down`] for one end point; they count from 0.
    ///
    /// # Panics
    /// When there is no such region or end point.
    pub async fn endpoint_down(&self, region: &str, place: usize) {
        self.doors(region)[place].set(Reach::Refusing).await;
    }

    /// As [`ProxmoxVe::region_silent`] for one end point.
    ///
    /// # Panics
    /// As [`ProxmoxVe::endpoint_down`].
    pub async fn endpoint_silent(&self, region: &str, place: usize) {
        self.doors(region)[place].set(Reach::Silent).await;
    }

    /// As [`ProxmoxVe::region_up`] for one end point.
    ///
    /// # Panics
    /// As [`ProxmoxVe::endpoint_down`].
    pub async fn endpoint_up(&self, region: &str, place: usize) {
        self.doors(region)[place].set(Reach::Up).await;
    }

    /// How often each template was answered with each status; 0 stands for no answer.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<(Template, u16), u64> {
        self.state.record().counts()
    }

    /// How often a template was answered, with whatever status.
    #[must_use]
    pub fn count(&self, template: Template) -> u64 {
        let counts = self.counts();
        let of = counts.iter().filter(|((counted, _), _)| *counted == template);
        of.map(|(_, count)| count).sum()
    }

    /// How many requests have come, also those that are in progress.
    #[must_use]
    pub fn requests_total(&self) -> u64 {
        self.state.record().total()
    }

    /// How many connections have been accepted.
    #[must_use]
    pub fn connections_total(&self) -> u64 {
        self.state.record().accepted()
    }

    /// How many connections an end point has now, and the most it had at once.
    #[must_use]
    pub fn connections(&self, region: &str, place: usize) -> (usize, usize) {
        self.state.record().connections(region, place)
    }

    /// The most requests of a template that a region had in progress at once, or one host of it.
    #[must_use]
    pub fn peak(&self, region: &str, host: Option<&str>, template: Template) -> usize {
        self.state.record().peak(region, host, template)
    }

    /// Counters, peaks and log begin anew.
    pub fn reset_counts(&self) {
        self.state.record().reset();
    }

    /// The last 20,000 requests that are over, oldest first.
    #[must_use]
    pub fn log(&self) -> Vec<Entry> {
        self.state.record().log()
    }

    /// The end of [`ProxmoxVe::log`] as text, for messages.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<String> = log[log.len().saturating_sub(TAIL)..]
            .iter()
            .map(ToString::to_string)
            .collect();
        lines.join("\n")
    }

    fn later_listed(&self, id: u32, change: impl FnOnce(&mut super::model::Vm)) {
        let lag = self.state.limits.list_lag;
        self.update(|model| {
            let vm = model.vm(id);
            vm.keep_listed(lag);
            change(vm);
        });
    }

    async fn set_all(&self, region: &str, reach: Reach) {
        for door in self.doors(region) {
            door.set(reach).await;
        }
    }

    fn doors(&self, region: &str) -> &[Arc<Door>] {
        let found = self.endpoints.iter().find(|endpoints| endpoints.region == region);
        &found
            .unwrap_or_else(|| panic!("there is no region {region}"))
            .doors
    }
}

impl Drop for ProxmoxVe {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // It can only have panicked; then the test has failed already.
            let _ = thread.join();
        }
    }
}
