//! A data directory, and networks in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::cni::{Call, PluginDir, store};

use crate::{PROGRAM, Said, say};

pub(crate) struct Yard {
    folder: TempDir,
    plugins: PluginDir,
}

impl Yard {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("data")).unwrap();
        fs::create_dir(folder.path().join("conf")).unwrap();
        Self {
            folder,
            plugins: PluginDir::new(&[("host-local", Path::new(PROGRAM))]).unwrap(),
        }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The file that configures a network, for `--conf-dir`.
    pub(crate) fn configure(&self, network: &Value) {
        let list = json!({"cniVersion": "1.0.0", "name": network["name"], "plugins": [network]});
        let path = self
            .folder
            .path()
            .join("conf")
            .join(format!("{}.conflist", network["name"].as_str().unwrap()));
        fs::write(path, list.to_string()).unwrap();
    }

    /// A network that notes for which namespace it reserves.
    pub(crate) fn network(&self, name: &str, subnet: &str) -> Value {
        json!({
            "cniVersion": "1.0.0", "name": name, "type": "bridge",
            "ipam": {"type": "host-local", "dataDir": self.data(), "subnet": subnet, "reclaimOnExhaustion": true},
        })
    }

    /// Reserves an address for a container whose namespace this is.
    pub(crate) fn add(&self, network: &Value, id: &str, netns: &Path) {
        let call = Call::new(self.plugins.plugin("host-local"), "ADD")
            .id(id)
            .netns(netns)
            .path(self.plugins.path());
        let answer = call.config(network).run().unwrap();
        assert!(answer.is_ok(), "{answer:?}");
    }

    /// A call of `host-local`; the configuration is still to be given.
    pub(crate) fn call(&self, verb: &str) -> Call {
        Call::new(self.plugins.plugin("host-local"), verb).path(self.plugins.path())
    }

    /// Writes a file into a network directory.
    pub(crate) fn put(&self, name: &str, content: &str) {
        let path = self.data().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Makes all records of namespaces older by this many seconds.
    pub(crate) fn age_records(&self, network: &str, seconds: u64) {
        let path = self.data().join(".ipam-index").join(network).join("namespaces");
        let text = fs::read_to_string(&path).unwrap();
        let older = text.lines().map(|line| {
            let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            // address file device inode boot mounts time path
            words[6] = (words[6].parse::<u64>().unwrap() - seconds).to_string();
            words.join(" ") + "\n"
        });
        fs::write(path, older.collect::<String>()).unwrap();
    }

    pub(crate) fn reservations(&self, network: &str) -> Vec<String> {
        let held = store::reservations(&self.data().join(network)).unwrap();
        held.into_keys().map(|address| address.to_string()).collect()
    }

    /// Everything in the data directory, to show that nothing has changed.
    pub(crate) fn everything(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.data()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else {
                    found.insert(entry.path(), fs::read(entry.path()).unwrap_or_default());
                }
            }
        }
        found
    }

    /// `cadastre-cni cni` on this data directory.
    pub(crate) fn say(&self, args: &[&str]) -> Said {
        let (data, conf) = (self.data(), self.folder.path().join("conf"));
        let place = [
            "--data-dir",
            data.to_str().unwrap(),
            "--conf-dir",
            conf.to_str().unwrap(),
        ];
        say(&[["cni"].as_slice(), args, &place].concat())
    }
}
