//! One run of either candidate, each on a control plane of its own.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::json;
use testkit::{
    CapiVersion, ControlPlane, Options, apply,
    controller::{Installation, Settings},
};
use tokio::{
    sync::{Mutex, mpsc},
    task::JoinSet,
};

use crate::load;

/// Concurrent writers of the bare client: as many as the controller has.
const CONCURRENCY: usize = 32;
/// A run that takes longer is given up (spec §22).
const LIMIT: Duration = Duration::from_mins(30);
/// The name the controller's requests are audited under.
const USER: &str = "cadastre-bench";

/// What a run of the bare client showed.
#[derive(Clone, Debug)]
pub(crate) struct Bare {
    pub(crate) seconds: f64,
    /// CPU seconds of etcd and kube-apiserver.
    pub(crate) server_cpu: f64,
}

/// What a run of the controller showed.
#[derive(Clone, Debug)]
pub(crate) struct Ours {
    pub(crate) seconds: f64,
    /// CPU seconds of etcd and kube-apiserver.
    pub(crate) server_cpu: f64,
    /// CPU seconds of the controller.
    pub(crate) cpu: f64,
    /// p50, p95, p99, maximum, in milliseconds.
    pub(crate) latency_ms: [f64; 4],
    /// Requests during the burst by verb and resource.
    pub(crate) requests: BTreeMap<String, u64>,
    pub(crate) writes: u64,
    pub(crate) reads: u64,
    pub(crate) rss_mib: f64,
    pub(crate) restart_seconds: f64,
    pub(crate) restart_writes: u64,
    pub(crate) duplicates: usize,
}

async fn plane() -> Result<ControlPlane> {
    let options = Options {
        audit_log: true,
        capi: Some(CapiVersion::default()),
        ..Options::default()
    };
    let plane = ControlPlane::start(options).await?;
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bench"}});
    apply::apply_values(plane.client(), "default", vec![namespace]).await?;
    Ok(plane)
}

/// The bare limit.
pub(crate) async fn bare(claims: usize) -> Result<Bare> {
    let plane = plane().await?;
    let mut observer = JoinSet::new();
    observer.spawn(load::observe(plane.client(), claims));
    let (sender, receiver) = mpsc::unbounded_channel::<(String, Instant, serde_json::Value)>();
    let receiver = Arc::new(Mutex::new(receiver));
    let number = Arc::new(AtomicUsize::new(0));
    let cpu = cpu(&plane.pids().await);
    let started = Instant::now();
    let mut writers = JoinSet::new();
    for _ in 0..CONCURRENCY {
        let (client, receiver, number) = (plane.client(), receiver.clone(), number.clone());
        writers.spawn(async move {
            loop {
                let next = receiver.lock().await.recv().await;
                let Some((name, _, claim)) = next else {
                    return anyhow::Ok(());
                };
                let number = number.fetch_add(1, Ordering::Relaxed);
                load::write_bare(&client, &name, &claim, number).await?;
            }
        });
    }
    load::create_claims(&plane.client(), claims, sender).await?;
    while let Some(result) = writers.join_next().await {
        result??;
    }
    let bound = observed(observer).await?;
    let last = bound.values().max().copied().unwrap_or(started);
    let server_cpu = self::cpu(&plane.pids().await) - cpu;
    Ok(Bare {
        seconds: (last - started).as_secs_f64(),
        server_cpu,
    })
}

/// When each claim was bound.
async fn observed(
    mut observer: JoinSet<Result<HashMap<String, Instant>>>,
) -> Result<HashMap<String, Instant>> {
    let result = tokio::time::timeout(LIMIT, observer.join_next()).await;
    result
        .context("not all claims were bound in time")?
        .context("there is one observer")??
}

/// CPU seconds that processes have used so far, in user and system mode.
#[allow(clippy::cast_precision_loss, reason = "clock ticks of a process")]
fn cpu(pids: &[u32]) -> f64 {
    let ticks = pids.iter().filter_map(|pid| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // After the name, which may hold blanks: state is field 3, utime 14, stime 15.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
    });
    // Linux counts 100 ticks a second for user space on every architecture we run on.
    ticks.sum::<u64>() as f64 / 100.0
}

