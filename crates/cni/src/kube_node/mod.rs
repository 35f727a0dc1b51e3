//! `kube-node`: addresses from the ranges of this Kubernetes node (spec cni-ipam §5).
//!
//! | question | module |
//! |---|---|
//! | what does the configuration say | `settings` |
//! | what is remembered, and where | `cache` |
//! | which ranges does the node have | `ranges` |
//! | what does the allocator get | `section` |
//! | is an error worth another look at the node | `blame` |
//! | reserve, release, check there | `act` |

mod act;
mod blame;
mod cache;
mod log;
mod ranges;
mod section;
mod settings;

use std::{
    ffi::OsString,
    io::{self, Write as _},
    process::ExitCode,
};

use crate::{
    error::Error,
    protocol::{self, Answer, Command, Invocation, Network, Plugin},
};
use act::Call;
use settings::Settings;

/// The plugin of this name.
#[derive(Clone, Copy, Debug)]
pub struct KubeNode;

impl Plugin for KubeNode {
    fn name(&self) -> &'static str {
        "kube-node"
    }

    fn call(&self, call: &Invocation, network: &Network) -> Result<Answer, Error> {
        let settings = match call.command {
            // A mistake in the configuration must not keep addresses from being released.
            Command::Del | Command::Gc => Settings::read_leniently(network)?,
            Command::Add | Command::Check | Command::Status => Settings::read(network)?,
        };
        let call = Call::new(call, network, &settings);
        let answer = match call.command() {
            Command::Add => call.add(),
            Command::Check => call.check(),
            Command::Del | Command::Gc => call.release(),
            Command::Status => call.status(),
        };
        if let Err(error) = &answer {
            settings.log.error(&error.to_string());
        }
        answer
    }
}

/// Runs the plugin; `args` are those after its name.
#[must_use]
pub fn run(args: &[OsString]) -> ExitCode {
    match args.first().and_then(|first| first.to_str()) {
        None if args.is_empty() => protocol::run(&KubeNode),
        Some("-version" | "--version") => {
            // Nobody to tell when stdout is closed.
            let _ = writeln!(io::stdout(), "{}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        Some("-h" | "-help" | "--help") => {
            usage();
            ExitCode::SUCCESS
        }
        Some(argument) if !argument.starts_with('-') => protocol::run(&KubeNode),
        _ => {
            usage();
            ExitCode::from(2)
        }
    }
}

fn usage() {
    let _ = writeln!(
        io::stderr(),
        "Usage of kube-node:\n  -version\n    \tprint the version and quit"
    );
}
