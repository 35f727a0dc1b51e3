//! `node-annotation`: the `ipam` section of a network comes from an annotation of the own node (spec cni-ipam §6).
//!
//! | question | module |
//! |---|---|
//! | what does the plugin's own file say | `config` |
//! | which section does a text stand for | `expand` |
//! | which text has the annotation | `text` |
//! | what does the API server say | `lookup` |
//! | what is remembered, and where | `record` |
//! | the commands of the CNI | `act` |
//! | the commands of a person | `commands` |

mod act;
mod commands;
mod config;
mod expand;
mod lookup;
mod record;
mod text;

use std::{
    ffi::OsString,
    io::{self, Write as _},
    process::ExitCode,
};

use crate::{
    error::{Error, code},
    protocol::{self, Answer, Invocation, Network, Plugin},
};
use act::Call;
use config::Config;

/// The plugin of this name.
#[derive(Debug)]
pub struct NodeAnnotation {
    config: Config,
}

impl Plugin for NodeAnnotation {
    fn name(&self) -> &'static str {
        "node-annotation"
    }

    fn call(&self, call: &Invocation, network: &Network) -> Result<Answer, Error> {
        let answer = Call::new(&self.config, call, network).run();
        if let Err(error) = &answer {
            self.config.log(&format!("ERROR: {error}"));
        }
        answer
    }

    fn without_command(&self) -> ExitCode {
        commands::expand(self)
    }
}

/// Runs the plugin or one of its commands; `args` are those after its name.
#[must_use]
pub fn run(args: &[OsString]) -> ExitCode {
    let args: Vec<String> = args
        .iter()
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect();
    let plugin = NodeAnnotation {
        config: Config::load(),
    };
    let (command, rest) = match args.split_first() {
        None => ("ipam", [].as_slice()),
        Some((command, rest)) => (command.as_str(), rest),
    };
    // As loose as in the replaced program: `-h` anywhere, `help` and whatever follows it.
    if command.contains("-h") || command.to_ascii_lowercase().starts_with("help") {
        return commands::help();
    }
    match command {
        "ipam" => protocol::run(&plugin),
        "error_quit" => commands::error_quit(rest),
        "my_node" => commands::my_node(&plugin.config),
        "get_annotation" => commands::get_annotation(&plugin.config, rest),
        other => {
            // Nobody to tell when stderr is closed.
            let _ = writeln!(io::stderr(), "ERROR: Invalid command [{other}]");
            ExitCode::FAILURE
        }
    }
}

/// An error of this plugin itself (code 11).
fn failed(msg: &str) -> Error {
    Error::new(code::TRY_AGAIN, format!("FAILED: {msg}"))
}
