//! A cluster and a source that looks at it.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use cloud::plan::facts::{GuestAnswer, GuestReason, Machine, MachineList};
use cloud::source::metrics::Metrics;
use cloud::source::proxmox::{Credentials, Proxmox, Settings};
use cloud::source::{Freshness, Secret, Source};
use runtime::answer::Answer;
use testkit::ProxmoxVe;
use testkit::proxmox::{Builder, Guest, Limits, Privileges, Vm};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Name of the region of most tests.
pub(crate) const REGION: &str = "fsn";
/// The token of most tests, and its secret.
pub(crate) const TOKEN: (&str, &str) = ("kubernetes@pve!ccm", "6f2f6b1e-1c1e-4c55-9d43-0d6a3a9f6f10");
/// Limit of one request: short, because hosts that hang are waited for; long enough for a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_millis(1500);
/// For conditions that hold within milliseconds.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Two hosts, VM 100 on the first and 200 on the second, both with an address.
pub(crate) fn cluster() -> Builder {
    ProxmoxVe::builder()
        .region(REGION)
        .host("pve-1")
        .host("pve-2")
        .vm(Vm::new(100, "n1")
            .host("pve-1")
            .guest(Guest::eth0(&["10.0.0.5/24"])))
        .vm(Vm::new(200, "n2")
            .host("pve-2")
            .guest(Guest::eth0(&["10.0.0.6/24"])))
        .token(TOKEN.0, TOKEN.1, Privileges::all())
        .limits(Limits::quick())
}

/// The credentials of [`TOKEN`].
pub(crate) fn token() -> Credentials {
    Credentials::Token {
        id: TOKEN.0.into(),
        secret: Secret::new(TOKEN.1),
    }
}

/// Settings that fit the region of [`cluster`].
pub(crate) fn settings(pve: &ProxmoxVe) -> Settings {
    Settings {
        region: REGION.parse().expect("a region's name"),
        urls: pve.urls(REGION),
        insecure: false,
        ca_file: Some(pve.ca_file().to_owned()),
        ca: None,
        credentials: token(),
        timeout: LIMIT,
        guest_timeout: LIMIT,
    }
}

/// A source that runs until it is dropped.
pub(crate) struct Running {
    pub(crate) source: Arc<Proxmox>,
    pub(crate) metrics: Metrics,
    _tasks: JoinSet<()>,
}

impl Deref for Running {
    type Target = Proxmox;

    fn deref(&self) -> &Proxmox {
        &self.source
    }
}

/// Starts a source. No request has been sent when this returns.
pub(crate) fn run(settings: &Settings) -> Running {
    let metrics = Metrics::default();
    let source = Arc::new(Proxmox::new(settings, &metrics).expect("usable settings"));
    let mut tasks = JoinSet::new();
    let running = source.clone();
    tasks.spawn(async move { running.run(CancellationToken::new()).await });
    Running {
        source,
        metrics,
        _tasks: tasks,
    }
}

impl Running {
    /// The list at hand, which must be there.
    pub(crate) async fn list(&self) -> Arc<MachineList> {
        match self.machines(Freshness::Current).await {
            Answer::Known(list) => list,
            other => panic!("no list: {other:?}"),
        }
    }

    /// A machine of the list at hand.
    pub(crate) async fn machine(&self, vmid: u64) -> Machine {
        self.list()
            .await
            .get(vmid)
            .cloned()
            .unwrap_or_else(|| panic!("machine {vmid} is not listed"))
    }

    /// The addresses in the guest of a machine.
    pub(crate) async fn addresses(&self, vmid: u64) -> Vec<String> {
        match self.guest(&self.machine(vmid).await).await {
            GuestAnswer::Known(interfaces) => interfaces.into_iter().flat_map(|i| i.addresses).collect(),
            GuestAnswer::Unavailable(why) => panic!("no addresses of {vmid}: {why}"),
        }
    }
}

/// Why a guest could not be asked.
pub(crate) fn reason(answer: &GuestAnswer) -> GuestReason {
    match answer {
        GuestAnswer::Unavailable(why) => why.reason,
        GuestAnswer::Known(interfaces) => panic!("an answer was not expected: {interfaces:?}"),
    }
}

/// Why an answer is unknown.
pub(crate) fn why<T: std::fmt::Debug>(answer: Answer<T>) -> String {
    match answer {
        Answer::Unknown(why) => why,
        other => panic!("an answer was not expected: {other:?}"),
    }
}
