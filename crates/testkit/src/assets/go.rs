//! Building from the pinned Go modules.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::cache::Slot;
use super::{step, toolchain, tools};

/// A program of the module `tools/control-plane`.
pub(super) struct Program {
    name: &'static str,
    package: &'static str,
    /// The module whose version in `go.mod` is the program's.
    module: &'static str,
    /// Minutes of two idle cores, for the person who waits.
    minutes: u32,
}

pub(super) const ETCD: Program = Program {
    name: "etcd",
    package: "go.etcd.io/etcd/server/v3",
    module: "go.etcd.io/etcd/server/v3",
    minutes: 1,
};
pub(super) const APISERVER: Program = Program {
    name: "kube-apiserver",
    package: "k8s.io/kubernetes/cmd/kube-apiserver",
    module: "k8s.io/kubernetes",
    minutes: 4,
};
pub(super) const CONTROLLER_MANAGER: Program = Program {
    name: "kube-controller-manager",
    package: "k8s.io/kubernetes/cmd/kube-controller-manager",
    module: "k8s.io/kubernetes",
    minutes: 2,
};

/// Builds `program` into the slot, whose lock the caller holds. Does nothing when it is there already.
pub(super) fn build(slot: &Slot, program: &Program, progress: &mut dyn FnMut(&str)) -> Result<()> {
    if slot.dir().join(program.name).is_file() {
        return Ok(());
    }
    let pins = tools().join("control-plane");
    let go_mod = pins.join("go.mod");
    let text = fs::read_to_string(&go_mod).with_context(|| format!("cannot read {}", go_mod.display()))?;
    let version = required_version(&text, program.module)
        .with_context(|| format!("{} does not require {}", go_mod.display(), program.module))?;
    let kubernetes = required_version(&text, APISERVER.module).unwrap_or(version);
    let what = format!(
        "building {} {version} (about {} min, once)",
        program.name, program.minutes
    );
    let mut go = build_command(&pins, &link_flags(kubernetes), progress)?;
    go.arg("-o").arg(slot.draft(program.name)).arg(program.package);
    step::run(
        &go,
        &what,
        &slot.dir().join(format!("{}.log", program.name)),
        progress,
    )?;
    slot.publish(program.name)
}

/// `go build` in the module `pins`, without what to build and where to put it.
pub(super) fn build_command(
    pins: &Path,
    link_flags: &str,
    progress: &mut dyn FnMut(&str),
) -> Result<Command> {
    let mut go = Command::new(find(pins, progress)?);
    go.current_dir(pins).env("CGO_ENABLED", "0").env("GOWORK", "off");
    go.args([
        "build",
        "-mod=readonly",
        "-trimpath",
        "-buildvcs=false",
        "-ldflags",
        link_flags,
    ]);
    Ok(go)
}

/// Fetches `module@version`, checked against the `go.sum` of `pins`, and returns its folder.
pub(super) fn download(
    pins: &Path,
    module: &str,
    version: &str,
    log: &Path,
    progress: &mut dyn FnMut(&str),
) -> Result<PathBuf> {
    let go = find(pins, progress)?;
    let mut fetch = Command::new(&go);
    fetch
        .current_dir(pins)
        .env("GOWORK", "off")
        .env("GOFLAGS", "-mod=readonly");
    fetch.args(["mod", "download"]).arg(format!("{module}@{version}"));
    step::run(&fetch, &format!("fetching {module} {version}"), log, progress)?;
    // The module paths we fetch have no upper-case letter, which the module cache would escape.
    Ok(PathBuf::from(output(&go, pins, &["env", "GOMODCACHE"])?).join(format!("{module}@{version}")))
}

/// Strips symbols (half the size) and tells the program its version, which it reports at `/version`.
pub(super) fn link_flags(version: &str) -> String {
    let mut parts = version.trim_start_matches('v').split('.');
    let (major, minor) = (parts.next().unwrap_or("0"), parts.next().unwrap_or("0"));
    let set = "-X k8s.io/component-base/version.git";
    format!("-s -w {set}Version={version} {set}Major={major} {set}Minor={minor}")
}

/// The version a `go.mod` requires of `module`.
pub(super) fn required_version<'a>(go_mod: &'a str, module: &str) -> Option<&'a str> {
    go_mod.lines().find_map(|line| {
        let mut words = line.trim().trim_start_matches("require ").split_whitespace();
        (words.next() == Some(module))
            .then(|| words.next())
            .flatten()
            .filter(|word| word.starts_with('v'))
    })
}

