//! The command line.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use lexopt::{
    Arg::{Long, Short, Value},
    Parser, ValueExt,
};

use crate::{
    bench::Bench,
    dist::{self, Arch},
    test,
};

/// What `cargo xtask help` prints.
pub(crate) const HELP: &str = "\
cargo xtask up [--once] [--kubeconfig FILE]     start a control plane with Cadastre and the examples, print the addresses
cargo xtask up --proxmox [--once]               the same with Nodes on a Proxmox VE made for the occasion
cargo xtask test [--long] [--vm] [FILTER...]    run all tests (with --long: the long fault tests; with --vm: guests)
cargo xtask bench addr [--json] [ARGS...]       measure the address sets
cargo xtask bench cloud [--quick|--full] [--faults] [--json] [ARGS...]   measure the cloud controller against its targets
cargo xtask bench cni [--quick] [--json]        measure the CNI binary against the reference host-local
cargo xtask bench pools [--json] [ARGS...]      measure the controller against the bare API server
cargo xtask check [NAME...]                     format, house rules, dependencies, generated files, lints, docs
cargo xtask dist [--manifests] [--arch A,B] [--out DIR]   build the release into dist/
cargo xtask gen                                 write the generated files (deploy/crds)
";

/// One command with its options.
#[derive(Debug)]
pub(crate) enum Command {
    /// Start everything; the arguments go to the program that does it.
    Up(Vec<OsString>),
    /// Run the tests.
    Test(test::Options),
    /// Measure.
    Bench(Bench),
    /// Run the named checks, or all when none is named.
    Check(Vec<String>),
    /// Build the release.
    Dist(DistOptions),
    /// Write generated files.
    Gen,
    /// Print [`HELP`].
    Help,
}

/// Options of `dist` as typed.
#[derive(Debug, Default)]
pub(crate) struct DistOptions {
    manifests_only: bool,
    arches: Vec<Arch>,
    out: Option<PathBuf>,
}

impl DistOptions {
    /// Fills in what was not said: the machine we run on, and `dist/`.
    pub(crate) fn resolve(self, root: &Path) -> dist::Options {
        let native = || Arch::native().into_iter().collect();
        dist::Options {
            arches: if self.arches.is_empty() {
                native()
            } else {
                self.arches
            },
            manifests_only: self.manifests_only,
            out: self.out.unwrap_or_else(|| dist::default_out(root)),
        }
    }
}

impl Command {
    /// The word that was typed.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Up(_) => "up",
            Self::Test(_) => "test",
            Self::Bench(_) => "bench",
            Self::Check(_) => "check",
            Self::Dist(_) => "dist",
            Self::Gen => "gen",
            Self::Help => "help",
        }
    }
}

/// Reads the command line.
///
/// # Errors
/// When a command or an option is unknown or lacks its value.
pub(crate) fn parse(mut parser: Parser) -> Result<Command> {
    let name = match parser.next()? {
        Some(Value(name)) => name.string()?,
        Some(Long("help") | Short('h')) | None => return Ok(Command::Help),
        Some(other) => return Err(other.unexpected().into()),
    };
    match name.as_str() {
        "up" => up(&mut parser),
        "test" => test(&mut parser),
        "bench" => bench(&mut parser),
        "check" => values(&mut parser).map(Command::Check),
        "dist" => dist(&mut parser),
        "gen" => nothing(&mut parser).map(|()| Command::Gen),
        "help" => Ok(Command::Help),
        _ => bail!("`{name}` is not a command"),
    }
}

fn up(parser: &mut Parser) -> Result<Command> {
    let mut arguments = Vec::new();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("once") => arguments.push("--once".into()),
            Long("proxmox") => arguments.push("--proxmox".into()),
            Long("kubeconfig") => {
                // Made absolute, because the person's folder need not be the one the program runs in.
                let file = std::path::absolute(parser.value()?).context("--kubeconfig")?;
                arguments.extend(["--kubeconfig".into(), file.into_os_string()]);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Command::Up(arguments))
}

