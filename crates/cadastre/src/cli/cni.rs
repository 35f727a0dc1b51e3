//! `cadastre cni`: what the CNI plugins have reserved on this node. The command line is `cadastre-cni`'s, which has no
//! clap; it is handed over as it was typed.

use std::{ffi::OsString, process::ExitCode};

use clap::Args;

/// Look after the pod addresses reserved on this node (as root, on the node)
#[derive(Args, Clone, Debug)]
#[command(
    disable_help_flag = true,
    after_help = "Examples:\n  cadastre cni list\n  cadastre cni check -o json"
)]
pub(crate) struct Flags {
    /// list, show, check, release, gc, install or uninstall, with options; see `cadastre cni --help`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    args: Vec<OsString>,
}

pub(crate) fn run(flags: &Flags) -> ExitCode {
    let argv0 = std::env::args_os().next();
    let program = format!("{} cni", super::program_name(argv0.as_deref()));
    cni::cli::people(&program, cni::cli::Binary::Cluster, &flags.args)
}
