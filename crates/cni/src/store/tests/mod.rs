use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;

use super::{Session, Store};
use crate::plan::Owner;

mod boot;
mod index;
mod journal;
mod lock;
mod namespaces;
mod reservations;
mod torn;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn owner(id: &str) -> Owner {
    Owner {
        id: id.to_owned(),
        ifname: "eth0".to_owned(),
    }
}

struct Place {
    _dir: tempfile::TempDir,
    data: PathBuf,
    store: Store,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().to_owned();
        let store = Store::create(&data, "net").unwrap();
        Self {
            _dir: dir,
            data,
            store,
        }
    }

    /// On a file system that other machines may see.
    fn shared() -> Self {
        let place = Self::new();
        place.store.shared.set(true).unwrap();
        place
    }

    fn session(&self) -> Session<'_> {
        self.store.session().unwrap()
    }

    fn put(&self, name: &str, content: &str) {
        fs::write(self.data.join("net").join(name), content).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.data.join("net").join(name)
    }

    fn has(&self, name: &str) -> bool {
        self.data.join("net").join(name).exists()
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.data.join(".ipam-index/net").join(name)
    }

    fn held(&self, id: &str) -> Vec<String> {
        let mut session = self.session();
        let holdings = session.holdings(&owner(id)).complete().unwrap();
        session.end();
        holdings.exact.into_iter().map(|held| held.name).collect()
    }

    fn reserve(&self, address: &str, id: &str) {
        let mut session = self.session();
        assert!(session.reserve(ip(address), &owner(id), false).unwrap());
        session.end();
    }
}
