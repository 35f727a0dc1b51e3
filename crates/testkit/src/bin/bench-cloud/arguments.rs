//! The command line.

use std::time::Duration;

use anyhow::{Context, Result, bail};

pub(crate) const USAGE: &str = "\
usage: cargo xtask bench cloud [--nodes N[,N]] [--latency MS[,MS]] [--repeat N] [--faults] [--full] [--no-node-ip]
                               [--quick] [--json]
  --nodes N[,N]     numbers of Nodes (default 20,1000,5000; with --quick 20,200)
  --latency MS[,MS] how long Proxmox VE takes for every answer (default 20)
  --repeat N        runs of each kind, of which the medians count (default 1)
  --faults          also with 1,000 Nodes (--quick: 200): hung hosts, a region down, misnamed Nodes, machines on the move,
                    guests that fail
  --faults-only     nothing else but these
  --full            everything: --latency 5,20,100 --repeat 5 --faults; takes about six hours
  --no-node-ip      kubelets of mode qemu know no --node-ip: every address is one more write to the API server
  --quick           small, and short pauses
  --json            print one JSON object on the last line";

/// VM numbers are below 10,000,000 and addresses are taken from a /9.
const MOST_NODES: usize = 100_000;
/// A minute per answer; all limits of the controller are shorter.
const MOST_LATENCY: usize = 60_000;
/// More repetitions tell nothing new.
const MOST_REPEATED: usize = 100;

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Arguments {
    /// Numbers of Nodes, one pair of runs each; empty when only faults are wanted.
    pub(crate) nodes: Vec<usize>,
    /// How long Proxmox VE takes for every answer.
    pub(crate) latencies: Vec<Duration>,
    /// Runs of each kind.
    pub(crate) repeat: usize,
    /// Number of Nodes of the runs under faults.
    pub(crate) faults: Option<usize>,
    /// Whether kubelets were told their address, also in mode qemu.
    pub(crate) node_ip: bool,
    /// How long the process stands idle before its memory is read.
    pub(crate) idle: Duration,
    /// Time between two looks at a Node while a pass is measured.
    pub(crate) period: Duration,
    /// Whether machines read the result, too.
    pub(crate) json: bool,
}

/// The command line as it is written.
#[derive(Default)]
struct Words {
    nodes: Vec<usize>,
    latencies: Vec<usize>,
    repeat: Option<usize>,
    faults: bool,
    faults_only: bool,
    full: bool,
    no_node_ip: bool,
    quick: bool,
    json: bool,
}

impl Arguments {
    /// Reads the command line; `None` when only help is wanted.
    ///
    /// # Errors
    /// When an argument is unknown or lacks its value.
    pub(crate) fn parse(args: impl IntoIterator<Item = String>) -> Result<Option<Self>> {
        let mut words = Words::default();
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            let mut list = |most| numbers(&arg, args.next(), most);
            match arg.as_str() {
                "--nodes" => words.nodes.extend(list(MOST_NODES)?),
                "--latency" => words.latencies.extend(list(MOST_LATENCY)?),
                "--repeat" => words.repeat = list(MOST_REPEATED)?.last().copied(),
                "--faults" => words.faults = true,
                "--faults-only" => words.faults_only = true,
                "--full" => words.full = true,
                "--no-node-ip" => words.no_node_ip = true,
                "--quick" => words.quick = true,
                "--json" => words.json = true,
                "--help" | "-h" => return Ok(None),
                other => bail!("unknown argument {other}\n{USAGE}"),
            }
        }
        Ok(Some(words.mean()))
    }
}

impl Words {
    fn mean(self) -> Arguments {
        let seconds = |short, long| Duration::from_secs(if self.quick { short } else { long });
        let sizes = match self.nodes {
            _ if self.faults_only => Vec::new(),
            nodes if !nodes.is_empty() => nodes,
            _ if self.quick => vec![20, 200],
            _ => vec![20, 1_000, 5_000],
        };
        let latencies = match self.latencies {
            latencies if !latencies.is_empty() => latencies,
            _ if self.full => vec![5, 20, 100],
            _ => vec![20],
        };
        let faults = self.faults || self.faults_only || self.full;
        Arguments {
            nodes: sizes,
            latencies: latencies
                .into_iter()
                .map(|millis| Duration::from_millis(millis as u64))
                .collect(),
            repeat: self.repeat.unwrap_or(if self.full { 5 } else { 1 }),
            faults: faults.then_some(if self.quick { 200 } else { 1_000 }),
            node_ip: !self.no_node_ip,
            idle: seconds(10, 60),
            period: seconds(10, 30),
            json: self.json,
        }
    }
}

/// The numbers of one argument, separated by commas.
fn numbers(name: &str, list: Option<String>, most: usize) -> Result<Vec<usize>> {
    let list = list.with_context(|| format!("{name} needs a number"))?;
    let number = |text: &str| {
        let number = text.parse().ok().filter(|number| (1..=most).contains(number));
        number.with_context(|| format!("{name} {text}: not a number from 1 to {most}"))
    };
    list.split(',').map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Arguments>> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn sizes_are_lists_and_have_defaults() {
        let sizes = |line| parse(line).unwrap().unwrap().nodes;
        assert_eq!(sizes(""), [20, 1_000, 5_000]);
        assert_eq!(sizes("--quick"), [20, 200]);
        assert_eq!(sizes("--quick --nodes 5,7 --nodes 9"), [5, 7, 9]);
        assert!(sizes("--faults-only --nodes 5").is_empty());
        assert!(parse("--help").unwrap().is_none());
    }

    #[test]
    fn the_full_bench_is_that_of_the_specification() {
        let read = |line| {
            let read = parse(line).unwrap().unwrap();
            let latencies: Vec<u128> = read.latencies.iter().map(Duration::as_millis).collect();
            (latencies, read.repeat, read.faults)
        };
        assert_eq!(read("--full"), (vec![5, 20, 100], 5, Some(1_000)));
        assert_eq!(
            read("--full --repeat 2 --latency 7 --quick"),
            (vec![7], 2, Some(200))
        );
        assert_eq!(read(""), (vec![20], 1, None));
    }

    #[test]
    fn mistakes_are_errors() {
        for line in [
            "--nodes",
            "--nodes 0",
            "--nodes 1,x",
            "--latency fast",
            "--latency 60001",
            "--repeat 0",
            "--claims 3",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
