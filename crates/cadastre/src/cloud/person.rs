//! What people ask: is the configuration right, what happens to this Node, what would a switch change?

use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail};
use cloud::{
    config::Config,
    metrics::Metrics,
    observe::SlimNode,
    plan::{
        explain::Difference,
        facts::{GuestAnswer, NodeAddress, NodeFacts},
        notice::Notice,
        settings::NetworkSettings,
        upstream::Cause,
        verdict::Verdict,
    },
    report::{Report, report},
    source::metrics::Metrics as SourceMetrics,
    world::{Options, Shared, World},
};
use kube::{Api, api::ListParams};
use runtime::client::Calls;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Flags, connect, sources};
use crate::cli::output;

/// Answers the one question that was asked.
///
/// # Errors
/// When it cannot be answered.
pub(super) async fn answer(flags: &Flags, config: Config) -> Result<()> {
    match &flags.explain {
        Some(node) => explain(flags, config, node).await,
        None if flags.compare_upstream => compare(flags, config).await,
        None => check(&config),
    }
}

/// The settings in force and everything odd about the file. Token and CA files must be readable, too.
fn check(config: &Config) -> Result<()> {
    drop(sources(config, &SourceMetrics::default())?);
    let mut text = config.to_string();
    for warning in &config.warnings {
        let _ = writeln!(text, "warning: {warning}");
    }
    text.push_str("the configuration can be used");
    output::print(&text)
}

async fn explain(flags: &Flags, config: Config, name: &str) -> Result<()> {
    let inquiry = Inquiry::start(flags, config).await?;
    let node = inquiry
        .world
        .api
        .get_opt(name)
        .await
        .with_context(|| format!("cannot read Node {name}"))?;
    let Some(node) = node else {
        inquiry.end().await;
        bail!("there is no Node {name}; `kubectl get nodes` lists them");
    };
    let report = inquiry.report(node.seen().facts).await;
    inquiry.end().await;
    flags.output.print(&as_json(&report), |_| {
        report.explanation().to_string().trim_end().to_owned()
    })
}

async fn compare(flags: &Flags, config: Config) -> Result<()> {
    for warning in &config.warnings {
        eprintln!("warning: {warning}");
    }
    if let Err(why) = &config.upstream_network {
        return flags.output.print(&json!({"refused": why}), |_| {
            format!("the replaced controller does not start with this file: {why}\nno Node can be compared")
        });
    }
    let inquiry = Inquiry::start(flags, config).await?;
    let nodes: Api<SlimNode> = inquiry.world.api.clone();
    let nodes = nodes
        .list(&ListParams::default())
        .await
        .context("cannot list Nodes")?;
    let mut reports = Vec::new();
    for node in nodes {
        reports.push(inquiry.report(node.seen().facts).await);
    }
    inquiry.end().await;
    let all: Vec<Value> = reports.iter().map(as_json).collect();
    flags.output.print(&all, |_| compared(&reports))
}

fn compared(reports: &[Report]) -> String {
    let mut text = String::new();
    let mut changed = 0;
    for report in reports {
        let Some(comparison) = report
            .comparison
            .as_ref()
            .filter(|comparison| comparison.differs())
        else {
            continue;
        };
        changed += 1;
        let node = &report.node.name;
        let _ = write!(text, "{}", Difference { node, comparison });
    }
    let _ = write!(text, "{changed} of {} Nodes change when switching", reports.len());
    text
}

/// A world that is looked at and never changed.
struct Inquiry {
    world: std::sync::Arc<World>,
    upstream: Option<NetworkSettings>,
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Inquiry {
    async fn start(flags: &Flags, config: Config) -> Result<Self> {
        let source_metrics = SourceMetrics::default();
        let sources = sources(&config, &source_metrics)?;
        let world = World::new(Shared {
            client: connect(flags, Calls::default()).await?,
            sources: sources.clone(),
            settings: config.settings,
            options: Options::default(),
            metrics: Metrics::default(),
            source_metrics,
            announcer: cloud::announce::Announcer::default(),
            holds: std::sync::Arc::new(|| false),
            wall: jiff::Timestamp::now,
        });
        let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
        for source in sources.iter() {
            let (source, stop) = (source.clone(), stop.clone());
            tasks.spawn(async move { source.run(stop).await });
        }
        Ok(Self {
            world,
            upstream: config.upstream_network.ok(),
            tasks,
            stop,
        })
    }

    async fn report(&self, node: NodeFacts) -> Report {
        report(&self.world, node, self.upstream.as_ref()).await
    }

    async fn end(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

/// The same for programs; names of fields do not change.
fn as_json(report: &Report) -> Value {
    let decision = &report.look.decision;
    let verdicts: Vec<Value> = report
        .look
        .outcome
        .trail
        .iter()
        .chain(&decision.verdicts)
        .map(verdict)
        .collect();
    let planned = decision
        .addresses
        .as_ref()
        .map(|planned| addresses(&planned.addresses));
    json!({
        "node": report.node.name,
        "providerID": report.node.provider_id,
        "initialised": !report.node.is_tainted(),
        "machine": report.look.outcome.resolution.to_string(),
        "guest": report.look.guest.as_ref().map(guest),
        "current": addresses(&report.node.addresses),
        "planned": planned,
        "verdicts": verdicts,
        "notices": notices(&decision.notices),
        "lifecycle": report.lifecycle.as_ref().map(|judgement| json!({
            "verdicts": judgement.verdicts.iter().map(verdict).collect::<Vec<_>>(),
            "notices": notices(&judgement.notices),
            "next": judgement.step.to_string(),
        })),
        "comparison": report.comparison.as_ref().map(|comparison| json!({
            "differs": comparison.differs(),
            "upstream": comparison.upstream.to_string(),
            "ours": comparison.ours.to_string(),
            "besides": comparison.besides,
            "causes": comparison.causes.iter().map(cause).collect::<Vec<_>>(),
        })),
    })
}

fn verdict(verdict: &Verdict) -> Value {
    json!({"rule": verdict.rule, "input": verdict.input, "result": verdict.result})
}

fn notices(notices: &[Notice]) -> Vec<String> {
    notices.iter().map(ToString::to_string).collect()
}

fn cause(cause: &Cause) -> Value {
    json!({"id": cause.id, "text": cause.text, "switch": cause.switch})
}

fn addresses(entries: &[NodeAddress]) -> Vec<Value> {
    entries
        .iter()
        .map(|entry| json!({"type": entry.kind.as_str(), "address": entry.address}))
        .collect()
}

fn guest(answer: &GuestAnswer) -> Value {
    match answer {
        GuestAnswer::Unavailable(why) => json!({"unavailable": why.reason.as_str(), "detail": why.detail}),
        GuestAnswer::Known(interfaces) => interfaces
            .iter()
            .map(|one| {
                json!({"name": one.name, "mac": one.mac.map(|mac| mac.to_string()), "addresses": one.addresses})
            })
            .collect(),
    }
}
