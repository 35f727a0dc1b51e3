//! `cadastre completion`: a script that completes our commands and flags in a shell.

use anyhow::Result;
use clap::Args;
use clap_complete::Shell;

use super::output;

/// Print a script that completes commands and flags in a shell
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  source <(cadastre completion bash)
  cadastre completion bash > ~/.local/share/bash-completion/completions/cadastre
  cadastre completion zsh > \"${fpath[1]}/_cadastre\"
  cadastre completion fish > ~/.config/fish/completions/cadastre.fish")]
pub(crate) struct Flags {
    /// The shell
    shell: Shell,
}

/// Prints the script for `program`, the whole command line.
pub(crate) fn run(flags: &Flags, mut program: clap::Command) -> Result<()> {
    // Into memory first: clap's writer panics when the reader has seen enough (`| head`).
    let mut script = Vec::new();
    clap_complete::generate(flags.shell, &mut program, "cadastre", &mut script);
    output::print(&String::from_utf8_lossy(&script))
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, ValueEnum as _};

    use super::*;

    #[test]
    fn every_shell_learns_every_command() {
        let program = crate::Cli::command();
        for shell in Shell::value_variants() {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut program.clone(), "cadastre", &mut script);
            let script = String::from_utf8(script).expect("a script is text");
            for command in program.get_subcommands() {
                assert!(
                    script.contains(command.get_name()),
                    "{shell}: {}",
                    command.get_name()
                );
            }
        }
    }

    #[test]
    fn the_help_shows_examples() {
        let program = crate::Cli::command();
        let command = program
            .find_subcommand("completion")
            .expect("there is the command");
        let help = command
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        assert!(help.contains("\n  cadastre completion bash >"), "{help}");
    }
}
