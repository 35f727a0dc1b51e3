//! What the binary does under any other name than that of a plugin: commands of a person, and the installation.
//!
//! | question | module |
//! |---|---|
//! | what was typed | [`args`] |
//! | what is on this node: reservations, who holds them, what is free | [`survey`], [`state`], [`known`], [`evidence`] |
//! | what is wrong with it. Pure | [`findings`] |
//! | one command each | [`list`], [`show`], [`check`], [`release`], [`gc`], [`metrics`], [`install`] |
//! | how it is printed | [`table`], [`render`] |
//!
//! Exit codes: 0 done; 1 the answer is no; 2 the question could not be answered.

mod args;
mod check;
mod evidence;
mod findings;
mod gc;
mod install;
mod known;
mod list;
mod metrics;
mod output;
mod release;
mod render;
mod show;
mod state;
mod survey;
mod table;

use std::ffi::OsString;
use std::process::ExitCode;

use args::Fail;

const HELP: &str = "\
cadastre-cni: CNI IPAM plugins in one binary

Called as host-local, kube-node or node-annotation it is that plugin (CNI 0.1.0 to 1.1.0):
environment and network configuration in, one JSON document out. Links and copies of the binary do.

Usage: cadastre-cni cni COMMAND
       cadastre-cni [--help | --version]
";

const COMMANDS: &str = "\
Addresses of pods on this node, as the CNI IPAM plugins keep them

Commands:
  list       what is reserved, by whom, since when; what is free
  show       everything about an address or a container
  check      leaks, torn files, duplicates, full ranges; changes nothing
  release    gives one address back, or all of a container
  gc         gives back what belongs to no sandbox any more
  metrics    what is used and free, for the textfile collector of the Prometheus node exporter
  install    puts the plugins into a CNI directory
  uninstall  takes them out again

Options of list, show, check, release, gc and metrics:
  --data-dir DIR   where networks keep their reservations; may be repeated. Default: /var/lib/cni/networks
                   and every dataDir named in --conf-dir
  --conf-dir DIR   network configurations, for ranges and data directories. Default: /etc/cni/net.d
  --network NAME   this network alone
  -o table|json    how to print; not for metrics. Default: table
  --yes            release: do not ask
  --dry-run        gc: change nothing
  --before-boot    gc: also what was written before this machine's last start, by its clock
  --file FILE      metrics: write them there, in one step, such as to /var/lib/node_exporter/cadastre.prom

Options of install and uninstall:
  --dir DIR              the CNI directory, such as /opt/cni/bin
  --names A,B            install: some of host-local,kube-node,node-annotation. Default: all
  --replace-host-local   install: also replace the host-local of somebody else, and keep it aside
  --kubeconfig FILE      install: write a kubeconfig for the plugins, made from this pod's service account;
                         uninstall: remove it
  --server URL           install: the API server in that kubeconfig. Default: the cluster's service address
  --service-account DIR  install: where the token is. Default: /var/run/secrets/kubernetes.io/serviceaccount
  --stay                 install: stay, put back what vanishes, renew the token
";

/// Which binary this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// `cadastre-cni`, which is also the plugins.
    Plugins,
    /// `cadastre`; the plugins are in the file `cadastre-cni` beside it.
    Cluster,
}

/// Runs the command line of `cadastre-cni` after the program's name.
#[must_use]
pub fn run(args: &[OsString]) -> ExitCode {
    match args.split_first().map(|(first, rest)| (first.to_str(), rest)) {
        None => refuse("cadastre-cni", "name what to do"),
        Some((Some("-h" | "--help" | "help"), _)) => output::finish(HELP),
        Some((Some("-V" | "--version" | "version"), _)) => {
            output::finish(concat!("cadastre-cni ", env!("CARGO_PKG_VERSION"), "\n"))
        }
        Some((Some("cni"), rest)) => people("cadastre-cni cni", Binary::Plugins, rest),
        Some((first, _)) => refuse("cadastre-cni", &no_command(first)),
    }
}

/// Runs `cni COMMAND …` of either binary: `args` are those after `cni`, `program` is what stood before them.
#[must_use]
pub fn people(program: &str, binary: Binary, args: &[OsString]) -> ExitCode {
    let Some((command, rest)) = args.split_first() else {
        return refuse(program, "name a command");
    };
    let result = match command.to_str() {
        Some("-h" | "--help" | "help") => return output::finish(&help(program)),
        _ if rest.iter().any(|arg| arg == "--help" || arg == "-h") => return output::finish(&help(program)),
        Some("list" | "ls") => list::run(rest),
        Some("show") => show::run(rest),
        Some("check") => check::run(rest),
        Some("release") => release::run(rest),
        Some("gc") => gc::run(rest),
        Some("metrics") => metrics::run(rest),
        Some("install") => install::install(binary, rest),
        Some("uninstall") => install::uninstall(rest),
        other => return refuse(program, &no_command(other)),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(Fail { code, text }) => {
            crate::protocol::warn(&format!(
                "{}: {text}",
                program.split(' ').next().unwrap_or(program)
            ));
            ExitCode::from(code)
        }
    }
}

fn help(program: &str) -> String {
    format!("{COMMANDS}\nUsage: {program} COMMAND [OPTIONS]\n")
}

fn no_command(written: Option<&str>) -> String {
    format!("there is no command {:?}", written.unwrap_or("that is not UTF-8"))
}

/// Status 2, as for any question that cannot be answered.
fn refuse(program: &str, why: &str) -> ExitCode {
    crate::protocol::warn(&format!("{program}: {why}; see {program} --help"));
    ExitCode::from(args::UNKNOWN)
}
