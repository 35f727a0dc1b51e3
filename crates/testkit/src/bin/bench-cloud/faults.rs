//! Runs while something is wrong (spec node-addresses §17.6). That nothing wrong is ever written meanwhile is shown by the
//! tests; here is what it costs.

use std::{
    fmt,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Result;
use testkit::{cloud::Cloud, proxmox};
use tokio::time::sleep;

use crate::{
    arguments::Arguments,
    figures::{self, Figures, sum},
    meter,
    observer::Observer,
    run::{Asked, Initialised, initialise, limit, restart, seconds, watched, writes},
    stage::{Mode, Site, Stage, host, vmid},
    targets::{Limits, Target},
};

/// Machines that move, at most.
const MOVING: usize = 100;
/// Nodes with another name than their machine.
const MISNAMED: usize = 10;
/// Share of guest queries that fail.
const FAILING: f64 = 0.05;
/// Seed of what is left to chance.
const SEED: u64 = 7;
/// Time given to what starts after everything else is done, such as the look at the last misnamed Node.
const SETTLE: Duration = Duration::from_secs(5);

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// One host of ten accepts requests and never answers.
    HungHosts,
    /// One region of two refuses connections.
    RegionDown,
    /// Ten Nodes have another name than their machine.
    Misnamed,
    /// A hundred machines move to another host, one after the other.
    Migration,
    /// One guest query of twenty fails.
    Guests,
}

impl Fault {
    pub(crate) const ALL: [Self; 5] = [
        Self::HungHosts,
        Self::RegionDown,
        Self::Misnamed,
        Self::Migration,
        Self::Guests,
    ];

    /// Its name in JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::HungHosts => "hung_hosts",
            Self::RegionDown => "region_down",
            Self::Misnamed => "misnamed",
            Self::Migration => "migration",
            Self::Guests => "guests",
        }
    }

    /// One run in mode `qemu`.
    ///
    /// # Errors
    /// When a Node that has nothing to do with the fault is not initialised in time, or the controller fails.
    pub(crate) async fn run(
        self,
        nodes: usize,
        latency: Duration,
        arguments: &Arguments,
        binary: &Path,
    ) -> Result<Figures> {
        let site = Site::new(nodes, Mode::Qemu, latency);
        let mut figures = match self {
            Self::HungHosts => hung_hosts(site, binary).await?,
            Self::RegionDown => region_down(Site { regions: 2, ..site }, binary).await?,
            Self::Misnamed => {
                let misnamed = MISNAMED.min(nodes / 2);
                misnamed_nodes(Site { misnamed, ..site }, arguments.idle, binary).await?
            }
            Self::Migration => migration(site, arguments.period, binary).await?,
            Self::Guests => {
                let site = Site {
                    node_ip: false,
                    ..site
                };
                guests(site, binary).await?
            }
        };
        #[expect(clippy::cast_precision_loss, reason = "a number of Nodes")]
        figures.insert("nodes".to_owned(), nodes as f64);
        Ok(figures)
    }

    /// What the specification demands of these runs; it says nothing of moves and of guests that fail.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of Nodes"
    )]
    pub(crate) fn targets(self, runs: &[Figures]) -> Vec<Target> {
        let value = |figure| figures::sample(runs, figure).map_or(f64::NAN, |sample| sample.median());
        let nodes = value("nodes") as usize;
        let limits = Limits::new(nodes);
        let target = |name, limit, figure| Target {
            name,
            original: None,
            limit,
            value: value(figure),
        };
        match self {
            Self::HungHosts => vec![target(
                "one host of ten hung, the others': seconds",
                limits.init_seconds_qemu(),
                "seconds",
            )],
            Self::RegionDown => vec![target(
                "one region of two down, the other's: seconds",
                Limits::new(nodes.div_ceil(2)).init_seconds_qemu(),
                "seconds",
            )],
            Self::Misnamed => vec![
                Target {
                    // What it asks without them, and 3,000 for each and every try (§17.2).
                    original: (nodes == 1_000).then_some(11_049.0 + 10.0 * 3_000.0),
                    ..target(
                        "10 misnamed Nodes: requests, all Nodes",
                        limits.init_requests_qemu(),
                        "requests",
                    )
                },
                target("10 misnamed Nodes: later requests", 0.0, "later_requests"),
            ],
            Self::Migration | Self::Guests => Vec::new(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HungHosts => "one host of ten hung",
            Self::RegionDown => "one region of two down",
            Self::Misnamed => "10 misnamed Nodes",
            Self::Migration => "up to 100 machines on the move",
            Self::Guests => "5 % of guest queries fail, kubelets without --node-ip",
        })
    }
}

async fn hung_hosts(site: Site, binary: &Path) -> Result<Figures> {
    let stage = Stage::open(site).await?;
    let hung = host(0);
    stage.pve.fail(proxmox::Fault::hang().host(&hung));
    let works = |number: usize| site.host(number) != hung;
    let (mut cloud, init) = initialise(&stage, stage.expected(works), binary).await?;
    let mut all = of(&init, &cloud)?;
    let rest = Observer::new(stage.plane.client(), stage.expected(|number| !works(number))).await?;
    stage.pve.heal();
    recovers(&mut all, rest, site.nodes, &mut cloud).await?;
    cloud.stop().await?;
    Ok(all)
}

