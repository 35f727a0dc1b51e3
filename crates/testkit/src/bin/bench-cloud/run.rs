//! One run: initialise everything, stand idle, then make one address pass. In mode `default` everything is initialised
//! once more without a limit of writes.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use testkit::{ProxmoxVe, cloud::Cloud, proxmox::Template};
use tokio::{task::JoinSet, time::sleep};

use crate::{
    arguments::Arguments,
    meter,
    observer::{Observer, Times},
    stage::{Mode, Site, Stage, USER},
};

/// After so long without a new configuration read, a process that was started over initialised Nodes has seen all.
const QUIET: Duration = Duration::from_secs(2);
/// How often to look.
const LOOK: Duration = Duration::from_millis(100);
/// The flag without which 50 writes a second set the pace.
const UNLIMITED: &str = "--kube-api-qps=-1";
/// A start over initialised Nodes that takes longer is given up.
const WARM_UP: Duration = Duration::from_mins(5);

/// What was asked of Proxmox VE.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// By template; answers other than 200 with their status.
    pub(crate) by_template: BTreeMap<String, u64>,
    pub(crate) total: u64,
    /// Asked by the clock, such as lists of machines, whatever the number of Nodes.
    pub(crate) by_clock: u64,
    /// Answers other than 200.
    pub(crate) failed: u64,
}

/// Requests by template and status, as [`ProxmoxVe::counts`] gives them.
pub(crate) type Counts = BTreeMap<(Template, u16), u64>;

impl Asked {
    pub(crate) fn of(pve: &ProxmoxVe) -> Self {
        Self::since(&Counts::new(), pve)
    }

    /// Without what was counted `before`.
    pub(crate) fn since(before: &Counts, pve: &ProxmoxVe) -> Self {
        let mut asked = Self::default();
        for ((template, status), count) in pve.counts() {
            let count = count - before.get(&(template, status)).copied().unwrap_or_default();
            if count == 0 {
                continue;
            }
            let name = match status {
                200 => template.to_string(),
                other => format!("{template} ({other})"),
            };
            asked.by_template.insert(name, count);
            asked.total += count;
            asked.failed += if status == 200 { 0 } else { count };
            let of_a_machine = matches!(
                template,
                Template::Config | Template::Status | Template::GuestInterfaces
            );
            asked.by_clock += if of_a_machine { 0 } else { count };
        }
        asked
    }
}

/// Initialising all Nodes.
#[derive(Clone, Debug)]
pub(crate) struct Initialised {
    pub(crate) asked: Asked,
    /// Writes to the API server by verb and resource.
    pub(crate) writes: BTreeMap<String, u64>,
    /// Seconds from the first request to Proxmox VE to the last taint removed.
    pub(crate) untainted: f64,
    /// The same to the last Node without taint and with its address.
    pub(crate) addressed: f64,
    /// The same for half of all Nodes and for 99 of 100.
    pub(crate) spread: [f64; 2],
    /// CPU seconds of the controller, its start included.
    pub(crate) cpu: f64,
}

/// One steady address pass.
#[derive(Clone, Debug)]
pub(crate) struct Pass {
    pub(crate) asked: Asked,
    /// Writes to the API server by verb and resource.
    pub(crate) writes: BTreeMap<String, u64>,
    /// CPU seconds of the controller.
    pub(crate) cpu: f64,
    /// What was asked of Proxmox VE from the start of the process until it had seen every Node.
    pub(crate) start: Asked,
    /// Requests by the clock per second, counted for longer than the pass.
    pub(crate) clock_rate: f64,
}

/// What distinguishes one run from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind {
    pub(crate) nodes: usize,
    /// How long Proxmox VE takes for every answer.
    pub(crate) latency: Duration,
    pub(crate) mode: Mode,
}

/// Everything a run showed.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub(crate) init: Initialised,
    /// The same without a limit of writes to the API server; of mode `default` only, as its target is (§17.5).
    pub(crate) unlimited: Option<Initialised>,
    pub(crate) pass: Pass,
    /// The most memory either process had at once. Unit: MiB.
    pub(crate) peak_mib: f64,
    /// Memory of the first process after standing idle. Unit: MiB.
    pub(crate) idle_mib: f64,
}

/// The memory a small cluster costs. Unit: MiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Small {
    pub(crate) peak_mib: f64,
    pub(crate) idle_mib: f64,
}

