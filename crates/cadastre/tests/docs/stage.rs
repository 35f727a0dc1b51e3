//! Where a page is run: a control plane with Cluster API's definitions, the real controller with its webhooks, and a
//! folder with a kubeconfig and the programs the page calls.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use testkit::{
    CapiVersion, ControlPlane, Options,
    controller::{Controller, Installation, Settings},
};

use crate::kubectl;

/// Longest time for one command.
pub(crate) const LIMIT: Duration = Duration::from_secs(90);

/// A place to run commands in.
pub(crate) struct Stage {
    // Fields drop in this order: the controller before the API server it talks to.
    pub(crate) controller: Controller,
    _installation: Installation,
    _plane: ControlPlane,
    dir: TempDir,
}

/// What a command left behind.
pub(crate) struct Ran {
    pub(crate) ok: bool,
    /// Standard output and error, as a terminal shows them.
    pub(crate) printed: String,
}

/// Where the commands of a page are run.
pub(crate) trait Place {
    /// Runs a line of a page as a person would type it.
    fn bash(&self, line: &str, input: &str) -> Ran;

    /// Writes a file that the page shows.
    fn write(&self, path: &str, text: &str);

    /// What the controller has measured.
    async fn metrics(&self) -> String;
}

impl Stage {
    pub(crate) async fn set_up(before: &[&str]) -> Self {
        let binary = Path::new(env!("CARGO_BIN_EXE_cadastre"));
        let plane = ControlPlane::start(Options::default())
            .await
            .expect("a control plane");
        plane
            .apply_capi(CapiVersion::default())
            .await
            .expect("Cluster API's definitions");
        let settings = Settings {
            webhooks: true,
            ..Settings::default()
        };
        let installation = Installation::new(plane.client(), plane.kubeconfig(), binary, settings).await;
        let installation = installation.expect("our manifests");
        for file in before {
            plane
                .apply_yaml(&crate::markdown::read(file))
                .await
                .unwrap_or_else(|error| panic!("{file}: {error:#}"));
        }
        let mut controller = installation
            .start(&["--leader-elect", "--leader-election-namespace=default"])
            .expect("a controller");
        controller.ready().await.expect("the controller gets ready");
        let dir = folder(plane.kubeconfig(), binary);
        Self {
            controller,
            _installation: installation,
            _plane: plane,
            dir,
        }
    }
}

impl Place for Stage {
    fn bash(&self, line: &str, input: &str) -> Ran {
        bash(self.dir.path(), line, input)
    }

    fn write(&self, path: &str, _: &str) {
        panic!("{path}: this page has no node to write files on");
    }

    async fn metrics(&self) -> String {
        let served = self.controller.metrics().await;
        served.unwrap_or_else(|error| format!("{error:#}"))
    }
}

/// Runs a line in such a folder.
pub(crate) fn bash(dir: &Path, line: &str, input: &str) -> Ran {
    fs::write(dir.join("stdin"), input).expect("our own folder");
    let input = fs::File::open(dir.join("stdin")).expect("written just now");
    let path = std::env::var("PATH").unwrap_or_default();
    let ran = Command::new("timeout")
        .args([
            &LIMIT.as_secs().to_string(),
            "bash",
            "-o",
            "pipefail",
            "-c",
            &format!("exec 2>&1\n{line}"),
        ])
        .current_dir(dir)
        .env("PATH", format!("{}:{path}", dir.join("programs").display()))
        .env("HOME", dir)
        .env("KUBECONFIG", dir.join("kubeconfig"))
        .stdin(Stdio::from(input))
        .output()
        .expect("bash and timeout are on every machine that builds this");
    Ran {
        ok: ran.status.success(),
        printed: String::from_utf8_lossy(&ran.stdout).into_owned(),
    }
}

/// A folder with a kubeconfig and the programs that pages call.
pub(crate) fn folder(kubeconfig: &Path, binary: &Path) -> TempDir {
    let dir = tempfile::Builder::new()
        .prefix("cadastre-docs-")
        .tempdir()
        .expect("a temporary folder");
    let programs = dir.path().join("programs");
    fs::create_dir(&programs).expect("a new folder is writable");
    fs::copy(kubeconfig, dir.path().join("kubeconfig")).expect("a kubeconfig");
    let links = [
        ("cadastre", binary),
        ("kubectl-cadastre", binary),
        ("kubectl", &kubectl::find()),
    ];
    for (name, target) in links {
        symlink(target, programs.join(name)).expect("a new folder is writable");
    }
    dir
}
