//! `cargo xtask test`: every test, against a real control plane.

use std::path::Path;

use anyhow::Result;

use crate::{assets, debian, dist, project, step::Step};

/// What to run.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// Fault tests at full length (`CADASTRE_LONG=1`).
    pub(crate) long: bool,
    /// Tests that need a virtual machine (`CADASTRE_VM=1`).
    pub(crate) vm: bool,
    /// Only tests whose name contains one of these; all when empty.
    pub(crate) filters: Vec<String>,
}

/// Builds the control plane and the tests side by side, then the plugins as they are shipped, and runs the tests.
///
/// # Errors
/// When a build or a test fails.
pub(crate) fn run(root: &Path, options: &Options) -> Result<()> {
    debian::ensure(&[
        debian::CC,
        debian::CNI_PLUGINS,
        debian::DBUS,
        debian::GIT,
        debian::IP,
        debian::MOUNT,
        debian::NETWORK_MANAGER,
        debian::OPENSSL,
        debian::QEMU_GA,
        debian::SETPRIV,
    ])?;
    let folder = assets::ensure_while(|| {
        // Binaries in the same call as the tests: built apart they would get other features and compile twice.
        Step::new("build", "see the compiler's message above").run(project::cargo(root).args([
            "build",
            "--locked",
            "--workspace",
            "--bins",
            "--tests",
        ]))
    })?;
    let plugins = dist::plugins(root)?;
    let mut cargo = project::cargo(root);
    cargo.args(["test", "--locked", "--workspace", "--no-fail-fast"]);
    assets::announce(
        &mut cargo,
        &folder,
        &project::built(root, None, "debug", "cadastre"),
    );
    for (wanted, variable) in [(options.long, "CADASTRE_LONG"), (options.vm, "CADASTRE_VM")] {
        if wanted {
            cargo.env(variable, "1");
        }
    }
    // Built above with everything else: tests of the cluster binary need not do it again.
    cargo.env("CADASTRE_CNI_BUILT", "1");
    if let Some(plugins) = plugins {
        // The tests beside the real plugins (crates/cni/tests/real) run what users get: static, optimised, panic=abort.
        cargo.env("CADASTRE_CNI_BIN", plugins);
    }
    if !options.filters.is_empty() {
        cargo.arg("--").args(&options.filters);
    }
    Step::new(
        "test",
        "see the failures above; run one again with `cargo xtask test NAME`",
    )
    .run(&mut cargo)
}
