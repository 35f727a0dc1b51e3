//! The Helm chart of the cloud controller, packed as `helm package` would: one folder, named like the chart, in a
//! gzipped tar. No helm is needed, and the same files give the same bytes.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use flate2::{Compression, GzBuilder};
use serde_json::Value;
use tar::Builder;

use super::image::add_file;

/// Where the chart is, below the workspace.
const CHART: &str = "deploy/chart";

/// Packs the chart for `version` into `out` and returns the archive's path.
///
/// # Errors
/// When the chart says another version, cannot be read, or the archive cannot be written.
pub(super) fn write(root: &Path, out: &Path, version: &str) -> Result<PathBuf> {
    let folder = root.join(CHART);
    let name = checked_name(&folder.join("Chart.yaml"), version)?;
    let mut tree = Builder::new(Vec::new());
    for file in files(&folder)? {
        let content = fs::read(folder.join(&file))
            .with_context(|| format!("cannot read {}", folder.join(&file).display()))?;
        add_file(&mut tree, &format!("{name}/{}", file.display()), 0o644, &content)?;
    }
    let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    gzip.write_all(&tree.into_inner()?)?;
    let path = out.join(format!("{name}-{version}.tgz"));
    fs::write(&path, gzip.finish()?).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// The chart's name, if its versions are those of the release: the image's tag is the chart's `appVersion`.
fn checked_name(chart: &Path, version: &str) -> Result<String> {
    let text = fs::read_to_string(chart).with_context(|| format!("cannot read {}", chart.display()))?;
    let chart_yaml: Value =
        serde_saphyr::from_str(&text).with_context(|| format!("cannot read {}", chart.display()))?;
    for (field, wanted) in [
        ("version", version.to_owned()),
        ("appVersion", format!("v{version}")),
    ] {
        if chart_yaml[field] != wanted.as_str() {
            bail!(
                "{} has {field} {}; write {field}: {wanted}, as the workspace's version says",
                chart.display(),
                chart_yaml[field]
            );
        }
    }
    let name = chart_yaml["name"].as_str();
    Ok(name
        .with_context(|| format!("{} has no name", chart.display()))?
        .to_owned())
}

/// All files below `folder`, relative to it, in order; `.helmignore` among them, as helm has it.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut found, mut folders) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(below) = folders.pop() {
        let here = folder.join(&below);
        let entries = fs::read_dir(&here).with_context(|| format!("cannot read {}", here.display()))?;
        for entry in entries {
            let entry = entry?;
            let path = below.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use flate2::read::GzDecoder;
    use tar::Archive;

    use super::*;
    use crate::project::{self, VERSION};

    #[test]
    fn the_archive_holds_the_chart_and_is_always_the_same() {
        let (root, out) = (project::root().unwrap(), tempfile::tempdir().unwrap());
        let path = write(&root, out.path(), VERSION).unwrap();
        let first = fs::read(&path).unwrap();
        assert_eq!(
            path.file_name().unwrap().display().to_string(),
            format!("proxmox-cloud-controller-manager-{VERSION}.tgz")
        );
        let mut archive = Archive::new(GzDecoder::new(&*first));
        let names: Vec<String> = archive
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .collect();
        for name in [
            "Chart.yaml",
            "values.yaml",
            "values.schema.json",
            "templates/_pod.tpl",
            "templates/NOTES.txt",
        ] {
            assert!(
                names.contains(&format!("proxmox-cloud-controller-manager/{name}")),
                "{name} is not in {names:?}"
            );
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(
            fs::read(write(&root, out.path(), VERSION).unwrap()).unwrap(),
            first
        );
    }

    #[test]
    fn a_chart_of_another_version_is_refused() {
        let (root, out) = (project::root().unwrap(), tempfile::tempdir().unwrap());
        let error = write(&root, out.path(), "9.9.9").unwrap_err().to_string();
        assert!(
            error.ends_with("write version: 9.9.9, as the workspace's version says"),
            "{error}"
        );
    }
}
