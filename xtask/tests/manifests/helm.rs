//! A `helm` to render the chart with: that of the machine, or one built from the Go module pinned in `tools/helm`
//! (about two minutes on two idle cores, once).

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use testkit::assets::{HELM, to_stderr};

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
        let built = HELM.cached().expect("tools/helm is part of the checkout");
        let path = env::var_os("PATH").unwrap_or_default();
        let mut candidates = env::split_paths(&path).map(|dir| dir.join("helm")).chain([built]);
        candidates.find(|helm| is_usable(helm)).unwrap_or_else(|| {
            let built = HELM.build(&mut to_stderr);
            built.unwrap_or_else(|error| panic!("no helm {OLDEST} or newer here: {error:#}"))
        })
    })
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
