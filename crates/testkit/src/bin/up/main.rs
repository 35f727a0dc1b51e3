//! `cargo xtask up`: the product's main jobs on real input.
//!
//! Without more: pools. With `--proxmox`: Nodes on Proxmox VE.

mod examples;
mod pools;
mod proxmox;
mod running;
mod table;

use std::{
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use testkit::controller::BINARY;

const USAGE: &str = "\
usage: cargo xtask up [--proxmox] [--once] [--kubeconfig FILE]
  --proxmox          Nodes on a Proxmox VE made for the occasion get addresses, identity and topology; without it: pools
  --once             end after printing the addresses
  --kubeconfig FILE  use this cluster instead of starting a control plane (without webhooks: it cannot call this machine)";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Watch(Instant::now())).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("up failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Tells people what is being done, and when.
#[derive(Clone, Copy)]
pub(crate) struct Watch(Instant);

impl Watch {
    pub(crate) fn step(self, text: &str) {
        let elapsed: Duration = self.0.elapsed();
        eprintln!("[{:5.1} s] {text}", elapsed.as_secs_f64());
    }
}

struct Arguments {
    proxmox: bool,
    once: bool,
    kubeconfig: Option<PathBuf>,
}

fn arguments() -> Result<Option<Arguments>> {
    let mut parsed = Arguments {
        proxmox: false,
        once: false,
        kubeconfig: None,
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--proxmox" => parsed.proxmox = true,
            "--once" => parsed.once = true,
            "--kubeconfig" => {
                parsed.kubeconfig = Some(args.next().context("--kubeconfig needs a file")?.into());
            }
            "--help" | "-h" => return Ok(None),
            other => bail!("unknown argument {other}\n{USAGE}"),
        }
    }
    if parsed.proxmox && parsed.kubeconfig.is_some() {
        bail!("--proxmox makes Nodes up, which somebody's cluster must not get; leave --kubeconfig out");
    }
    Ok(Some(parsed))
}

async fn run(watch: Watch) -> Result<()> {
    let Some(arguments) = arguments()? else {
        println!("{USAGE}");
        return Ok(());
    };
    let binary: PathBuf = std::env::var_os(BINARY)
        .context("CADASTRE_BIN is not set; run cargo xtask up")?
        .into();
    if arguments.proxmox {
        proxmox::run(watch, &binary, arguments.once).await
    } else {
        pools::run(watch, &binary, arguments.kubeconfig, arguments.once).await
    }
}
