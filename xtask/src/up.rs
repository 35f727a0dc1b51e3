//! `cargo xtask up`: the product's main job on a fresh machine.

use std::{
    ffi::OsString,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Error, Result};

use crate::{assets, debian, project, step::Step};

/// Builds what is needed, then becomes the test kit's `up` program, so that Ctrl-C and the exit status are its own.
///
/// # Errors
/// When a build fails or the program cannot be started; otherwise this does not return.
pub(crate) fn run(root: &Path, arguments: &[OsString]) -> Result<()> {
    debian::ensure(&[debian::CC])?;
    let build = || {
        Step::new("build", "see the compiler's message above").run(
            project::cargo(root)
                .args([
                    "build",
                    "--locked",
                    "--package",
                    "cadastre",
                    "--package",
                    "testkit",
                ])
                .args(["--bin", "cadastre", "--bin", "up"]),
        )
    };
    // With somebody else's cluster there is no control plane of ours to start.
    let foreign = arguments.iter().any(|argument| argument == "--kubeconfig");
    let mut up = Command::new(project::built(root, None, "debug", "up"));
    let binary = project::built(root, None, "debug", "cadastre");
    if foreign {
        build()?;
        assets::announce(&mut up, &PathBuf::new(), &binary).env_remove("KUBEBUILDER_ASSETS");
    } else {
        let folder = assets::ensure_while(build)?;
        assets::announce(&mut up, &folder, &binary);
    }
    become_program(up.current_dir(root).args(arguments))
}

/// Replaces this process; returns only when that failed.
///
/// # Errors
/// When the program cannot be started.
pub(crate) fn become_program(command: &mut Command) -> Result<()> {
    let error = command.exec();
    let program = command.get_program().to_string_lossy().into_owned();
    Err(Error::from(error)).with_context(|| format!("cannot start {program}; run this again to rebuild it"))
}