/// The controller, with webhooks on.
pub(crate) async fn controller(claims: usize, binary: &Path) -> Result<Ours> {
    let plane = plane().await?;
    let kubeconfig = plane.kubeconfig_for(USER, &["system:masters"])?;
    let settings = Settings {
        webhooks: true,
        ..Settings::default()
    };
    let installation = Installation::new(plane.client(), &kubeconfig, binary, settings).await?;
    let mut controller = installation.start(&[])?;
    controller.ready().await?;
    create_pool(&plane).await?;

    let mut observer = JoinSet::new();
    observer.spawn(load::observe(plane.client(), claims));
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let before = plane.audit_position()?;
    let (server_before, ours_before) = (cpu(&plane.pids().await), cpu(&[controller.process.pid()]));
    let started = Instant::now();
    load::create_claims(&plane.client(), claims, sender).await?;
    let bound = observed(observer).await?;
    let last = bound.values().max().copied().unwrap_or(started);
    let server_cpu = cpu(&plane.pids().await) - server_before;
    let ours_cpu = cpu(&[controller.process.pid()]) - ours_before;
    settled(&plane, claims).await?;
    let requests = plane.audited_requests(USER, before)?;
    let rss_kib = controller
        .process
        .peak_rss_kib()
        .context("cannot read the controller's memory")?;
    let duplicates = load::duplicates(&plane.client(), claims).await?;

    let mut created = BTreeMap::new();
    while let Some((name, at, _)) = receiver.recv().await {
        created.insert(name, at);
    }
    controller.process.kill()?;
    let before = plane.audit_position()?;
    let restarted = Instant::now();
    let mut controller = installation.start(&[])?;
    controller.ready().await?;
    let restart_seconds = restarted.elapsed().as_secs_f64();
    let restart_writes = quiet_writes(&plane, before).await?;
    drop(controller);
    #[allow(clippy::cast_precision_loss, reason = "kibibytes of a process")]
    let rss_mib = rss_kib as f64 / 1024.0;
    Ok(Ours {
        seconds: (last - started).as_secs_f64(),
        server_cpu,
        cpu: ours_cpu,
        latency_ms: load::latencies(&created, &bound),
        writes: requests.writes(),
        reads: requests
            .sum(|key| matches!(key.verb, "get" | "list") && key.group.ends_with("cluster.x-k8s.io")),
        requests: requests
            .iter()
            .map(|(key, count)| (key.to_string(), count))
            .collect(),
        rss_mib,
        restart_seconds,
        restart_writes,
        duplicates,
    })
}

async fn create_pool(plane: &ControlPlane) -> Result<()> {
    let pool = json!({
        "apiVersion": "ipam.cluster.x-k8s.io/v1alpha2", "kind": "InClusterIPPool",
        "metadata": {"name": "bench", "namespace": "bench"},
        "spec": {"addresses": ["10.0.0.0/18"], "prefix": 18, "gateway": "10.0.0.1"},
    });
    apply::apply_values(plane.client(), "bench", vec![pool]).await?;
    wait(plane, |status| status["ipAddresses"]["total"] == load::POOL_SIZE).await
}

/// Waits until the pool's books are closed: its counts are right and no reservation is left.
async fn settled(plane: &ControlPlane, claims: usize) -> Result<()> {
    wait(plane, |status| {
        status["ipAddresses"]["used"] == claims
            && status["allocation"]["reservations"]
                .as_array()
                .is_none_or(Vec::is_empty)
    })
    .await
}

async fn wait(plane: &ControlPlane, done: impl Fn(&serde_json::Value) -> bool) -> Result<()> {
    let path = "/apis/ipam.cluster.x-k8s.io/v1alpha2/namespaces/bench/inclusterippools/bench";
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let request = http::Request::get(path).body(Vec::new())?;
        let pool: serde_json::Value = plane.client().request(request).await?;
        if done(&pool["status"]) {
            return Ok(());
        }
        if Instant::now() > end {
            bail!("the pool's status does not settle: {}", pool["status"]);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Writes since `before`, once the controller has had ample time to make some.
async fn quiet_writes(plane: &ControlPlane, before: u64) -> Result<u64> {
    tokio::time::sleep(Duration::from_secs(3)).await;
    Ok(plane.audited_requests(USER, before)?.writes())
}
