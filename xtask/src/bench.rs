//! `cargo xtask bench`: measurements, as a table for people and as one JSON object for machines.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::{assets, debian, dist, project, step::Step, up::become_program};

/// What to measure.
#[derive(Debug)]
pub(crate) enum Bench {
    /// The address sets, with criterion.
    Addr {
        /// Print one JSON object on the last line.
        json: bool,
        /// Passed to criterion, for example a filter.
        arguments: Vec<OsString>,
    },
    /// The cloud controller, against its targets and the original's measured figures.
    Cloud {
        /// Passed to the test kit's program `bench-cloud`.
        arguments: Vec<OsString>,
    },
    /// The CNI binary, against the reference `host-local`.
    Cni {
        /// Passed to the test kit's program `bench-cni`.
        arguments: Vec<OsString>,
    },
    /// The controller, against a real API server and against the bare limit of that server.
    Pools {
        /// Passed to the test kit's program `bench-pools`.
        arguments: Vec<OsString>,
    },
}

/// Runs one bench.
///
/// # Errors
/// When something cannot be built or the bench fails.
pub(crate) fn run(root: &Path, bench: &Bench) -> Result<()> {
    debian::ensure(&[debian::CC])?;
    match bench {
        Bench::Addr { json, arguments } => addr(root, *json, arguments),
        Bench::Cni { arguments } => cni(root, arguments),
        Bench::Cloud { arguments } => against_server(root, "bench-cloud", arguments),
        Bench::Pools { arguments } => against_server(root, "bench-pools", arguments),
    }
}

/// Builds the binary as it is shipped, static and by itself, and the bench beside it.
fn cni(root: &Path, arguments: &[OsString]) -> Result<()> {
    debian::ensure(&[debian::CNI_PLUGINS, debian::STRACE])?;
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let mut plugin = project::cargo(root);
    // With `--target`, or the flag would reach the procedural macros, which cannot be static.
    plugin.env("RUSTFLAGS", "-C target-feature=+crt-static");
    plugin.args([
        "build",
        "--locked",
        "--profile",
        "cni",
        "--target",
        &triple,
        "--package",
        "cni",
    ]);
    Step::new("build cadastre-cni", "see the compiler's message above").run(&mut plugin)?;
    let mut bench = project::cargo(root);
    // Without the cluster: the bench must be a small process, it starts others.
    bench.args([
        "build",
        "--locked",
        "--release",
        "--package",
        "testkit",
        "--bin",
        "bench-cni",
    ]);
    bench.args(["--no-default-features", "--features", "cni"]);
    Step::new("build bench-cni", "see the compiler's message above").run(&mut bench)?;
    let mut program = Command::new(project::built(root, None, "release", "bench-cni"));
    program.env(
        "CADASTRE_CNI_BIN",
        project::built(root, Some(&triple), "cni", "cadastre-cni"),
    );
    become_program(program.current_dir(root).args(arguments))
}

/// Builds `cadastre` as it is shipped, static, and a bench that starts it over a control plane.
fn against_server(root: &Path, bench: &'static str, arguments: &[OsString]) -> Result<()> {
    let mut built = None;
    let folder = assets::ensure_while(|| {
        built = dist::measured(root, bench)?;
        Ok(())
    })?;
    let (measured, bench) =
        built.context("nothing is released for this machine; use an amd64 or arm64 one")?;
    let mut program = Command::new(bench);
    assets::announce(&mut program, &folder, &measured);
    become_program(program.current_dir(root).args(arguments))
}

fn addr(root: &Path, json: bool, arguments: &[OsString]) -> Result<()> {
    let started = SystemTime::now();
    let mut cargo = project::cargo(root);
    cargo.args(["bench", "--locked", "--package", "addr", "--benches"]);
    if json {
        // Criterion's own report goes to standard output; keep that for ours.
        let text = Step::new("bench", "see the message above").output(cargo.arg("--").args(arguments))?;
        eprint!("{text}");
    } else {
        Step::new("bench", "see the message above").run(cargo.arg("--").args(arguments))?;
    }
    let medians = medians(&project::built(root, None, "criterion", ""), started)?;
    if medians.is_empty() {
        bail!("no bench ran; check the filter");
    }
    let width = medians.keys().map(String::len).max().unwrap_or(0);
    for (name, nanoseconds) in &medians {
        println!("{name:width$}  {:>14}", readable(*nanoseconds));
    }
    if json {
        let rounded: BTreeMap<_, _> = medians
            .iter()
            .map(|(name, value)| {
                (
                    format!("{}_ns", stable(name)),
                    json!((value * 10.0).round() / 10.0),
                )
            })
            .collect();
        println!("{}", json!(rounded));
    }
    Ok(())
}

/// Median nanoseconds per iteration of every criterion bench measured since `since`, by full name.
fn medians(dir: &Path, since: SystemTime) -> Result<BTreeMap<String, f64>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            }
        }
        let estimates = folder.join("estimates.json");
        if folder.ends_with("new") && changed_since(&estimates, since) {
            let name = read(&folder.join("benchmark.json"))?["full_id"]
                .as_str()
                .context("no full_id")?
                .to_owned();
            let median = read(&estimates)?["median"]["point_estimate"]
                .as_f64()
                .context("no median")?;
            found.insert(name, median);
        }
    }
    Ok(found)
}

fn changed_since(file: &PathBuf, since: SystemTime) -> bool {
    fs::metadata(file)
        .and_then(|metadata| metadata.modified())
        .is_ok_and(|time| time >= since)
}

fn read(file: &Path) -> Result<Value> {
    let text = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is not JSON", file.display()))
}

/// A bench's name as a JSON key: lower case, words joined by single underscores.
fn stable(name: &str) -> String {
    let lower = name.to_lowercase();
    let words = lower
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("_")
}

fn readable(nanoseconds: f64) -> String {
    match nanoseconds {
        n if n < 1e3 => format!("{n:.1} ns"),
        n if n < 1e6 => format!("{:.2} µs", n / 1e3),
        n if n < 1e9 => format!("{:.2} ms", n / 1e6),
        n => format!("{:.3} s", n / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn medians_come_from_this_run_only() {
        let dir = tempfile::tempdir().unwrap();
        let new = dir.path().join("set/next/new");
        fs::create_dir_all(&new).unwrap();
        fs::write(new.join("benchmark.json"), r#"{"full_id": "set/next"}"#).unwrap();
        fs::write(
            new.join("estimates.json"),
            r#"{"median": {"point_estimate": 812.5}}"#,
        )
        .unwrap();
        let found = medians(dir.path(), SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(found, BTreeMap::from([("set/next".to_owned(), 812.5)]));
        let later = SystemTime::now() + Duration::from_secs(3600);
        assert!(medians(dir.path(), later).unwrap().is_empty());
    }

    #[test]
    fn names_become_keys() {
        assert_eq!(
            stable("release, anywhere/IPv4/dense"),
            "release_anywhere_ipv4_dense"
        );
    }

    #[test]
    fn times_have_a_unit_that_fits() {
        for (nanoseconds, text) in [
            (812.5, "812.5 ns"),
            (1_500.0, "1.50 µs"),
            (2.5e6, "2.50 ms"),
            (9e8, "900.00 ms"),
        ] {
            assert_eq!(readable(nanoseconds), text);
        }
    }
}