fn test(parser: &mut Parser) -> Result<Command> {
    let mut options = test::Options::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("long") => options.long = true,
            Long("vm") => options.vm = true,
            Value(filter) => options.filters.push(filter.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Command::Test(options))
}

fn bench(parser: &mut Parser) -> Result<Command> {
    let what = parser
        .value()
        .context("bench what? say `addr`, `cloud`, `cni` or `pools`")?
        .string()?;
    let rest: Vec<OsString> = parser.raw_args()?.collect();
    match what.as_str() {
        "addr" => {
            let json = rest.iter().any(|argument| argument == "--json");
            Ok(Command::Bench(Bench::Addr {
                json,
                arguments: rest.into_iter().filter(|argument| argument != "--json").collect(),
            }))
        }
        "cloud" => Ok(Command::Bench(Bench::Cloud { arguments: rest })),
        "cni" => Ok(Command::Bench(Bench::Cni { arguments: rest })),
        "pools" => Ok(Command::Bench(Bench::Pools { arguments: rest })),
        _ => bail!("there is no bench `{what}`; say `addr`, `cloud`, `cni` or `pools`"),
    }
}

fn dist(parser: &mut Parser) -> Result<Command> {
    let mut options = DistOptions::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("manifests") => options.manifests_only = true,
            Long("out") => options.out = Some(std::path::absolute(parser.value()?).context("--out")?),
            Long("arch") => {
                for name in parser.value()?.string()?.split(',') {
                    options.arches.push(name.parse()?);
                }
            }
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Command::Dist(options))
}

fn values(parser: &mut Parser) -> Result<Vec<String>> {
    let mut values = Vec::new();
    while let Some(argument) = parser.next()? {
        match argument {
            Value(value) => values.push(value.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(values)
}

fn nothing(parser: &mut Parser) -> Result<()> {
    match parser.next()? {
        None => Ok(()),
        Some(other) => Err(other.unexpected().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Command> {
        parse(Parser::from_args(words))
    }

    #[test]
    fn every_command_of_the_help_is_known() {
        for line in HELP.lines() {
            let word = line.split_whitespace().nth(2).unwrap();
            let words: &[&str] = if word == "bench" { &[word, "addr"] } else { &[word] };
            assert_eq!(read(words).unwrap().name(), word);
        }
    }

    #[test]
    fn unknown_words_are_errors() {
        for words in [
            &["fly"][..],
            &["bench"],
            &["bench", "moon"],
            &["test", "--fast"],
            &["gen", "x"],
            &["--x"],
        ] {
            assert!(read(words).is_err(), "{words:?}");
        }
        assert!(read(&["dist", "--arch", "amd64,vax"]).is_err());
    }

    #[test]
    fn options_reach_their_command() {
        let Command::Test(options) = read(&["test", "--long", "case_1"]).unwrap() else {
            panic!()
        };
        assert!(options.long && !options.vm);
        assert_eq!(options.filters, ["case_1"]);
        let Command::Up(arguments) = read(&["up", "--once", "--kubeconfig", "/k"]).unwrap() else {
            panic!()
        };
        assert_eq!(arguments, ["--once", "--kubeconfig", "/k"]);
        let Command::Up(arguments) = read(&["up", "--proxmox"]).unwrap() else {
            panic!()
        };
        assert_eq!(arguments, ["--proxmox"]);
        let Command::Bench(Bench::Cloud { arguments }) = read(&["bench", "cloud", "--nodes", "5"]).unwrap()
        else {
            panic!()
        };
        assert_eq!(arguments, ["--nodes", "5"]);
        let Command::Bench(Bench::Addr { json, arguments }) =
            read(&["bench", "addr", "--json", "next"]).unwrap()
        else {
            panic!()
        };
        assert!(json);
        assert_eq!(arguments, ["next"]);
        let Command::Dist(options) = read(&["dist", "--manifests", "--arch=arm64"]).unwrap() else {
            panic!()
        };
        let options = options.resolve(Path::new("/w"));
        assert!(options.manifests_only);
        assert_eq!(
            (options.arches, options.out),
            (vec![Arch::Arm64], PathBuf::from("/w/dist"))
        );
    }
}