async fn region_down(site: Site, binary: &Path) -> Result<Figures> {
    let stage = Stage::open(site).await?;
    let down = site.region(1);
    stage.pve.region_down(down).await;
    let works = |number: usize| site.region(number) != down;
    let (mut cloud, init) = initialise(&stage, stage.expected(works), binary).await?;
    let mut all = of(&init, &cloud)?;
    let rest = Observer::new(stage.plane.client(), stage.expected(|number| !works(number))).await?;
    stage.pve.region_up(down).await;
    recovers(&mut all, rest, site.nodes, &mut cloud).await?;
    cloud.stop().await?;
    Ok(all)
}

/// How long the others take once nothing is wrong any more.
async fn recovers(all: &mut Figures, rest: Observer, nodes: usize, cloud: &mut Cloud) -> Result<()> {
    let healed = Instant::now();
    // A Node that failed for long is tried again after minutes.
    let limit = limit(nodes) + Duration::from_mins(5);
    let times = watched(rest, limit, cloud).await?;
    all.insert(
        "recovery_seconds".to_owned(),
        seconds(&times.addressed, healed, 1.0),
    );
    Ok(())
}

async fn misnamed_nodes(site: Site, idle: Duration, binary: &Path) -> Result<Figures> {
    let stage = Stage::open(site).await?;
    let well = |number| number >= site.misnamed;
    let (mut cloud, init) = initialise(&stage, stage.expected(well), binary).await?;
    // The last of them may have been looked at before everything was known.
    sleep(SETTLE).await;
    let mut all = of(&init, &cloud)?;
    count(&mut all, "requests", &Asked::of(&stage.pve));
    let before = stage.pve.counts();
    sleep(idle).await;
    cloud.still_runs()?;
    let later = Asked::since(&before, &stage.pve);
    all.insert("later_seconds".to_owned(), idle.as_secs_f64());
    #[expect(clippy::cast_precision_loss, reason = "counts of a bench")]
    all.insert("later_requests".to_owned(), (later.total - later.by_clock) as f64);
    cloud.stop().await?;
    Ok(all)
}

/// Two passes, the moves within the first.
async fn migration(site: Site, period: Duration, binary: &Path) -> Result<Figures> {
    let stage = Stage::open(site).await?;
    let (cloud, init) = initialise(&stage, stage.expected(|_| true), binary).await?;
    let mut all = of(&init, &cloud)?;
    cloud.stop().await?;
    let (mut cloud, _) = restart(&stage, binary, period).await?;
    sleep(period * 3 / 2).await;
    let (before, audited) = (stage.pve.counts(), stage.plane.audit_position()?);
    let begun = Instant::now();
    let moving = MOVING.min(site.nodes / 2);
    let pause = period / u32::try_from(moving.max(1)).unwrap_or(1);
    for number in 0..moving {
        // To the next one.
        stage.pve.migrate(vmid(number), &host(number + 1));
        sleep(pause).await;
    }
    sleep((period * 2).saturating_sub(begun.elapsed())).await;
    cloud.still_runs()?;
    let asked = Asked::since(&before, &stage.pve);
    count(&mut all, "moving_requests", &asked);
    figures::add_counts(&mut all, "moving", &asked.by_template);
    all.insert("moving_seconds".to_owned(), begun.elapsed().as_secs_f64());
    all.insert("moving_writes".to_owned(), sum(&writes(&stage, audited)?));
    #[expect(clippy::cast_precision_loss, reason = "a number of machines")]
    all.insert("moved".to_owned(), moving as f64);
    all.insert("rss_mib".to_owned(), meter::peak_mib(&cloud.process)?);
    cloud.stop().await?;
    Ok(all)
}

async fn guests(site: Site, binary: &Path) -> Result<Figures> {
    let stage = Stage::open(site).await?;
    let fault = proxmox::Fault::agent_not_running().probability(FAILING, SEED);
    stage.pve.fail(fault);
    let (cloud, init) = initialise(&stage, stage.expected(|_| true), binary).await?;
    let all = of(&init, &cloud)?;
    cloud.stop().await?;
    Ok(all)
}

/// What initialising showed.
fn of(init: &Initialised, cloud: &Cloud) -> Result<Figures> {
    let [p50, p99] = init.spread;
    let mut all: Figures = [
        ("seconds", init.untainted.max(init.addressed)),
        ("seconds_p50", p50),
        ("seconds_p99", p99),
        ("writes", sum(&init.writes)),
        ("cpu_seconds", init.cpu),
        ("rss_mib", meter::peak_mib(&cloud.process)?),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    count(&mut all, "requests", &init.asked);
    figures::add_counts(&mut all, "init", &init.asked.by_template);
    Ok(all)
}

#[expect(clippy::cast_precision_loss, reason = "counts of a bench")]
fn count(all: &mut Figures, name: &str, asked: &Asked) {
    all.insert(name.to_owned(), asked.total as f64);
    all.insert(format!("{name}_failed"), asked.failed as f64);
}
