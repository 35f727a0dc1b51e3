//! `cargo xtask bench cloud`: what the cloud controller asks of Proxmox VE and of the API server, how long it takes and
//! how much memory it needs (spec node-addresses §17.6), beside the targets of §17.5 and the original's figures.
//!
//! Per size and mode, each on a fresh control plane and a fresh Proxmox VE: all Nodes are initialised; then the process
//! stands idle; then another one, started over Nodes that are all initialised, makes exactly one address pass.

mod arguments;
mod meter;
mod observer;
mod report;
mod run;
mod stage;
mod table;
mod targets;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use testkit::controller::BINARY;

use crate::{
    arguments::{Arguments, USAGE},
    report::Report,
    run::Small,
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
    eprintln!("{} Nodes: memory", Small::NODES);
    let small = run::small(&arguments, &binary).await?;
    let mut report = Report::new(&arguments, small);
    for &nodes in &arguments.nodes {
        for mode in Mode::ALL {
            eprintln!("{nodes} Nodes, mode {mode}");
            let measured = run::measure(nodes, mode, &arguments, &binary).await?;
            println!("{}", table::of(&measured, &arguments));
            report.runs.push(measured);
        }
    }
    println!("{}", report.against_targets());
    if arguments.json {
        println!("{}", report.json());
    }
    Ok(())
}