impl Small {
    /// Nodes of a small cluster (§17.5).
    pub(crate) const NODES: usize = 3;
}

/// The memory with three Nodes.
///
/// # Errors
/// When they are not initialised.
pub(crate) async fn small(latency: Duration, idle: Duration, binary: &Path) -> Result<Small> {
    let stage = Stage::open(Site::new(Small::NODES, Mode::Default, latency)).await?;
    let (mut cloud, _) = initialise(&stage, stage.expected(|_| true), binary).await?;
    let idle_mib = stand_idle(&mut cloud, idle).await?;
    let peak_mib = meter::peak_mib(&cloud.process)?;
    cloud.stop().await?;
    Ok(Small { peak_mib, idle_mib })
}

/// The whole run.
///
/// # Errors
/// When a Node is not initialised, or the controller fails.
pub(crate) async fn measure(kind: Kind, arguments: &Arguments, binary: &Path) -> Result<Measured> {
    let site = Site {
        node_ip: arguments.node_ip || kind.mode == Mode::Default,
        ..Site::new(kind.nodes, kind.mode, kind.latency)
    };
    let stage = Stage::open(site).await?;
    let (mut cloud, init) = initialise(&stage, stage.expected(|_| true), binary).await?;
    let idle_mib = stand_idle(&mut cloud, arguments.idle).await?;
    let first_peak = meter::peak_mib(&cloud.process)?;
    cloud.stop().await?;
    let (pass, second_peak) = steady(&stage, binary, arguments.period).await?;
    drop(stage);
    let unlimited = match kind.mode {
        Mode::Default => Some(unlimited(site, binary).await?),
        Mode::Qemu => None,
    };
    Ok(Measured {
        init,
        unlimited,
        pass,
        peak_mib: first_peak.max(second_peak),
        idle_mib,
    })
}

/// All Nodes of a fresh stage, as fast as the API server takes it.
async fn unlimited(site: Site, binary: &Path) -> Result<Initialised> {
    let stage = Stage::open(site).await?;
    let flags = [UNLIMITED.to_owned()];
    let (cloud, init) = initialise_with(&stage, stage.expected(|_| true), binary, &flags).await?;
    cloud.stop().await?;
    Ok(init)
}

/// All flags are at their defaults, so that the first regular look at a Node comes minutes later.
/// Ends when all `expected` Nodes have their address.
///
/// # Errors
/// When that takes too long, or the controller ends.
pub(crate) async fn initialise(
    stage: &Stage,
    expected: BTreeMap<String, String>,
    binary: &Path,
) -> Result<(Cloud, Initialised)> {
    initialise_with(stage, expected, binary, &[]).await
}

async fn initialise_with(
    stage: &Stage,
    expected: BTreeMap<String, String>,
    binary: &Path,
    flags: &[String],
) -> Result<(Cloud, Initialised)> {
    let limit = limit(expected.len());
    let observer = Observer::new(stage.plane.client(), expected).await?;
    let before = stage.plane.audit_position()?;
    let mut cloud = stage.start(binary, flags)?;
    let times = watched(observer, limit, &mut cloud).await?;
    let asked = Asked::of(&stage.pve);
    let cpu = meter::cpu(&cloud.process)?;
    // Events are sent in the background, after the writes that they tell of.
    sleep(QUIET).await;
    let first = stage.pve.log().iter().map(|entry| entry.at).min();
    let started = stage.since + first.context("nothing was asked of Proxmox VE")?;
    let init = Initialised {
        asked,
        writes: writes(stage, before)?,
        untainted: seconds(&times.untainted, started, 1.0),
        addressed: seconds(&times.addressed, started, 1.0),
        spread: [0.5, 0.99].map(|share| seconds(&times.addressed, started, share)),
        cpu,
    };
    Ok((cloud, init))
}

/// Longest time that so many Nodes may take: several times what the limit of writes makes it.
pub(crate) fn limit(nodes: usize) -> Duration {
    Duration::from_mins(2) + Duration::from_millis(100) * u32::try_from(nodes).unwrap_or(u32::MAX)
}

/// What the observer sees until the end; gives up when the controller ends meanwhile.
///
/// # Errors
/// When that takes longer than `limit`, or the controller ends.
pub(crate) async fn watched(observer: Observer, limit: Duration, cloud: &mut Cloud) -> Result<Times> {
    let mut watching = JoinSet::new();
    watching.spawn(observer.run(limit));
    loop {
        tokio::select! {
            ended = watching.join_next() => {
                let times = ended.context("there is one observer")??;
                return times.with_context(|| cloud.process.log_tail());
            }
            () = sleep(LOOK) => cloud.still_runs()?,
        }
    }
}

