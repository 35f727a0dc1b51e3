//! A `helm` to render the chart with: that of the machine, or one built from the Go module pinned in `tools/helm`
//! (about two minutes on two idle cores, once).

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

const MODULE: &str = "helm.sh/helm/v4";
/// The first that shows the notes of a chart without a cluster. The chart itself is for helm 3, too.
const OLDEST: u32 = 4;

/// What helm said: standard output, or else standard error.
pub(crate) fn run(args: &[&str], input: &str) -> Result<String, String> {
    let dir = tempfile::tempdir().unwrap();
    let values = dir.path().join("values.yaml");
    fs::write(&values, input).unwrap();
    let out = Command::new(find())
        .args(args)
        .arg("--values")
        .arg(&values)
        // Neither a cluster nor repositories of whoever runs this.
        .env("KUBECONFIG", dir.path().join("none"))
        .env("HOME", dir.path())
        .env_remove("KUBERNETES_SERVICE_HOST")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if out.status.success() {
        Ok(text(&out.stdout))
    } else {
        Err(text(&out.stderr))
    }
}

/// Path of a usable helm; the first of several threads makes it.
fn find() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        let built = cached();
        let path = env::var_os("PATH").unwrap_or_default();
        let mut candidates = env::split_paths(&path)
            .map(|dir| dir.join("helm"))
            .chain([built.clone()]);
        candidates
            .find(|helm| is_usable(helm))
            .unwrap_or_else(|| build(&built))
    })
}

fn pins() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/helm")
}

fn cached() -> PathBuf {
    let go_mod =
        fs::read_to_string(pins().join("go.mod")).expect("tools/helm/go.mod is part of the checkout");
    let required = |line: &str| {
        let line = line.trim().trim_start_matches("require ");
        Some(line.strip_prefix(MODULE)?.split_whitespace().next()?.to_owned())
    };
    let version = go_mod
        .lines()
        .filter(|line| !line.starts_with("tool "))
        .find_map(required);
    let version = version.expect("tools/helm/go.mod requires helm");
    testkit::assets::cache_root()
        .join("helm")
        .join(version)
        .join("helm")
}

fn is_usable(helm: &Path) -> bool {
    let answer = Command::new(helm)
        .args(["version", "--template", "{{.Version}}"])
        .stdin(Stdio::null())
        .output();
    let Ok(answer) = answer else { return false };
    let text = String::from_utf8_lossy(&answer.stdout);
    let major = text
        .trim()
        .trim_start_matches('v')
        .split('.')
        .next()
        .unwrap_or_default();
    major.parse::<u32>().is_ok_and(|major| major >= OLDEST)
}

/// Built under another name and renamed, so that what is in the cache is complete.
fn build(to: &Path) -> PathBuf {
    let dir = to.parent().expect("the path has a folder");
    fs::create_dir_all(dir).unwrap_or_else(|error| panic!("cannot make {}: {error}", dir.display()));
    let draft = dir.join(format!("helm.{}", std::process::id()));
    let package = format!("{MODULE}/cmd/helm");
    eprintln!("building helm from {package} (about 2 min, once)");
    let version = dir.file_name().unwrap_or_default().to_string_lossy();
    let flags = format!("-s -w -X {MODULE}/internal/version.version={version}");
    let built = ["go", "/usr/local/go/bin/go"].iter().any(|go| {
        let mut command = Command::new(go);
        command
            .current_dir(pins())
            .env("CGO_ENABLED", "0")
            .env("GOWORK", "off")
            .stdin(Stdio::null());
        command.args([
            "build",
            "-mod=readonly",
            "-trimpath",
            "-buildvcs=false",
            "-ldflags",
            &flags,
        ]);
        command
            .arg("-o")
            .arg(&draft)
            .arg(&package)
            .status()
            .is_ok_and(|status| status.success())
    });
    assert!(
        built,
        "no helm on this machine and none could be built; install helm {OLDEST} or newer, or Go"
    );
    fs::rename(&draft, to).unwrap_or_else(|error| panic!("cannot write {}: {error}", to.display()));
    to.to_owned()
}
