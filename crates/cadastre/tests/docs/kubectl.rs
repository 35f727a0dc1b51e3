//! A `kubectl` to run what the pages show: that of the machine, that beside the test binaries (the official archive
//! has one), or one built from the Go module pinned in `tools/kubectl` (about two minutes, once).

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const PACKAGE: &str = "k8s.io/kubernetes/cmd/kubectl";
/// `kubectl events` and `--for=jsonpath`, which the pages use, are in every release from here on.
const OLDEST: u32 = 26;

/// Path of a usable `kubectl`.
pub(crate) fn find() -> PathBuf {
    let assets = env::var_os("KUBEBUILDER_ASSETS").map(|dir| PathBuf::from(dir).join("kubectl"));
    let built = cached();
    let path = env::var_os("PATH").unwrap_or_default();
    let candidates = env::split_paths(&path).map(|dir| dir.join("kubectl"));
    let found = candidates
        .chain(assets)
        .chain([built.clone()])
        .find(|path| is_usable(path));
    found.unwrap_or_else(|| build(&built))
}

fn cached() -> PathBuf {
    let pins = pins();
    let go_mod =
        fs::read_to_string(pins.join("go.mod")).expect("tools/kubectl/go.mod is part of the checkout");
    let version = go_mod
        .lines()
        .find_map(|line| {
            line.trim()
                .trim_start_matches("require ")
                .strip_prefix("k8s.io/kubernetes ")
        })
        .and_then(|rest| rest.split_whitespace().next())
        .expect("tools/kubectl/go.mod requires k8s.io/kubernetes");
    testkit::assets::cache_root()
        .join("kubectl")
        .join(version)
        .join("kubectl")
}

fn pins() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/kubectl")
}

fn is_usable(path: &Path) -> bool {
    let answer = Command::new(path)
        .args(["version", "--client", "--output=json"])
        .stdin(Stdio::null())
        .output();
    let Ok(answer) = answer else { return false };
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(&answer.stdout) else {
        return false;
    };
    let minor = value["clientVersion"]["minor"].as_str().unwrap_or_default();
    minor
        .trim_end_matches('+')
        .parse::<u32>()
        .is_ok_and(|minor| minor >= OLDEST)
}

/// Built under another name and renamed, so that what is in the cache is complete.
fn build(to: &Path) -> PathBuf {
    let dir = to.parent().expect("the path has a folder");
    fs::create_dir_all(dir).unwrap_or_else(|error| panic!("cannot make {}: {error}", dir.display()));
    let draft = dir.join(format!("kubectl.{}", std::process::id()));
    eprintln!("building kubectl from {PACKAGE} (about 2 min, once)");
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
            &link_flags(to),
        ]);
        command
            .arg("-o")
            .arg(&draft)
            .arg(PACKAGE)
            .status()
            .is_ok_and(|status| status.success())
    });
    assert!(
        built,
        "no kubectl on this machine and none could be built; install kubectl 1.{OLDEST} or newer, or Go"
    );
    fs::rename(&draft, to).unwrap_or_else(|error| panic!("cannot write {}: {error}", to.display()));
    to.to_owned()
}

/// Tells the program its version, which is the name of its folder.
fn link_flags(to: &Path) -> String {
    let folder = to
        .parent()
        .and_then(Path::file_name)
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let mut parts = folder.trim_start_matches('v').split('.');
    let (major, minor) = (parts.next().unwrap_or("0"), parts.next().unwrap_or("0"));
    let set = "-X k8s.io/component-base/version.git";
    format!("-s -w {set}Version={folder} {set}Major={major} {set}Minor={minor}")
}
