//! Every manifest we ship or show must parse and name what it is.

use std::path::Path;

use super::Breach;
use crate::manifest;

/// Users wrote it so and it has to work unchanged: kubectl takes the closing quote at the indentation of its key, YAML
/// 1.2 and our parser do not.
const AS_USERS_WROTE_IT: &str = "deploy/examples/cni/multus-bridge.yaml";

/// YAML that is no manifest: templates and values, which only helm can read (`xtask/tests/manifests/chart.rs` has it do
/// so), and configuration files of the cloud controller (read by the tests of the docs).
const NO_MANIFESTS: [&str; 2] = ["deploy/chart", "deploy/examples/cloud"];

/// Whether a file is a manifest: YAML below `deploy`.
pub(super) fn applies(file: &Path) -> bool {
    if file == Path::new(AS_USERS_WROTE_IT) || NO_MANIFESTS.iter().any(|folder| file.starts_with(folder)) {
        return false;
    }
    let yaml = file
        .extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml");
    yaml && file.starts_with("deploy")
}

/// Returns one breach when the file does not parse, or one per document without `apiVersion`, `kind` or a name.
pub(super) fn breaches(file: &Path, content: &str) -> Vec<Breach> {
    match manifest::parse(content) {
        Err(error) => vec![format!("{}: not a manifest: {error:#}", file.display())],
        Ok(objects) if objects.is_empty() => vec![format!("{}: no object inside", file.display())],
        Ok(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_manifests_are_read() {
        assert!(applies(Path::new("deploy/examples/pools/a.yaml")));
        assert!(!applies(Path::new("deploy/README.md")));
        assert!(!applies(Path::new("deploy/chart/templates/rbac.yaml")));
        assert!(!applies(Path::new("deploy/examples/cloud/auto.yaml")));
        assert!(!applies(Path::new("crates/pools/cases/a.yaml")));
    }

    #[test]
    fn broken_and_empty_files_are_named() {
        let file = Path::new("deploy/a.yaml");
        for bad in ["a: [", "", "# nothing\n", "kind: Pool\n", "- a\n"] {
            let found = breaches(file, bad);
            assert_eq!(found.len(), 1, "{bad:?} passed");
            assert!(found[0].starts_with("deploy/a.yaml: "), "{found:?}");
        }
        let good = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n";
        assert_eq!(breaches(file, good), Vec::<Breach>::new());
    }
}
