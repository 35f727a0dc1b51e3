//! `cargo xtask bench cni`: the CNI binary next to the real `host-local`, in the same run and in turns (spec cni-ipam
//! §10.3). The targets are those of §10.1.

mod counts;
mod driver;
mod kube_node;
mod native;
mod near_full;
mod place;
mod report;
mod server;
mod stats;
mod table;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::json;
use testkit::cni::{PluginDir, reference};

use crate::place::{Place, Programs};
use crate::report::Report;

const USAGE: &str = "\
usage: cargo xtask bench cni [--quick] [--kills N] [--json]
  --quick    a tenth of the runs, for a first look
  --kills N  length of the kill loop (default 10000, with --quick 500)
  --json     print one JSON object on the last line";

#[derive(Debug)]
struct Arguments {
    quick: bool,
    kills: Option<usize>,
    json: bool,
}

impl Arguments {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Option<Self>> {
        let mut read = Self {
            quick: false,
            kills: None,
            json: false,
        };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => read.quick = true,
                "--json" => read.json = true,
                "--kills" => {
                    let number = words.next().and_then(|number| number.parse().ok());
                    read.kills = Some(number.context("--kills needs a number")?);
                }
                "--help" | "-h" => return Ok(None),
                other => bail!("unknown argument {other}\n{USAGE}"),
            }
        }
        Ok(Some(read))
    }

    /// A tenth of this when in a hurry.
    const fn runs(&self, usual: usize) -> usize {
        if self.quick { usual.div_ceil(10) } else { usual }
    }
}

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1).peekable();
    let outcome = if words.next_if(|word| word == driver::RSS_WORD).is_some() {
        words
            .next()
            .context("no program")
            .and_then(|program| driver::print_peak_memory(Path::new(&program)))
    } else {
        Arguments::read(words).and_then(|arguments| match arguments {
            Some(arguments) => bench(&arguments),
            None => {
                println!("{USAGE}");
                Ok(())
            }
        })
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn bench(arguments: &Arguments) -> Result<()> {
    let binary = std::env::var_os("CADASTRE_CNI_BIN")
        .context("CADASTRE_CNI_BIN is not set; run cargo xtask bench cni")?;
    let binary = Path::new(&binary);
    let plugins = PluginDir::new(&[("host-local", binary), ("kube-node", binary)])?;
    let programs = Programs {
        reference: reference("host-local")?,
        ours: plugins.plugin("host-local"),
        kube_node: plugins.plugin("kube-node"),
    };
    table::head();
    let memory = measure(Place::Memory, &programs, arguments)?;
    let disk = measure(Place::Disk, &programs, arguments)?;
    let system_calls = counts::system_calls(Place::Memory, &programs)?;
    let kills = arguments
        .kills
        .unwrap_or(if arguments.quick { 500 } else { 10_000 });
    let killed = counts::kills(Place::Memory, &programs, kills)?;
    print!("{}", memory.against_targets(Place::Memory));
    print!("{}", disk.against_targets(Place::Disk));
    if arguments.json {
        let mut object = memory.json();
        object["disk"] = disk.json();
        object["system_calls"] = system_calls;
        object["kills"] = json!({
            "killed": killed.killed,
            "halfway": killed.halfway,
            "duplicates": killed.duplicates.len(),
            "torn": killed.torn.len(),
            "lost": killed.lost.len(),
            "left": killed.left.len(),
        });
        println!("{object}");
    }
    Ok(())
}

/// Everything that is a matter of time or memory, on one kind of file system.
fn measure(place: Place, programs: &Programs, arguments: &Arguments) -> Result<Report> {
    let one = json!([[{"subnet": "10.0.0.0/22"}]]);
    let six = json!([[{"subnet": "fd00::/64"}]]);
    let both = json!([[{"subnet": "10.0.0.0/22"}], [{"subnet": "fd00::/64"}]]);
    let (floor, adds) = native::adds(place, programs, arguments.runs(300))?;
    let thousand = native::many(place, programs, "(b) /22", &one, arguments.runs(1_000))?;
    let (parallel_ratio, parallel_p99) = native::parallel(place, programs, arguments.runs(30).div_ceil(10))?;
    let near_full = near_full::near_full(place, programs, arguments.runs(20).max(5), arguments.runs(3))?;
    let six = native::many(place, programs, "(e) IPv6 /64", &six, arguments.runs(1_000))?;
    native::many(place, programs, "(f) dual stack", &both, arguments.runs(500))?;
    let kube_node = kube_node::kube_node(place, programs, arguments.runs(200))?;
    let [reference_memory, our_memory] = counts::memory(place, programs)?;
    Ok(Report {
        add_p50: adds[1].wall(0.5),
        floor_p50: floor.wall(0.5),
        cpu_ratio: adds[0].cpu(0.5) / adds[1].cpu(0.5),
        thousand_seconds: thousand[1].total() / 1e3,
        thousand_ratio: thousand[0].total() / thousand[1].total(),
        thousand_growth: growth(&thousand[1]),
        six_ratio: six[1].total() / thousand[1].total(),
        parallel_ratio,
        parallel_p99,
        near_full,
        memory: our_memory,
        reference_memory,
        kube_node,
    })
}

/// What the last ADDs cost in CPU time, as a multiple of the first: wall time would follow how busy the machine is.
fn growth(adds: &stats::Series) -> f64 {
    let some = (adds.len() / 2).min(50);
    adds.part(adds.len() - some, some).cpu(0.5) / adds.part(0, some).cpu(0.5)
}
