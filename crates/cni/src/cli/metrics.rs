//! `cni metrics`: what is used and free, for the textfile collector of the Prometheus node exporter (spec §11.4).

use std::ffi::OsString;
use std::fmt::Write as _;

use super::args::{Args, Fail, Spec};
use super::output;
use super::state::{Held, Life};
use super::survey::{Counted, NetworkView, Survey};
use crate::file::Target;

const SPEC: Spec = Spec {
    values: &["--data-dir", "--conf-dir", "--network", "--file"],
    flags: &[],
    arguments: 0,
};

/// For everybody: the exporter does not run as root.
const MODE: u32 = 0o644;

pub(super) fn run(written: &[OsString]) -> Result<u8, Fail> {
    let args = Args::parse(SPEC, written)?;
    let text = text(&Survey::read(&args)?);
    let Some(path) = args.path("--file") else {
        output::print(&text)?;
        return Ok(0);
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let target = Target {
        path: &path,
        workshop: folder.unwrap_or_else(|| std::path::Path::new(".")),
        mode: MODE,
        durable: false,
    };
    let failed = |e| Fail::unknown(format!("cannot write --file {}: {e}", path.display()));
    target.replace(text.as_bytes()).map_err(failed)?;
    Ok(0)
}

/// The text format 0.0.4: every metric once, with all its samples.
fn text(survey: &Survey) -> String {
    let mut text = String::new();
    let ranges = || {
        let networks = survey.networks.iter();
        networks.flat_map(|network| network.ranges.iter().map(move |range| (network, range)))
    };
    let of_ranges = |value: &dyn Fn(&NetworkView, &Counted) -> Option<String>| -> Vec<Sample> {
        let sample = |(network, range): (&NetworkView, &Counted)| {
            let labels = format!(
                "{},range=\"{}\"",
                labels(network),
                escaped(&range.set.to_string())
            );
            Some((labels, value(network, range)?))
        };
        ranges().filter_map(sample).collect()
    };
    let age = |network: &NetworkView, range: &Counted| {
        let inside = |held: &&Held| range.set.range_of(held.address).is_some();
        let ages = network.held.iter().filter(inside).map(|held| held.age);
        ages.max().map(|age| age.to_string())
    };
    let metrics = [
        (
            "cadastre_cni_range_addresses",
            "Addresses that may be handed out.",
            of_ranges(&|_, range| Some(range.total.to_string())),
        ),
        (
            "cadastre_cni_range_used_addresses",
            "Addresses that are taken.",
            of_ranges(&|_, range| Some((range.total - range.free).to_string())),
        ),
        (
            "cadastre_cni_range_free_addresses",
            "Addresses that are not taken.",
            of_ranges(&|_, range| Some(range.free.to_string())),
        ),
        (
            "cadastre_cni_range_oldest_reservation_seconds",
            "Time since the oldest reservation was made.",
            of_ranges(&age),
        ),
        (
            "cadastre_cni_reservations",
            "Reservations by what has become of their sandbox.",
            survey.networks.iter().flat_map(by_sandbox).collect(),
        ),
    ];
    for (name, help, samples) in metrics {
        add(&mut text, name, help, &samples);
    }
    text
}

/// Labels and a value.
type Sample = (String, String);

fn by_sandbox(network: &NetworkView) -> impl Iterator<Item = Sample> + '_ {
    let count = |word: &str| {
        let same = |held: &&Held| held.life.word() == word;
        network.held.iter().filter(same).count()
    };
    Life::WORDS.iter().map(move |word| {
        (
            format!("{},sandbox=\"{word}\"", labels(network)),
            count(word).to_string(),
        )
    })
}

fn labels(network: &NetworkView) -> String {
    let folder = network.data_dir.to_string_lossy();
    format!(
        "network=\"{}\",data_dir=\"{}\"",
        escaped(&network.name),
        escaped(&folder)
    )
}

fn add(text: &mut String, name: &str, help: &str, samples: &[Sample]) {
    // Writing to a String cannot fail.
    let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n");
    for (labels, value) in samples {
        let _ = writeln!(text, "{name}{{{labels}}} {value}");
    }
}

/// As the value of a label is written.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
