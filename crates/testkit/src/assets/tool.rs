//! Programs that tests call, built from Go modules of their own in `tools/` where the machine has none.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::{cache, go, step, tools};

/// A program pinned in the folder of its name in `tools/`.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    name: &'static str,
    package: &'static str,
    /// The module whose version in `go.mod` is the program's.
    module: &'static str,
    /// Tells the program its version.
    link_flags: fn(&str) -> String,
}

/// The client of Kubernetes.
pub const KUBECTL: Tool = Tool {
    name: "kubectl",
    package: "k8s.io/kubernetes/cmd/kubectl",
    module: "k8s.io/kubernetes",
    link_flags: go::link_flags,
};

/// The renderer of charts.
pub const HELM: Tool = Tool {
    name: "helm",
    package: "helm.sh/helm/v4/cmd/helm",
    module: "helm.sh/helm/v4",
    link_flags: |version| format!("-s -w -X helm.sh/helm/v4/internal/version.version={version}"),
};

impl Tool {
    fn pins(self) -> PathBuf {
        tools().join(self.name)
    }

    fn version(self) -> Result<String> {
        let go_mod = self.pins().join("go.mod");
        let text =
            fs::read_to_string(&go_mod).with_context(|| format!("cannot read {}", go_mod.display()))?;
        let version = go::required_version(&text, self.module);
        let version =
            version.with_context(|| format!("{} does not require {}", go_mod.display(), self.module))?;
        Ok(version.to_owned())
    }

    /// Where the built program is, or would be.
    ///
    /// # Errors
    /// The module in `tools/` cannot be read, or does not require the program.
    pub fn cached(self) -> Result<PathBuf> {
        Ok(cache::root()
            .join(self.name)
            .join(self.version()?)
            .join(self.name))
    }

    /// Builds the program into the cache: about two minutes of two idle cores. Go is fetched first where there is none,
    /// or only an old one, as for the control plane.
    ///
    /// # Errors
    /// There is no Go and none can be installed, or the build failed; the message says what to do.
    pub fn build(self, progress: &mut dyn FnMut(&str)) -> Result<PathBuf> {
        let (to, version, pins) = (self.cached()?, self.version()?, self.pins());
        let folder = to.parent().context("the path has a folder")?;
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        // Under another name and renamed, so that what is in the cache is complete.
        let draft = folder.join(format!("{}.{}", self.name, std::process::id()));
        let mut build = go::build_command(&pins, &(self.link_flags)(&version), progress)?;
        build.arg("-o").arg(&draft).arg(self.package);
        let what = format!("building {} {version} (about 2 min, once)", self.name);
        step::run(
            &build,
            &what,
            &folder.join(format!("{}.log", self.name)),
            progress,
        )?;
        fs::rename(&draft, &to).with_context(|| format!("cannot write {}", to.display()))?;
        Ok(to)
    }
}