/// The `go` command, installed first where we may do that.
fn find(pins: &Path, progress: &mut dyn FnMut(&str)) -> Result<PathBuf> {
    let go_mod = pins.join("go.mod");
    let text = fs::read_to_string(&go_mod).with_context(|| format!("cannot read {}", go_mod.display()))?;
    let wanted = text
        .lines()
        .find_map(|line| line.strip_prefix("go "))
        .map(str::trim)
        .with_context(|| format!("{} has no go line", go_mod.display()))?;
    if let Some(go) = on_this_machine(wanted) {
        return Ok(go);
    }
    // Any Go will do to fetch the one we pin: tool chains are published as modules.
    if let Some(old) = any_go().or_else(|| install_with_apt(progress).then(any_go).flatten()) {
        return if has_version(&old, wanted) {
            Ok(old)
        } else {
            toolchain::fetch(&old, progress)
        };
    }
    bail!(
        "a program for tests must be built and Go {wanted} or newer was not found; install it (https://go.dev/dl, \
         or the distribution's package golang-go where that is new enough) and have `go` in PATH; for the control plane \
         it is enough to set KUBEBUILDER_ASSETS to a folder with etcd and kube-apiserver"
    );
}

/// A `go` that is new enough, or that fetches a newer tool chain by itself.
fn on_this_machine(wanted: &str) -> Option<PathBuf> {
    candidates().find(|go| has_version(go, wanted) || switches(go))
}

/// Any `go` at all.
fn any_go() -> Option<PathBuf> {
    candidates().find(|go| output(go, Path::new("/"), &["env", "GOVERSION"]).is_ok())
}

/// `/usr/local/go` is where the official archive goes; not everybody has that in PATH.
fn candidates() -> impl Iterator<Item = PathBuf> {
    ["go", "/usr/local/go/bin/go"].into_iter().map(PathBuf::from)
}

fn has_version(go: &Path, wanted: &str) -> bool {
    output(go, Path::new("/"), &["env", "GOVERSION"]).is_ok_and(|version| at_least(&version, wanted))
}

fn switches(go: &Path) -> bool {
    output(go, Path::new("/"), &["env", "GOTOOLCHAIN"])
        .is_ok_and(|mode| mode == "auto" || mode.ends_with("+auto"))
}

/// Whether `found` (`go1.26.8`, `2:1.19~1`) is at least `wanted` (`1.26.0`), by major and minor version.
pub(super) fn at_least(found: &str, wanted: &str) -> bool {
    let pair = |text: &str| {
        let text = text.rsplit(':').next().unwrap_or(text).trim_start_matches("go");
        let mut numbers = text
            .split(|c: char| !c.is_ascii_digit())
            .map(|part| part.parse::<u32>().ok());
        Some((numbers.next()??, numbers.next()??))
    };
    matches!((pair(found), pair(wanted)), (Some(found), Some(wanted)) if found >= wanted)
}

/// Installs `golang-go` where we are root on a Debian, whatever its version. `false` when not.
fn install_with_apt(progress: &mut dyn FnMut(&str)) -> bool {
    let here = Path::new("/");
    let is_root = output(Path::new("id"), here, &["-u"]).is_ok_and(|uid| uid == "0");
    if !is_root || output(Path::new("apt-get"), here, &["--version"]).is_err() {
        return false;
    }
    let mut apt = Command::new("apt-get");
    apt.env("DEBIAN_FRONTEND", "noninteractive");
    apt.args(["install", "--yes", "--no-install-recommends", "golang-go"]);
    let log = std::env::temp_dir().join(format!("cadastre-apt-{}.log", std::process::id()));
    let installed = step::run(&apt, "installing golang-go", &log, progress);
    if let Err(error) = &installed {
        progress(&format!("{error:#}"));
    }
    let _ = fs::remove_file(&log);
    installed.is_ok()
}

/// Standard output of a quick command, trimmed.
pub(super) fn output(program: &Path, dir: &Path, args: &[&str]) -> Result<String> {
    let out = Command::new(program)
        .args(args)
        .current_dir(dir)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", program.display()))?;
    if !out.status.success() {
        bail!("{} {} failed ({})", program.display(), args.join(" "), out.status);
    }
    Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned())
}
