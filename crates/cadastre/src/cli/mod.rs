//! The commands of a person: `pools`, `claim`, `explain`, `check`, `cni`, also as `kubectl cadastre`; and `completion`.
//!
//! Each file is one command: its flags, and how its result is printed. What there is to say comes from
//! `pools::survey` and `pools::plan`.

mod check;
mod claim;
mod cni;
pub(crate) mod completion;
mod explain;
pub(crate) mod output;
mod paint;
mod pools;
mod progress;
mod session;
mod table;
mod text;

use std::{ffi::OsStr, path::Path, process::ExitCode};

use clap::Subcommand;

/// Exit code when the answer is "no": findings of severity error, no address in time, no such claim.
const NO: u8 = 1;
/// Exit code when the question could not be answered: no cluster, no permission, no such kinds.
const UNKNOWN: u8 = 2;

/// A command of a person.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    Pools(pools::Flags),
    Claim(claim::Flags),
    Explain(explain::Flags),
    Check(check::Flags),
    Cni(cni::Flags),
}

/// Runs a command: results on standard output, everything else on standard error.
///
/// Exit codes: 0 done; 1 the answer is no; 2 the question could not be answered.
pub(crate) async fn run(command: Command) -> ExitCode {
    let result = match command {
        Command::Pools(flags) => pools::run(flags).await,
        Command::Claim(flags) => claim::run(flags).await,
        Command::Explain(flags) => explain::run(flags).await,
        Command::Check(flags) => check::run(flags).await,
        Command::Cni(flags) => return cni::run(&flags),
    };
    result.unwrap_or_else(|error| {
        eprintln!("cadastre: {error:#}");
        ExitCode::from(UNKNOWN)
    })
}

/// The name help texts show: `kubectl cadastre` when started as kubectl's plugin `kubectl-cadastre`, else `cadastre`.
pub(crate) fn program_name(argv0: Option<&OsStr>) -> &'static str {
    let file = argv0.and_then(|path| Path::new(path).file_stem());
    // kubectl finds plugins with underscores where the command has dashes.
    if file.is_some_and(|name| name == "kubectl-cadastre") {
        "kubectl cadastre"
    } else {
        "cadastre"
    }
}

#[cfg(test)]
mod tests;
