//! A `kubectl` to run what the pages show: that of the machine, that beside the test binaries (the official archive
//! has one), or one built from the Go module pinned in `tools/kubectl` (about two minutes, once).

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use testkit::assets::{KUBECTL, to_stderr};

/// `kubectl events` and `--for=jsonpath`, which the pages use, are in every release from here on.
const OLDEST: u32 = 26;

/// Path of a usable `kubectl`.
pub(crate) fn find() -> PathBuf {
    let assets = env::var_os("KUBEBUILDER_ASSETS").map(|dir| PathBuf::from(dir).join("kubectl"));
    let built = KUBECTL.cached().expect("tools/kubectl is part of the checkout");
    let path = env::var_os("PATH").unwrap_or_default();
    let candidates = env::split_paths(&path).map(|dir| dir.join("kubectl"));
    let found = candidates
        .chain(assets)
        .chain([built])
        .find(|path| is_usable(path));
    found.unwrap_or_else(|| {
        let built = KUBECTL.build(&mut to_stderr);
        built.unwrap_or_else(|error| panic!("no kubectl 1.{OLDEST} or newer here: {error:#}"))
    })
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
