//! The command line.

use std::time::Duration;

use anyhow::{Context, Result, bail};

pub(crate) const USAGE: &str = "\
usage: cargo xtask bench cloud [--nodes N[,N]] [--latency MS] [--no-node-ip] [--quick] [--json]
  --nodes N[,N]  numbers of Nodes (default 20,1000,5000; with --quick 20,200)
  --latency MS   how long Proxmox VE takes for every answer (default 20)
  --no-node-ip   kubelets of mode qemu know no --node-ip: every address is one more write to the API server
  --quick        small, and short pauses
  --json         print one JSON object on the last line";

/// VM numbers are below 10,000,000 and addresses are taken from a /9.
const MOST: usize = 100_000;

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Arguments {
    /// Numbers of Nodes, one pair of runs each.
    pub(crate) nodes: Vec<usize>,
    /// How long Proxmox VE takes for every answer.
    pub(crate) latency: Duration,
    /// Whether kubelets were told their address, also in mode qemu.
    pub(crate) node_ip: bool,
    /// How long the process stands idle before its memory is read.
    pub(crate) idle: Duration,
    /// Time between two looks at a Node while a pass is measured.
    pub(crate) period: Duration,
    /// Whether machines read the result, too.
    pub(crate) json: bool,
}

impl Arguments {
    /// Reads the command line; `None` when only help is wanted.
    ///
    /// # Errors
    /// When an argument is unknown or lacks its value.
    pub(crate) fn parse(args: impl IntoIterator<Item = String>) -> Result<Option<Self>> {
        let (mut nodes, mut latency) = (Vec::new(), 20);
        let (mut node_ip, mut quick, mut json) = (true, false, false);
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--nodes" => nodes.extend(numbers(&args.next().context("--nodes needs a number")?)?),
                "--latency" => {
                    let value = args.next().context("--latency needs a number")?;
                    latency = value
                        .parse()
                        .with_context(|| format!("--latency {value} is no number of milliseconds"))?;
                }
                "--no-node-ip" => node_ip = false,
                "--quick" => quick = true,
                "--json" => json = true,
                "--help" | "-h" => return Ok(None),
                other => bail!("unknown argument {other}\n{USAGE}"),
            }
        }
        if nodes.is_empty() {
            nodes = if quick {
                vec![20, 200]
            } else {
                vec![20, 1_000, 5_000]
            };
        }
        Ok(Some(Self {
            nodes,
            latency: Duration::from_millis(latency),
            node_ip,
            idle: Duration::from_secs(if quick { 10 } else { 60 }),
            period: Duration::from_secs(if quick { 10 } else { 30 }),
            json,
        }))
    }
}

fn numbers(list: &str) -> Result<Vec<usize>> {
    let number = |text: &str| {
        let number = text.parse().ok().filter(|number| (1..=MOST).contains(number));
        number.with_context(|| format!("--nodes {text}: not a number from 1 to {MOST}"))
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
        assert!(parse("--help").unwrap().is_none());
    }

    #[test]
    fn mistakes_are_errors() {
        for line in [
            "--nodes",
            "--nodes 0",
            "--nodes 1,x",
            "--latency fast",
            "--claims 3",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
