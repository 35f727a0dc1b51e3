//! Any files in the network directory and beside it: nothing foreign is lost, nobody else's address is given away.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use cni::host_local;
use cni::json::Json;
use cni::plan::Config;
use cni::protocol::{CniVersion, Command, Invocation, Network, decode};

/// Names that mean something; a first byte beyond them stands for a name of its own.
const NAMES: [&str; 16] = [
    "net/10.0.0.2",
    "net/10.0.0.3",
    "net/10.0.0.6",
    "net/192.168.7.1",
    "net/fd00::2",
    "net/fd00:0::2",
    "net/::ffff:10.0.0.4",
    "net/010.0.0.5",
    "net/10.0.0.3 ",
    "net/last_reserved_ip.0",
    "net/lock",
    "net/kube-node.json",
    ".ipam-index/net/owners",
    ".ipam-index/net/namespaces",
    ".ipam-index/net/released",
    ".ipam-index/net/boot",
];

/// Contents that mean something.
const CONTENTS: [&[u8]; 8] = [
    b"",
    b"c1",
    b"c1\r\neth0",
    b"c1\r\nnet1",
    b"c2\r\neth0\r\n",
    b" \n",
    b"10.0.0.3",
    b"\xff\r\neth0",
];

/// Each part of the programme, up to a byte 0xff, is a file: name, content.
pub(super) fn keeps_what_is_foreign(programme: &[u8]) {
    let dir = tempfile::tempdir().expect("a place for files");
    for part in programme.split(|byte| *byte == 0xff).take(16) {
        put(dir.path(), part);
    }
    let before = files(&dir.path().join("net"));
    let network = network(dir.path());
    let config = Config::read(&network, "").expect("a valid configuration");
    let call = call();

    let added = host_local::add(&call, &network, &config);
    let after = files(&dir.path().join("net"));
    for (name, content) in &before {
        let debris = is_address(name) && content.is_empty();
        let cursor = name.starts_with("last_reserved_ip.");
        assert!(
            debris || cursor || after.get(name) == Some(content),
            "ADD changed {name}"
        );
    }
    if added.is_ok() {
        host_local::check(&call, &network, &config).expect("CHECK after ADD");
    }
    host_local::status(&network, &config).ok();
    host_local::del(&call, &network, dir.path()).expect("DEL");
    let left = files(&dir.path().join("net"));
    for (name, content) in &before {
        let ours = is_address(name) && (content.is_empty() || trimmed(content).starts_with("c1"));
        let cursor = name.starts_with("last_reserved_ip.");
        assert!(
            ours || cursor || left.get(name) == Some(content),
            "DEL lost {name}"
        );
    }
    host_local::check(&call, &network, &config).ok();
    host_local::del(&call, &network, dir.path()).expect("DEL of legacy files");
    assert!(
        host_local::check(&call, &network, &config).is_err(),
        "CHECK after DEL"
    );

    host_local::gc(&network, dir.path()).expect("GC");
    let kept = files(&dir.path().join("net"));
    for (name, content) in &before {
        let cursor = name.starts_with("last_reserved_ip.");
        assert_eq!(kept.contains_key(name), !is_address(name), "GC of {name}");
        assert!(
            is_address(name) || cursor || kept.get(name) == Some(content),
            "GC changed {name}"
        );
    }
}

fn put(dir: &Path, part: &[u8]) {
    let Some((first, content)) = part.split_first() else {
        return;
    };
    let path = match NAMES.get(usize::from(*first)) {
        Some(name) => dir.join(name),
        None => {
            let name: Vec<u8> = content
                .iter()
                .copied()
                .filter(|c| *c != 0 && *c != b'/')
                .take(40)
                .collect();
            if matches!(name.as_slice(), b"" | b"." | b"..") {
                return;
            }
            dir.join("net").join(OsStr::from_bytes(&name))
        }
    };
    let content = match content {
        [one] => CONTENTS.get(usize::from(*one)).copied().unwrap_or(content),
        other => other,
    };
    fs::create_dir_all(path.parent().expect("it is inside")).expect("a directory");
    fs::write(path, content).expect("a file");
}

fn network(data_dir: &Path) -> Network {
    let text = serde_json::json!({
        "name": "net",
        "ipam": {
            "dataDir": data_dir, "subnet": "10.0.0.0/29", "cooldown": 60,
            "reclaimOnBoot": false, "reclaimOnExhaustion": true,
        },
        "cni.dev/valid-attachments": [],
    });
    let mut document = decode(text.to_string().as_bytes()).expect("JSON");
    document.set("name", Json::from("net"));
    Network {
        name: "net".to_owned(),
        version: CniVersion::V1_1_0,
        written_version: "1.1.0".to_owned(),
        document,
    }
}

fn call() -> Invocation {
    Invocation {
        command: Command::Add,
        container_id: "c1".to_owned(),
        netns: Some("/proc/self/ns/net".into()),
        ifname: "eth0".to_owned(),
        args: String::new(),
        path: Vec::new(),
        netns_override: false,
    }
}

/// Every regular file of the directory; names that are no text are kept apart by their bytes.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .map(|entry| entry.expect("an entry"));
    let read = |entry: fs::DirEntry| {
        let name = entry
            .file_name()
            .as_bytes()
            .iter()
            .map(|byte| char::from(*byte))
            .collect();
        (name, fs::read(entry.path()).expect("a readable file"))
    };
    entries.map(read).collect()
}

fn is_address(name: &str) -> bool {
    name.parse::<IpAddr>().is_ok()
}

fn trimmed(content: &[u8]) -> String {
    String::from_utf8_lossy(content).trim().to_owned()
}
