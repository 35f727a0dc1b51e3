//! `cargo xtask bench cloud`: what the cloud controller asks of Proxmox VE and of the API server, how long it takes and
//! how much memory it needs (spec node-addresses §17.6), beside the targets of §17.5 and the original's figures.
//!
//! Per size, latency and mode, each on a fresh control plane and a fresh Proxmox VE: all Nodes are initialised; then the
//! process stands idle; then another one, started over Nodes that are all initialised, makes exactly one address pass;
//! and in mode `default` everything is initialised once more without a limit of writes. The same under faults, when asked for.

mod arguments;
mod faults;
mod figures;
mod meter;
mod observer;
mod report;
mod run;
mod stage;
mod table;
mod targets;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use testkit::controller::BINARY;

use crate::{
    arguments::{Arguments, USAGE},
    faults::Fault,
    report::Report,
    run::{Kind, Small},
    stage::Mode,
};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    match start().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn start() -> Result<()> {
    let Some(arguments) = Arguments::parse(std::env::args().skip(1))? else {
        println!("{USAGE}");
        return Ok(());
    };
    let binary: PathBuf = std::env::var_os(BINARY)
        .context("CADASTRE_BIN is not set; run cargo xtask bench cloud")?
        .into();
    let report = all(&arguments, &binary).await?;
    if arguments.repeat > 1 {
        println!("{}", report.medians());
    }
    println!("{}", report.against_targets());
    if arguments.json {
        println!("{}", report.json());
    }
    Ok(())
}

/// One run.
#[derive(Clone, Copy)]
enum Task {
    Small(Duration),
    Measure(Kind),
    Fault(Fault, usize, Duration),
}

/// Everything that was asked for, one repetition after the other, so that a slow moment of the machine does not hit all runs
/// of one kind.
async fn all(arguments: &Arguments, binary: &Path) -> Result<Report> {
    let tasks = tasks(arguments);
    let (number, started) = (tasks.len() * arguments.repeat, Instant::now());
    let mut report = Report::new(arguments);
    for repetition in 0..arguments.repeat {
        for (place, task) in tasks.iter().enumerate() {
            let place = repetition * tasks.len() + place + 1;
            let elapsed = started.elapsed().as_secs();
            eprintln!("[{place}/{number}, {elapsed} s] {}", task.describe());
            task.run(&mut report, arguments, binary).await?;
        }
    }
    Ok(report)
}

fn tasks(arguments: &Arguments) -> Vec<Task> {
    let mut tasks = Vec::new();
    // The latency of the rest is that of the first.
    let Some(&latency) = arguments.latencies.first() else {
        return tasks;
    };
    if !arguments.nodes.is_empty() {
        tasks.push(Task::Small(latency));
    }
    for &nodes in &arguments.nodes {
        for &latency in &arguments.latencies {
            tasks.extend(Mode::ALL.map(|mode| Task::Measure(Kind { nodes, latency, mode })));
        }
    }
    if let Some(nodes) = arguments.faults {
        tasks.extend(Fault::ALL.map(|fault| Task::Fault(fault, nodes, latency)));
    }
    tasks
}

impl Task {
    fn describe(self) -> String {
        match self {
            Self::Small(_) => format!("{} Nodes: memory", Small::NODES),
            Self::Measure(Kind { nodes, latency, mode }) => {
                format!("{nodes} Nodes, mode {mode}, {} ms", latency.as_millis())
            }
            Self::Fault(fault, nodes, _) => format!("{nodes} Nodes, {fault}"),
        }
    }

    async fn run(self, report: &mut Report, arguments: &Arguments, binary: &Path) -> Result<()> {
        match self {
            Self::Small(latency) => report.add_small(run::small(latency, arguments.idle, binary).await?),
            Self::Measure(kind) => {
                let measured = run::measure(kind, arguments, binary).await?;
                println!("{}", table::of(kind, &measured, arguments));
                report.add(kind, figures::of(&measured, arguments.period));
            }
            Self::Fault(fault, nodes, latency) => {
                let figures = fault.run(nodes, latency, arguments, binary).await?;
                println!("{}", table::of_fault(fault, &figures));
                report.add_fault(fault, figures);
            }
        }
        Ok(())
    }
}
