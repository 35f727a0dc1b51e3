//! Arguments.

use std::ffi::OsStr;

use clap::{CommandFactory as _, Parser, error::ErrorKind};

use super::*;

#[derive(Debug, Parser)]
#[command(name = "cadastre")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn parse(line: &str) -> Result<Command, clap::Error> {
    let words = line.split_whitespace();
    Cli::try_parse_from(std::iter::once("cadastre").chain(words)).map(|cli| cli.command)
}

#[test]
fn the_definitions_contradict_each_other_nowhere() {
    Cli::command().debug_assert();
}

#[test]
fn good_lines_are_understood() {
    let lines = [
        "pools",
        "pools -A -o json",
        "pools -n team-a --context c --kubeconfig f",
        "claim node-1 --pool p",
        "claim node-1 -p p --kind globalinclusterippool -n x --cluster c1 --timeout 0 -o yaml",
        "explain claim/node-1 -n team-a",
        "check",
        "check -A -v -o json",
        "check -n team-a",
        "cni",
        "cni --help",
        "cni list --data-dir /d -o json",
        "cni gc --dry-run",
    ];
    for line in lines {
        assert!(parse(line).is_ok(), "{line}: {}", parse(line).unwrap_err());
    }
}

#[test]
fn bad_lines_are_refused_with_the_right_complaint() {
    let lines = [
        ("claim node-1", ErrorKind::MissingRequiredArgument),
        ("claim --pool p", ErrorKind::MissingRequiredArgument),
        ("claim node-1 --pool p --kind Pool", ErrorKind::ValueValidation),
        ("claim node-1 --pool p --timeout soon", ErrorKind::ValueValidation),
        ("claim node-1 --pool p -A", ErrorKind::UnknownArgument),
        ("explain", ErrorKind::MissingRequiredArgument),
        ("explain pod/x", ErrorKind::ValueValidation),
        ("pools -n a -A", ErrorKind::ArgumentConflict),
        ("pools -o xml", ErrorKind::InvalidValue),
        ("check extra", ErrorKind::UnknownArgument),
    ];
    for (line, expected) in lines {
        assert_eq!(
            parse(line).map_err(|error| error.kind()).err(),
            Some(expected),
            "{line}"
        );
    }
}

#[test]
fn every_command_says_what_it_does_in_one_sentence_and_shows_examples() {
    for command in Cli::command().get_subcommands() {
        let name = command.get_name();
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        assert!(
            !about.is_empty() && !about.ends_with('.') && !about.contains('\n'),
            "{name}: {about:?}"
        );
        let examples = command
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        assert!(
            examples.contains(&format!("\n  cadastre {name}")),
            "{name} has no example"
        );
    }
}

#[test]
fn the_plugin_of_kubectl_calls_itself_as_people_call_it() {
    let table = [
        (Some("/usr/local/bin/kubectl-cadastre"), "kubectl cadastre"),
        (Some("kubectl-cadastre"), "kubectl cadastre"),
        (Some("/usr/bin/cadastre"), "cadastre"),
        (None, "cadastre"),
    ];
    for (argv0, expected) in table {
        assert_eq!(program_name(argv0.map(OsStr::new)), expected, "{argv0:?}");
    }
}
