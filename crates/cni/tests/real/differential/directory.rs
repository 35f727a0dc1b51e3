//! A network directory, written and read from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use testkit::cni::store;

/// A network directory that need not exist.
pub(super) struct Directory(PathBuf);

/// Its files. The lock is left out: who creates it, and when, is free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Files(BTreeMap<String, String>);

impl Directory {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub(super) fn read(&self) -> Files {
        let files = store::files(&self.0).expect("the directory can be read");
        let text =
            |(name, content): (String, Vec<u8>)| (name, String::from_utf8_lossy(&content).into_owned());
        Files(
            files
                .into_iter()
                .filter(|(name, _)| name != "lock")
                .map(text)
                .collect(),
        )
    }

    /// Writes files; a name that ends in `/` is a directory.
    pub(super) fn fill(&self, files: &[(String, String)]) {
        for (name, content) in files {
            fs::create_dir_all(&self.0).expect("the data directory can be made");
            let path = self.0.join(name.trim_end_matches('/'));
            if name.ends_with('/') {
                // The same name may have been drawn as a file; whichever came first stays.
                let _ = fs::create_dir(path);
            } else if !path.is_dir() {
                fs::write(path, content).expect("the directory can be written");
            }
        }
    }

    /// Takes over what the other one has, sub-directories excepted: nobody touches those.
    pub(super) fn become_copy_of(&self, other: &Self) {
        for name in self.read().0.keys() {
            fs::remove_file(self.0.join(name)).expect("it was just read");
        }
        let files: Vec<_> = other.read().0.into_iter().collect();
        self.fill(&files);
    }
}

impl Files {
    /// Those that are reservations.
    pub(super) fn reserved(&self) -> BTreeMap<&str, &str> {
        let files = self
            .0
            .iter()
            .map(|(name, content)| (name.as_str(), content.as_str()));
        files.filter(|(name, _)| name.parse::<IpAddr>().is_ok()).collect()
    }

    /// Whether these are the others without the legacy reservations of a container.
    pub(super) fn is_without_legacy_of(&self, others: &Self, id: &str) -> bool {
        let mut rest = others.reserved();
        rest.retain(|_, content| content.trim() != id);
        rest == self.reserved()
    }

    /// Whether a reservation keeps an attachment from another one in its range set: its own, and legacy ones of its
    /// container besides (spec §4.5).
    pub(super) fn stands_in_the_way_of(&self, address: IpAddr, id: &str, interface: &str) -> bool {
        let full = format!("{id}\r\n{interface}");
        self.reserved().iter().any(|(name, content)| {
            name.parse() == Ok(address) && (content.trim() == full || content.trim() == id)
        })
    }

    /// The names of the reservations an attachment owns; without any, those of the legacy ones of its container (spec
    /// §4.3).
    pub(super) fn of(&self, id: &str, interface: &str) -> BTreeSet<&str> {
        let full = format!("{id}\r\n{interface}");
        let owned_by = |owner: &str| -> BTreeSet<&str> {
            let mine = self
                .reserved()
                .into_iter()
                .filter(|(_, content)| content.trim() == owner);
            mine.map(|(name, _)| name).collect()
        };
        let own = owned_by(&full);
        if own.is_empty() { owned_by(id) } else { own }
    }
}

/// The path as it appears in messages.
pub(super) fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
