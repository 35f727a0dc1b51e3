//! `cargo xtask dist`: everything a release consists of, in `dist/`.

mod arch;
mod chart;
mod image;
mod sums;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

pub(crate) use arch::Arch;

use arch::Program;

use crate::{
    debian,
    manifest::{self, Certificates},
    project::{self, VERSION},
    step::Step,
};

/// What to make.
#[derive(Debug)]
pub(crate) struct Options {
    /// Machines to build for.
    pub(crate) arches: Vec<Arch>,
    /// Only the manifests: seconds instead of minutes, no compiler needed.
    pub(crate) manifests_only: bool,
    /// Where to put it.
    pub(crate) out: PathBuf,
}

/// Builds the release.
///
/// # Errors
/// With the step that failed and its remedy.
pub(crate) fn run(root: &Path, options: &Options) -> Result<()> {
    fs::create_dir_all(&options.out).with_context(|| format!("cannot create {}", options.out.display()))?;
    let mut made = manifests(root, &options.out)?;
    if !options.manifests_only {
        made.extend(programs(root, options)?);
    }
    made.push(sums::write(&options.out, &made)?);
    for file in &made {
        let size = fs::metadata(file)
            .with_context(|| format!("cannot read {}", file.display()))?
            .len();
        println!("{:>12}  {}", size, file.display());
    }
    Ok(())
}

/// `ipam-components.yaml` (clusterctl's name for it), its variant without cert-manager, `metadata.yaml`,
/// `cadastre-cni.yaml`, which puts the CNI plugins on every node, and the chart of the cloud controller.
fn manifests(root: &Path, out: &Path) -> Result<Vec<PathBuf>> {
    let step = Step::new(
        "manifests",
        "repair the file named above; `cargo xtask gen` writes deploy/crds",
    );
    step.work(|| {
        let mut made = Vec::new();
        for (name, certificates) in [
            ("ipam-components.yaml", Certificates::CertManager),
            ("ipam-components-self-managed.yaml", Certificates::SelfManaged),
        ] {
            let objects = manifest::components(root, VERSION, certificates)?;
            made.push(write(out.join(name), manifest::to_yaml(&objects)?.as_bytes())?);
        }
        let plugins = manifest::plugins(root, VERSION)?;
        made.push(write(
            out.join("cadastre-cni.yaml"),
            manifest::to_yaml(&plugins)?.as_bytes(),
        )?);
        let metadata = fs::read(root.join("deploy/clusterctl/metadata.yaml"))?;
        made.push(write(out.join("metadata.yaml"), &metadata)?);
        made.push(chart::write(root, out, VERSION)?);
        Ok(made)
    })
}

/// Two static programs per machine, and one image archive that holds them all.
fn programs(root: &Path, options: &Options) -> Result<Vec<PathBuf>> {
    debian::ensure(&[debian::CC])?;
    let (mut made, mut platforms) = (Vec::new(), Vec::new());
    for &arch in &options.arches {
        let mut build = |program: Program| -> Result<Vec<u8>> {
            let name = program.name();
            let built = fs::read(arch.build(root, program)?);
            let binary = built.with_context(|| format!("cannot read {name} for {arch}"))?;
            check(root, program, &binary)?;
            made.push(write(
                options.out.join(format!("{name}-{VERSION}-linux-{arch}")),
                &binary,
            )?);
            Ok(binary)
        };
        platforms.push(image::Platform {
            architecture: arch.oci_name(),
            binary: build(Program::Cadastre)?,
            plugins: build(Program::Cni)?,
        });
    }
    for binary in &made {
        make_executable(binary)?;
    }
    let archive = options.out.join(format!("cadastre-{VERSION}.oci.tar"));
    let step = Step::new("image", "make room on the disk and run this again");
    step.work(|| image::write(&archive, &format!("v{VERSION}"), &platforms))?;
    made.push(archive);
    Ok(made)
}

/// What every program of the release must be: static, small where it has to be, and silent about who built it.
fn check(root: &Path, program: Program, binary: &[u8]) -> Result<()> {
    arch::check_static(binary)?;
    arch::check_small(program, binary)?;
    arch::check_anonymous(binary, &[root.to_path_buf(), project::cargo_home()?])
}

/// Builds the plugins as they are shipped, for this machine; `None` when we do not release for it.
///
/// # Errors
/// When the build fails, or its result may not be shipped.
pub(crate) fn plugins(root: &Path) -> Result<Option<PathBuf>> {
    let Some(arch) = Arch::native() else {
        return Ok(None);
    };
    let path = arch.build(root, Program::Cni)?;
    let binary = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    check(root, Program::Cni, &binary)?;
    Ok(Some(path))
}

/// Builds the cluster binary as it is shipped, for this machine, and a program of the test kit to measure it with; `None` when
/// we do not release for it.
///
/// # Errors
/// When a build fails.
pub(crate) fn measured(root: &Path, bench: &'static str) -> Result<Option<(PathBuf, PathBuf)>> {
    let Some(arch) = Arch::native() else {
        return Ok(None);
    };
    // One by one: the measured binary must have the features it is shipped with.
    let binary = arch.build(root, Program::Cadastre)?;
    Ok(Some((binary, arch.build(root, Program::Kit(bench))?)))
}

fn write(path: PathBuf, content: &[u8]) -> Result<PathBuf> {
    fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

fn make_executable(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("cannot make {} executable", path.display()))
}

/// The folder used when none is named.
pub(crate) fn default_out(root: &Path) -> PathBuf {
    root.join("dist")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_alone_need_no_compiler() {
        let out = tempfile::tempdir().unwrap();
        let options = Options {
            arches: vec![Arch::Amd64],
            manifests_only: true,
            out: out.path().join("new/folder"),
        };
        run(&project::root().unwrap(), &options).unwrap();
        let sums = fs::read_to_string(options.out.join("SHA256SUMS")).unwrap();
        let names: Vec<_> = sums
            .lines()
            .filter_map(|line| line.split_once("  "))
            .map(|(_, name)| name)
            .collect();
        assert_eq!(
            names,
            [
                "cadastre-cni.yaml",
                "ipam-components-self-managed.yaml",
                "ipam-components.yaml",
                "metadata.yaml",
                concat!(
                    "proxmox-cloud-controller-manager-",
                    env!("CARGO_PKG_VERSION"),
                    ".tgz"
                ),
            ]
        );
        let written = fs::read_to_string(options.out.join("ipam-components.yaml")).unwrap();
        let objects =
            manifest::components(&project::root().unwrap(), VERSION, Certificates::CertManager).unwrap();
        assert_eq!(manifest::parse(&written).unwrap(), objects);
    }
}
