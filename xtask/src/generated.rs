//! Files made from code: the CRDs, written by `api`'s program `crds` from the Rust types.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::{project, step::Step};

/// The folder whose files are generated, below the workspace.
const CRDS: &str = "deploy/crds";

/// File names with their content.
type Files = BTreeMap<OsString, Vec<u8>>;

/// Writes the generated files and removes those no longer generated.
///
/// # Errors
/// When the generator fails or a file cannot be written.
pub(crate) fn write(root: &Path) -> Result<()> {
    let (wanted, dir) = (generate(root)?, root.join(CRDS));
    fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let present = read(&dir)?;
    for name in present.keys().filter(|name| !wanted.contains_key(*name)) {
        fs::remove_file(dir.join(name))?;
        println!("removed {CRDS}/{}", name.display());
    }
    for (name, content) in wanted
        .iter()
        .filter(|(name, content)| present.get(*name) != Some(*content))
    {
        let path = dir.join(name);
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
        println!("wrote {CRDS}/{}", name.display());
    }
    Ok(())
}

/// Fails when a generated file is not what the generator writes now.
///
/// # Errors
/// When the generator fails, or with the files that are stale, missing or left over.
pub(crate) fn check(root: &Path) -> Result<()> {
    let stale = differences(&generate(root)?, &read(&root.join(CRDS))?);
    if stale.is_empty() {
        return Ok(());
    }
    bail!(
        "in {CRDS}: {}; run `cargo xtask gen` and commit the result",
        stale.join(", ")
    )
}

/// What is wrong with the files that are there, in words.
fn differences(wanted: &Files, present: &Files) -> Vec<String> {
    let stale = wanted
        .iter()
        .filter_map(|(name, content)| match present.get(name) {
            None => Some(format!("{} is missing", name.display())),
            Some(found) if found != content => Some(format!("{} is stale", name.display())),
            Some(_) => None,
        });
    let extra = present.keys().filter(|name| !wanted.contains_key(*name));
    stale
        .chain(extra.map(|name| format!("{} is left over", name.display())))
        .collect()
}

/// Runs the generator into an empty folder and returns what it wrote.
fn generate(root: &Path) -> Result<Files> {
    let dir = scratch(root)?;
    let mut cargo = project::cargo(root);
    cargo
        .args([
            "run",
            "--quiet",
            "--locked",
            "--package",
            "api",
            "--bin",
            "crds",
            "--",
        ])
        .arg(&dir);
    Step::new(
        "generate",
        "see the message above; the generator is crates/api/src/bin/crds.rs",
    )
    .run(&mut cargo)?;
    let files = read(&dir)?;
    if files.is_empty() {
        bail!(
            "the generator wrote nothing into {}; repair crates/api/src/bin/crds.rs",
            dir.display()
        );
    }
    Ok(files)
}

/// An empty folder inside the target folder, where nobody commits it.
fn scratch(root: &Path) -> Result<PathBuf> {
    let dir = project::built(root, None, "xtask", "generated");
    if dir.exists() {
        fs::remove_dir_all(&dir).with_context(|| format!("cannot empty {}", dir.display()))?;
    }
    fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    Ok(dir)
}

/// The files directly inside `dir`; none when there is no such folder.
fn read(dir: &Path) -> Result<Files> {
    if !dir.is_dir() {
        return Ok(Files::new());
    }
    let entries = fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    let mut files = Files::new();
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        if path.is_file() {
            let content = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            files.insert(entry.file_name(), content);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(list: &[(&str, &str)]) -> Files {
        list.iter()
            .map(|(name, content)| (OsString::from(name), content.as_bytes().to_vec()))
            .collect()
    }

    #[test]
    fn equal_files_have_no_differences() {
        let same = files(&[("a.yaml", "1"), ("b.yaml", "2")]);
        assert_eq!(differences(&same, &same), Vec::<String>::new());
    }

    #[test]
    fn stale_missing_and_left_over_files_are_named() {
        let wanted = files(&[("a.yaml", "1"), ("b.yaml", "2")]);
        let present = files(&[("a.yaml", "0"), ("c.yaml", "3")]);
        let expected = ["a.yaml is stale", "b.yaml is missing", "c.yaml is left over"];
        assert_eq!(differences(&wanted, &present), expected);
    }

    #[test]
    fn a_folder_that_is_not_there_holds_nothing() {
        assert!(read(Path::new("/no/such/folder")).unwrap().is_empty());
    }
}
