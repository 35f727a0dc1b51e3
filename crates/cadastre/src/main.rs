//! The cluster binary of Cadastre. The sub-commands wire the rooms together; no logic lives here.

mod controller;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

/// The land register for a Kubernetes cluster without a cloud
#[derive(Parser)]
#[command(name = "cadastre", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Controller(ControllerCommand),
}

/// `cadastre controller`, or all of `/manager`.
#[derive(Parser)]
#[command(about = "Run the controllers and webhooks (also started as /manager)")]
struct ControllerCommand {
    #[command(flatten)]
    flags: controller::Flags,

    /// Kubeconfig; empty uses KUBECONFIG, ~/.kube/config or the pod's own account
    #[arg(long, default_value = "", hide_default_value = true)]
    kubeconfig: String,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    // The name decides what it is, so that images and manifests of the replaced manager keep working.
    let called = args.first().map(PathBuf::from).and_then(|p| Some(p.file_name()?.to_string_lossy().into_owned()));
    if called.as_deref() == Some("manager") {
        let (args, ignored) = controller::without_kind_concurrency(args);
        return run_controller(ControllerCommand::parse_from(args), &ignored);
    }
    let (args, ignored) = controller::without_kind_concurrency(args);
    match Cli::parse_from(args).command {
        Command::Controller(command) => run_controller(command, &ignored),
    }
}

fn run_controller(command: ControllerCommand, ignored: &[String]) -> ExitCode {
    let kubeconfig = (!command.kubeconfig.is_empty()).then(|| PathBuf::from(command.kubeconfig));
    // Two threads: one keeps answering webhooks while the other works through a burst.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let result = runtime
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(controller::run(command.flags, kubeconfig, ignored)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cadastre: {error:#}");
            ExitCode::FAILURE
        }
    }
}
