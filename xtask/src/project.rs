//! Where things are: the workspace, the caches, the cargo that runs us.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, anyhow};

/// Version of every crate of the workspace, and so of the release.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The folder that holds the workspace's `Cargo.toml`.
///
/// # Errors
/// When this binary was moved out of the workspace it was built in.
pub(crate) fn root() -> Result<PathBuf> {
    let own = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    let root = own
        .parent()
        .context("xtask has no parent folder; run it as `cargo xtask`")?;
    if !root.join("Cargo.lock").is_file() {
        return Err(anyhow!(
            "{} is not the workspace; run this as `cargo xtask`",
            root.display()
        ));
    }
    Ok(root.to_path_buf())
}

/// The cargo that started us, so that nested builds use the same toolchain.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

/// Folder for tools we install: `$XDG_CACHE_HOME/cadastre/tools`, else `~/.cache/cadastre/tools`.
///
/// # Errors
/// When neither `XDG_CACHE_HOME` nor `HOME` is set.
pub(crate) fn tools_dir() -> Result<PathBuf> {
    let cache = folder_from("XDG_CACHE_HOME")
        .or_else(|| folder_from("HOME").map(|home| home.join(".cache")))
        .context("neither XDG_CACHE_HOME nor HOME is set; set one to say where tools may be kept")?;
    Ok(cache.join("cadastre").join("tools"))
}

/// Where cargo keeps the sources of dependencies: `$CARGO_HOME`, else `~/.cargo`.
///
/// # Errors
/// When neither `CARGO_HOME` nor `HOME` is set.
pub(crate) fn cargo_home() -> Result<PathBuf> {
    folder_from("CARGO_HOME")
        .or_else(|| folder_from("HOME").map(|home| home.join(".cargo")))
        .context("neither CARGO_HOME nor HOME is set; set one to say where cargo keeps its files")
}

/// The absolute path in an environment variable.
fn folder_from(variable: &str) -> Option<PathBuf> {
    env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}

/// Where cargo puts a binary of ours: `target/[triple/]<profile>/<name>`.
pub(crate) fn built(root: &Path, triple: Option<&str>, profile: &str, name: &str) -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
    triple
        .map_or(target.clone(), |triple| target.join(triple))
        .join(profile)
        .join(name)
}

/// The first folder of `PATH` that holds an executable called `program`.
pub(crate) fn which(program: impl AsRef<OsStr>) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|dir| dir.join(program.as_ref()))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_the_workspace() {
        assert!(root().unwrap().join("xtask/Cargo.toml").is_file());
    }

    #[test]
    fn a_target_triple_adds_a_folder() {
        let path = built(
            Path::new("/w"),
            Some("x86_64-unknown-linux-gnu"),
            "release",
            "cadastre",
        );
        assert!(
            path.ends_with("x86_64-unknown-linux-gnu/release/cadastre"),
            "{}",
            path.display()
        );
    }

    #[test]
    fn programs_are_found_on_the_path() {
        assert!(which("sh").is_some());
        assert_eq!(which("no-such-program"), None);
    }
}
