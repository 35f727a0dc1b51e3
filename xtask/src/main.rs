//! `cargo xtask`: the only developer entry point. Says what it runs, how long it took, and what to do when it fails.

mod assets;
mod bench;
mod check;
mod cli;
mod debian;
mod deny;
mod dist;
mod generated;
mod manifest;
mod project;
mod rules;
mod step;
mod test;
mod up;

use std::{process::ExitCode, time::Instant};

use cli::Command;
use step::Seconds;

fn main() -> ExitCode {
    let started = Instant::now();
    let command = match cli::parse(lexopt::Parser::from_env()) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("error: {error:#}; `cargo xtask help` lists the commands");
            return ExitCode::from(2);
        }
    };
    let name = command.name();
    match run(command) {
        Ok(()) => {
            eprintln!("{name}: ok in {}", Seconds(started.elapsed()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {name}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    let root = project::root()?;
    match command {
        Command::Up(arguments) => up::run(&root, &arguments),
        Command::Test(options) => test::run(&root, &options),
        Command::Bench(bench) => bench::run(&root, &bench),
        Command::Check(names) => check::run(&root, &names),
        Command::Dist(options) => dist::run(&root, &options.resolve(&root)),
        Command::Gen => generated::write(&root),
        Command::Help => {
            print!("{}", cli::HELP);
            Ok(())
        }
    }
}
