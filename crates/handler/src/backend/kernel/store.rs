//! What was made final, to be applied again after a reboot: the kernel forgets everything.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::journal;
use crate::backend::BackendError;

/// The document of a policy, as it was committed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// Name of the policy.
    pub policy: String,
    /// Generation of the policy.
    pub generation: i64,
    /// Counts commits on this node: the order to apply in, later wins.
    pub order: u64,
    /// The document.
    pub desired: Value,
}

/// The folder of the documents.
#[derive(Clone, Debug)]
pub(super) struct Store {
    folder: PathBuf,
}

impl Store {
    /// Below the folder of the records.
    pub(super) fn below(folder: &Path) -> Self {
        Self {
            folder: folder.join("policies"),
        }
    }

    /// All documents in the order they were committed in.
    ///
    /// # Errors
    /// [`BackendError::Record`], naming the file that cannot be read.
    pub(super) fn all(&self) -> Result<Vec<Kept>, BackendError> {
        let failed = |source| BackendError::Record {
            path: self.folder.clone(),
            source,
        };
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut all = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            // What was half written when the power went is not `.json`.
            if path.extension() == Some(OsStr::new("json")) {
                all.extend(journal::read::<Kept>(&path)?);
            }
        }
        all.sort_by(|a, b| (a.order, &a.policy).cmp(&(b.order, &b.policy)));
        Ok(all)
    }

    /// Keeps a document, after all others.
    ///
    /// # Errors
    /// [`BackendError::Record`].
    pub(super) fn keep(&self, policy: &str, generation: i64, desired: &Value) -> Result<(), BackendError> {
        let last = self.all()?.iter().map(|kept| kept.order).max();
        let kept = Kept {
            policy: policy.to_owned(),
            generation,
            order: last.map_or(0, |last| last + 1),
            desired: desired.clone(),
        };
        journal::write(&self.path(policy), &kept)
    }

    /// Forgets the document of a policy.
    ///
    /// # Errors
    /// [`BackendError::Record`].
    pub(super) fn forget(&self, policy: &str) -> Result<(), BackendError> {
        journal::remove(&self.path(policy))
    }

    /// Names of policies are names of files, but for dots at the start; others get a name that is.
    fn path(&self, policy: &str) -> PathBuf {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let name: String = policy.chars().map(|c| if plain(c) { c } else { '_' }).collect();
        self.folder.join(format!("p-{name}.json"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_are_kept_in_the_order_of_their_commits() {
        let place = tempfile::tempdir().unwrap();
        let store = Store::below(place.path());
        assert_eq!(store.all().unwrap(), []);
        for (policy, generation) in [("b", 1), ("a", 1), ("b", 2)] {
            store.keep(policy, generation, &json!({})).unwrap();
        }
        let order = |store: &Store| -> Vec<(String, i64)> {
            let all = store.all().unwrap().into_iter();
            all.map(|kept| (kept.policy, kept.generation)).collect()
        };
        assert_eq!(order(&store), [("a".to_owned(), 1), ("b".to_owned(), 2)]);
        store.forget("a").unwrap();
        store.forget("a").unwrap();
        assert_eq!(order(&store), [("b".to_owned(), 2)]);
    }

    #[test]
    fn a_name_never_leaves_the_folder() {
        let place = tempfile::tempdir().unwrap();
        let store = Store::below(place.path());
        store.keep("../../x", 1, &json!({})).unwrap();
        assert_eq!(store.all().unwrap()[0].policy, "../../x");
        assert!(store.path("..").starts_with(place.path().join("policies")));
    }
}