async fn stand_idle(cloud: &mut Cloud, time: Duration) -> Result<f64> {
    sleep(time).await;
    cloud.still_runs()?;
    meter::rss_mib(&cloud.process)
}

/// A process started over initialised Nodes looks at each at once, then at a moment of its own in every period. From
/// one and a half periods later on, any time as long as a period holds exactly one look at every Node.
async fn steady(stage: &Stage, binary: &Path, period: Duration) -> Result<(Pass, f64)> {
    let (mut cloud, start) = restart(stage, binary, period).await?;
    let warmed = Instant::now();
    sleep(period * 3 / 2).await;
    cloud.still_runs()?;
    let audited = stage.plane.audit_position()?;
    let (cpu, before) = (meter::cpu(&cloud.process)?, stage.pve.counts());
    sleep(period).await;
    let asked = Asked::since(&before, &stage.pve);
    let cpu = meter::cpu(&cloud.process)? - cpu;
    #[expect(clippy::cast_precision_loss, reason = "counts of a bench")]
    let clock_rate = Asked::of(&stage.pve).by_clock as f64 / warmed.elapsed().as_secs_f64();
    let peak = meter::peak_mib(&cloud.process)?;
    let writes = writes(stage, audited)?;
    cloud.stop().await?;
    let pass = Pass {
        asked,
        writes,
        cpu,
        start,
        clock_rate,
    };
    Ok((pass, peak))
}

/// Another process over Nodes that are all initialised, with this time between two looks at a Node; also what it asked
/// until it had seen every Node. Then the counters of Proxmox VE begin anew.
///
/// # Errors
/// When it cannot be started, ends, or does not come to rest.
pub(crate) async fn restart(stage: &Stage, binary: &Path, period: Duration) -> Result<(Cloud, Asked)> {
    stage.pve.reset_counts();
    let frequency = format!("--node-status-update-frequency={}s", period.as_secs());
    let mut cloud = stage.start(binary, &[frequency])?;
    warm(stage, &mut cloud).await?;
    let start = Asked::of(&stage.pve);
    stage.pve.reset_counts();
    Ok((cloud, start))
}

/// Waits until every configuration that will be read has been.
async fn warm(stage: &Stage, cloud: &mut Cloud) -> Result<()> {
    let end = Instant::now() + WARM_UP;
    let (mut read, mut since) = (0, Instant::now());
    while read == 0 || since.elapsed() < QUIET {
        sleep(LOOK).await;
        cloud.still_runs()?;
        let now = stage.pve.count(Template::Config);
        if now != read {
            (read, since) = (now, Instant::now());
        }
        if Instant::now() > end {
            bail!("after {WARM_UP:?} configurations are still read, {read} so far");
        }
    }
    Ok(())
}

/// Writes to the API server by verb and resource, without those of the leader lease, which come by the clock.
///
/// # Errors
/// When the audit log cannot be read.
pub(crate) fn writes(stage: &Stage, since: u64) -> Result<BTreeMap<String, u64>> {
    let requests = stage.plane.audited_requests(USER, since)?;
    let writes = requests
        .iter()
        .filter(|(key, _)| key.is_write() && key.resource != "leases");
    Ok(writes.map(|(key, count)| (key.to_string(), count)).collect())
}

/// Seconds from `start` until this share of the moments had come.
pub(crate) fn seconds(moments: &[Instant], start: Instant, share: f64) -> f64 {
    let mut moments = moments.to_vec();
    moments.sort_unstable();
    let last = moments.len().saturating_sub(1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place in a list of at most 100,000"
    )]
    let place = (last as f64 * share).round() as usize;
    moments.get(place).map_or(0.0, |moment| {
        moment.saturating_duration_since(start).as_secs_f64()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_moments_are_taken_in_order() {
        let start = Instant::now();
        let moments: Vec<Instant> = [3, 1, 2].map(|s| start + Duration::from_secs(s)).to_vec();
        for (share, expected) in [(0.5, 2.0), (1.0, 3.0)] {
            assert!(
                (seconds(&moments, start, share) - expected).abs() < 1e-9,
                "{share}"
            );
        }
        assert!(seconds(&[], start, 1.0).abs() < 1e-9);
    }
}
