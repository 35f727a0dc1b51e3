//! The cluster binary of Cadastre. The sub-commands wire the rooms together; no logic lives here.

mod cli;
mod cloud;
mod controller;
mod go;
mod lead;

use std::{ffi::OsString, path::Path, path::PathBuf, process::ExitCode};

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

/// The land register for a Kubernetes cluster without a cloud
#[derive(Parser)]
#[command(name = "cadastre", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the controllers and webhooks (also started as /manager)
    #[command(args_override_self = true)]
    Controller(Box<Controller>),
    /// Run the cloud controller for Proxmox VE (also started as proxmox-cloud-controller-manager)
    #[command(args_override_self = true)]
    Cloud(Box<cloud::Flags>),
    #[command(flatten)]
    Person(cli::Command),
    Completion(cli::completion::Flags),
}

/// All of `/manager`.
#[derive(Parser)]
#[command(
    name = "manager",
    version,
    about = "Run the controllers and webhooks",
    args_override_self = true
)]
struct Manager {
    #[command(flatten)]
    controller: Controller,
}

/// All of `proxmox-cloud-controller-manager`.
#[derive(Parser)]
#[command(
    name = "proxmox-cloud-controller-manager",
    version,
    about = "Run the cloud controller for Proxmox VE",
    args_override_self = true
)]
struct CloudManager {
    #[command(flatten)]
    flags: cloud::Flags,
}

#[derive(Args)]
struct Controller {
    #[command(flatten)]
    flags: controller::Flags,

    /// Kubeconfig; empty uses KUBECONFIG, ~/.kube/config or the pod's own account
    #[arg(long, default_value = "", hide_default_value = true)]
    kubeconfig: String,
}

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    let called = args.first().cloned().unwrap_or_default();
    let name = Path::new(&called).file_name().unwrap_or_default();
    // The name decides what it is, so that images and manifests of the replaced programs keep working.
    if name == cloud::NAME {
        let matches = CloudManager::command()
            .args(cloud::ignored())
            .get_matches_from(args);
        let parsed = CloudManager::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        return run_cloud(parsed.flags, &matches);
    }
    if name == "manager" {
        let (args, ignored) = controller::without_kind_concurrency(args);
        return run_controller(Manager::parse_from(args).controller, &ignored);
    }
    // A person's commands know no such flags: there they are mistakes.
    let (args, ignored) = if args.get(1).is_some_and(|command| command == "controller") {
        controller::without_kind_concurrency(args)
    } else {
        (args, Vec::new())
    };
    let parser = Cli::command()
        .bin_name(cli::program_name(Some(&called)))
        .mut_subcommand("cloud", |command| command.args(cloud::ignored()));
    let matches = parser.get_matches_from(args);
    let parsed = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match parsed.command {
        Command::Controller(command) => run_controller(*command, &ignored),
        Command::Cloud(flags) => {
            let matches = matches.subcommand().map_or(&matches, |(_, matches)| matches);
            run_cloud(*flags, matches)
        }
        Command::Completion(flags) => cli::completion::run(&flags, Cli::command())
            .map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS),
        Command::Person(command) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map_or_else(
                |error| failed(&error.into()),
                |runtime| runtime.block_on(cli::run(command)),
            )
        }
    }
}

fn run_controller(command: Controller, ignored: &[String]) -> ExitCode {
    let kubeconfig = (!command.kubeconfig.is_empty()).then(|| PathBuf::from(command.kubeconfig));
    // Two threads: one keeps answering webhooks while the other works through a burst.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let result = runtime
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(controller::run(command.flags, kubeconfig, ignored)));
    result.map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS)
}

fn run_cloud(flags: cloud::Flags, matches: &clap::ArgMatches) -> ExitCode {
    // One thread: it mostly waits, and a second one costs memory.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = runtime
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(cloud::run(flags, &cloud::given(matches))));
    result.map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS)
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("cadastre: {error:#}");
    ExitCode::FAILURE
}
