//! The CNI binary of this workspace.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, ensure};

/// `cadastre-cni`, built from the sources as they are now, in the folder of another binary of the same workspace. Cargo
/// builds binaries for the tests of their own package only, and an old one beside would be tested without a word.
///
/// Builds once per process; not at all when `cargo xtask test` says that it just has (`CADASTRE_CNI_BUILT`), for a build
/// of the workspace gives other features to shared dependencies than a build of one package.
///
/// # Errors
/// When it cannot be built.
pub fn beside(binary: &Path) -> Result<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| build(binary).map_err(|error| format!("{error:#}")));
    built.clone().map_err(|error| anyhow!(error))
}

fn build(binary: &Path) -> Result<PathBuf> {
    let profile = binary.parent().context("a binary is in a folder")?;
    let target = profile.parent().context("cargo builds into target/PROFILE")?;
    let name = profile
        .file_name()
        .context("cargo builds into target/PROFILE")?
        .to_string_lossy();
    let name = if name == "debug" { "dev".into() } else { name };
    let built = profile.join("cadastre-cni");
    if env::var_os("CADASTRE_CNI_BUILT").is_some() && built.is_file() {
        return Ok(built);
    }
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .args([
            "build",
            "--locked",
            "--quiet",
            "--package",
            "cni",
            "--bin",
            "cadastre-cni",
        ])
        .args(["--profile", &name, "--target-dir"])
        .arg(target);
    let output = command.output().context("cannot start cargo")?;
    ensure!(
        output.status.success(),
        "cadastre-cni cannot be built: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(built)
}
