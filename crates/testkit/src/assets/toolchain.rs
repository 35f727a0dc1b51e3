//! The pinned Go tool chain, fetched as a module by an older Go.
//!
//! Go 1.21 and later do this by themselves; a distribution's older package (Debian 12 has 1.19) can still download the
//! module, only not switch to it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{go::output, step, tools};

/// Fetches the tool chain that `tools/control-plane/go.mod` pins, with any older `go`. Returns its `go`.
pub(super) fn fetch(old: &Path, progress: &mut dyn FnMut(&str)) -> Result<PathBuf> {
    let go_mod = tools().join("control-plane/go.mod");
    let text = fs::read_to_string(&go_mod).with_context(|| format!("cannot read {}", go_mod.display()))?;
    let pinned = text
        .lines()
        .find_map(|line| line.strip_prefix("toolchain "))
        .map(str::trim)
        .context("tools/control-plane/go.mod has no toolchain line")?;
    let module = format!("golang.org/toolchain@v0.0.1-{pinned}.linux-{}", architecture());
    let mut fetch = Command::new(old);
    fetch
        .current_dir("/")
        .env("GOWORK", "off")
        .env("GOFLAGS", "")
        .args(["mod", "download"])
        .arg(&module);
    let log = std::env::temp_dir().join(format!("cadastre-toolchain-{}.log", std::process::id()));
    let fetched = step::run(
        &fetch,
        &format!("fetching the Go tool chain {pinned}"),
        &log,
        progress,
    );
    let _ = fs::remove_file(&log);
    fetched?;
    let cache = output(old, Path::new("/"), &["env", "GOMODCACHE"])?;
    let root = PathBuf::from(cache).join(&module);
    // Module archives carry no permissions.
    make_executable(&root.join("bin"))?;
    make_executable(&root.join("pkg/tool"))?;
    Ok(root.join("bin/go"))
}

/// As Go names it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn make_executable(folder: &Path) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            make_executable(&path)?;
        } else {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o555))
                .with_context(|| format!("cannot make {} executable", path.display()))?;
        }
    }
    Ok(())
}
