//! `cargo xtask bench pools`: how close the controller comes to what the API server can do (spec §22, run B1).
//!
//! Per size, in the same run and each on a fresh control plane: the *bare limit* (a plain client that makes the same
//! three writes per claim with the same concurrency and keeps no books), then the controller. Both are watched by the
//! same observer and audited alike.

mod load;
mod report;
mod run;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, bail};
use testkit::controller::BINARY;

use crate::report::Report;

const USAGE: &str = "\
usage: cargo xtask bench pools [--claims N]... [--repeat N] [--json]
  --claims N  size of a burst; may be given several times (default 1000 and 10000)
  --repeat N  pairs of runs per size, of which the medians count (default 3 below 5000 claims, else 1)
  --json      print one JSON object on the last line";

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

struct Arguments {
    sizes: Vec<usize>,
    repeat: Option<usize>,
    json: bool,
}

fn arguments() -> Result<Option<Arguments>> {
    let mut parsed = Arguments {
        sizes: Vec::new(),
        repeat: None,
        json: false,
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut number = |name: &str| -> Result<usize> {
            args.next()
                .and_then(|n| n.parse().ok())
                .filter(|n| *n > 0)
                .with_context(|| format!("{name} needs a number"))
        };
        match arg.as_str() {
            "--claims" => parsed.sizes.push(number("--claims")?),
            "--repeat" => parsed.repeat = Some(number("--repeat")?),
            "--json" => parsed.json = true,
            "--help" | "-h" => return Ok(None),
            other => bail!("unknown argument {other}\n{USAGE}"),
        }
    }
    if parsed.sizes.is_empty() {
        parsed.sizes = vec![1_000, 10_000];
    }
    if let Some(too_many) = parsed.sizes.iter().find(|n| **n > load::POOL_SIZE) {
        bail!(
            "--claims {too_many} do not fit into the /18 of {} addresses",
            load::POOL_SIZE
        );
    }
    Ok(Some(parsed))
}

async fn start() -> Result<()> {
    let Some(arguments) = arguments()? else {
        println!("{USAGE}");
        return Ok(());
    };
    let binary: PathBuf = std::env::var_os(BINARY)
        .context("CADASTRE_BIN is not set; run cargo xtask bench pools")?
        .into();
    let mut reports = Vec::new();
    for &claims in &arguments.sizes {
        let repeat = arguments.repeat.unwrap_or(if claims < 5_000 { 3 } else { 1 });
        let mut pairs = Vec::new();
        for round in 1..=repeat {
            eprintln!("{claims} claims, round {round} of {repeat}: bare limit");
            let bare = run::bare(claims).await?;
            eprintln!("{claims} claims, round {round} of {repeat}: controller");
            let ours = run::controller(claims, &binary).await?;
            pairs.push((bare, ours));
        }
        let report = Report::of(claims, &pairs);
        println!("{}", report.table());
        reports.push(report);
    }
    if arguments.json {
        println!("{}", report::json(&reports));
    }
    Ok(())
}
