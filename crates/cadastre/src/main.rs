//! The cluster binary of Cadastre. The sub-commands wire the rooms together; no logic lives here.

mod cli;
mod controller;

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
    // The name decides what it is, so that images and manifests of the replaced manager keep working.
    if Path::new(&called)
        .file_name()
        .is_some_and(|name| name == "manager")
    {
        let (args, ignored) = controller::without_kind_concurrency(args);
        return run_controller(Manager::parse_from(args).controller, &ignored);
    }
    // A person's commands know no such flags: there they are mistakes.
    let (args, ignored) = if args.get(1).is_some_and(|command| command == "controller") {
        controller::without_kind_concurrency(args)
    } else {
        (args, Vec::new())
    };
    let parser = Cli::command().bin_name(cli::program_name(Some(&called)));
    let parsed = Cli::from_arg_matches(&parser.get_matches_from(args)).unwrap_or_else(|error| error.exit());
    match parsed.command {
        Command::Controller(command) => run_controller(*command, &ignored),
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

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("cadastre: {error:#}");
    ExitCode::FAILURE
}
