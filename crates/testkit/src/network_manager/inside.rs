//! Tests within a host.

use std::any::type_name;
use std::env;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use super::{Host, Options, wait_for};
use crate::process::Process;

/// Tells the second process of a test that it is inside.
const INSIDE: &str = "CADASTRE_INSIDE";

/// How long one test may take inside: NetworkManager starts, and a failing verification alone takes 11 s.
const LIMIT: Duration = Duration::from_secs(180);

/// Runs `work`, and with it the test that calls this, as a process of its own inside a fresh [`Host`].
///
/// The calling test must do nothing but this: outside it only waits for the process, which runs the same test again
/// and gets into `work`. The closure must be written in the test function itself, whose name it tells. It
/// runs on a runtime with two threads.
///
/// # Panics
/// When the host cannot be made, and when the test fails inside; its output is printed.
pub fn inside<W: AsyncFnOnce()>(options: &Options, work: W) {
    if env::var_os(INSIDE).is_none() {
        if let Err(error) = outside(options, &test_of::<W>()) {
            panic!("{error:#}");
        }
        return;
    }
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a process that runs NetworkManager can start two threads")
        .block_on(work());
}

fn outside(options: &Options, test: &str) -> Result<()> {
    let host = Host::new(options)?;
    let folder: TempDir = tempfile::tempdir().context("no temporary folder")?;
    let mut command = host.command(env::current_exe().context("a test is a program")?);
    command
        .args([test, "--exact", "--nocapture", "--include-ignored"])
        .env(INSIDE, test);
    let mut process = Process::spawn(test, command, &folder.path().join("log"))?;
    let status = wait_for("the test inside ends", LIMIT, || Ok(process.exited()))
        .with_context(|| format!("{test} inside of a host:\n{}", process.log()))?;
    let log = process.log();
    if !status.success() || !log.contains("1 passed") {
        bail!("{test} inside of a host ({status}):\n{log}");
    }
    println!("{log}");
    Ok(())
}

/// The name of a test from the type of a closure in it: `binary::module::test::{{closure}}`.
fn test_of<W>() -> String {
    let path = type_name::<W>();
    let within = path.split_once("::").map_or(path, |(_, rest)| rest);
    within.split("::{{closure}}").next().unwrap_or(within).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named<W>(_: W) -> String {
        test_of::<W>()
    }

    #[test]
    fn a_closure_knows_its_test() {
        let test = "network_manager::inside::tests::a_closure_knows_its_test";
        assert_eq!(named(|| ()), test);
        assert_eq!(named(async || ()), test);
    }
}
