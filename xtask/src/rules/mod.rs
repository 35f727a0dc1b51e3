//! The rules of the house (ARCHITECTURE.md), each a pure function from text to the breaches found in it.

mod crates;
mod layers;
mod links;
mod lockfile;
mod plan;
mod text;
mod yaml;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{dist::Arch, project, step::Step};

/// One breach: where, what, and what to do instead.
pub(crate) type Breach = String;

/// Checks every rule and returns all breaches, not just the first.
///
/// # Errors
/// When the workspace cannot be read; a breach is not an error here.
pub(crate) fn breaches(root: &Path) -> Result<Vec<Breach>> {
    let metadata = Step::new(
        "metadata",
        "repair Cargo.toml or Cargo.lock; see cargo's message above",
    )
    .output(project::cargo(root).args(["metadata", "--format-version=1", "--no-deps", "--locked"]))?;
    let mut found = layers::breaches(&metadata)?;
    found.extend(crates::breaches(&linked(root)?));
    found.extend(lockfile::breaches(&read(root, Path::new("Cargo.lock"))?));
    for file in files(root)? {
        // A listed file may be gone from the disk, or not be text: neither has lines to check.
        let Ok(content) = fs::read_to_string(root.join(&file)) else {
            continue;
        };
        found.extend(file_breaches(&file, &content));
        if links::applies(&file) {
            found.extend(links::breaches(&file, &content, |target| {
                root.join(target).exists()
            }));
        }
    }
    Ok(found)
}

/// What is linked into `cadastre-cni` on the machines we release for; not what only runs while it is compiled.
fn linked(root: &Path) -> Result<String> {
    let mut cargo = project::cargo(root);
    cargo.args(["tree", "--locked", "--package", crates::PACKAGE]);
    cargo.args(["--edges", "normal,no-proc-macro", "--prefix", "none"]);
    for arch in Arch::ALL {
        cargo.args(["--target", arch.triple()]);
    }
    Step::new("tree", "see cargo's message above").output(&mut cargo)
}

/// The rules that look at one file alone.
fn file_breaches(file: &Path, content: &str) -> Vec<Breach> {
    let mut found = text::breaches(file, content);
    if plan::applies(file) {
        found.extend(plan::breaches(file, content));
    }
    if yaml::applies(file) {
        found.extend(yaml::breaches(file, content));
    }
    found
}

/// Files of the project: tracked ones, and new ones that are not ignored.
fn files(root: &Path) -> Result<Vec<PathBuf>> {
    let list = Step::new("files", "run this inside a git checkout").output(
        Command::new("git").current_dir(root).args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
        ]),
    )?;
    Ok(list
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(PathBuf::from)
        .collect())
}

fn read(root: &Path, file: &Path) -> Result<String> {
    fs::read_to_string(root.join(file)).with_context(|| format!("cannot read {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_workspace_is_listed() {
        let files = files(&project::root().unwrap()).unwrap();
        assert!(
            files
                .iter()
                .any(|file| file == Path::new("xtask/src/rules/mod.rs"))
        );
        assert!(!files.iter().any(|file| file.starts_with("target")));
    }

    #[test]
    fn a_file_meets_every_rule_that_applies_to_it() {
        let found = file_breaches(
            Path::new("crates/pools/src/plan/mod.rs"),
            "#[ignore]\nuse tokio::fs;\n",
        );
        assert_eq!(found.len(), 2, "{found:?}");
        let found = file_breaches(Path::new("deploy/examples/a.yaml"), "a: [");
        assert_eq!(found.len(), 1, "{found:?}");
    }
}
