//! An empty data directory, the binary under its name, and calls of it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use serde_json::{Map, Value, json};

/// The base run of spec §8 happens here: `D` is [`World::data`].
pub(crate) struct World {
    dir: Arc<tempfile::TempDir>,
    pub(crate) data: PathBuf,
    bin: PathBuf,
}

impl World {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let bin = dir.path().join("host-local");
        let built = env!("CARGO_BIN_EXE_cadastre-cni");
        // Another file system: a copy is as good.
        if std::fs::hard_link(built, &bin).is_err() {
            std::fs::copy(built, &bin).unwrap();
        }
        let data = dir.path().join("data");
        std::fs::create_dir(&data).unwrap();
        Self {
            dir: Arc::new(dir),
            data,
            bin,
        }
    }

    /// The base run with these members in `ipam`.
    pub(crate) fn call(&self, given: Value) -> Call {
        let mut ipam = Map::from_iter([
            ("type".to_owned(), json!("host-local")),
            ("dataDir".to_owned(), json!(self.data)),
        ]);
        ipam.extend(given.as_object().unwrap().clone());
        let network = json!({"cniVersion": "1.0.0", "name": "net", "type": "bridge", "ipam": ipam});
        let env = [
            ("CNI_COMMAND", "ADD"),
            ("CNI_CONTAINERID", "c1"),
            ("CNI_NETNS", "/run/netns/none"),
            ("CNI_IFNAME", "eth0"),
            ("CNI_PATH", "/usr/lib/cni"),
        ];
        Call {
            dir: Arc::clone(&self.dir),
            bin: self.bin.clone(),
            env: env.into_iter().map(|(key, value)| (key, value.into())).collect(),
            network,
            stdin: None,
        }
    }

    /// ADD of `c1` with these members in `ipam`.
    pub(crate) fn add(&self, given: Value) -> Outcome {
        self.call(given).run()
    }

    /// Puts a file into the network directory.
    pub(crate) fn put(&self, name: &str, content: &str) {
        let path = self.net().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// A reservation of a container's interface.
    pub(crate) fn reserve(&self, address: &str, id: &str, ifname: &str) {
        self.put(address, &format!("{id}\r\n{ifname}"));
    }

    /// The binary under the name `host-local`.
    pub(crate) fn bin(&self) -> &Path {
        &self.bin
    }

    /// Writes a program into the folder of this world, but not into its data directory.
    pub(crate) fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// The lock of the network directory, held as the reference holds it: flock(2), exclusive.
    pub(crate) fn hold_lock(&self) -> (File, PathBuf) {
        self.put("lock", "");
        let path = self.net().join("lock");
        let file = File::open(&path).unwrap();
        file.lock().unwrap();
        (file, path)
    }

    pub(crate) fn net(&self) -> PathBuf {
        self.data.join("net")
    }

    /// The content of a file in the network directory.
    pub(crate) fn file(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.net().join(name)).ok()
    }

    pub(crate) fn assert_held(&self, address: &str, id: &str, ifname: &str) {
        assert_eq!(
            self.file(address).as_deref(),
            Some(format!("{id}\r\n{ifname}").as_str()),
            "{address}"
        );
    }

    /// Names in the network directory that are addresses.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let mut names = names(&self.net());
        names.retain(|name| name.parse::<std::net::IpAddr>().is_ok());
        names
    }
}

/// Names in a directory, sorted; none when it is not there.
pub(crate) fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// One call of the binary, to be changed and run.
#[derive(Clone)]
pub(crate) struct Call {
    /// Calls may outlive the world they are of.
    dir: Arc<tempfile::TempDir>,
    bin: PathBuf,
    env: BTreeMap<&'static str, OsString>,
    network: Value,
    stdin: Option<Vec<u8>>,
}

impl Call {
    pub(crate) fn command(self, command: &str) -> Self {
        self.env("CNI_COMMAND", command)
    }

    pub(crate) fn id(self, id: &str) -> Self {
        self.env("CNI_CONTAINERID", id)
    }

    pub(crate) fn args(self, args: &str) -> Self {
        self.env("CNI_ARGS", args)
    }

    pub(crate) fn env(mut self, key: &'static str, value: impl Into<OsString>) -> Self {
        self.env.insert(key, value.into());
        self
    }

    pub(crate) fn unset(mut self, key: &str) -> Self {
        self.env.remove(key);
        self
    }

    /// Another program under the same configuration.
    pub(crate) fn program(mut self, path: &str) -> Self {
        self.bin = path.into();
        self
    }

    pub(crate) fn version(self, version: &str) -> Self {
        self.with("cniVersion", json!(version))
    }

    /// A top-level member.
    pub(crate) fn with(mut self, key: &str, value: Value) -> Self {
        self.network
            .as_object_mut()
            .unwrap()
            .insert(key.to_owned(), value);
        self
    }

    pub(crate) fn without(mut self, key: &str) -> Self {
        self.network.as_object_mut().unwrap().remove(key);
        self
    }

    /// Stdin as it is, instead of the configuration.
    pub(crate) fn stdin(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(text.into());
        self
    }

    pub(crate) fn text(&self) -> String {
        self.network.to_string()
    }

    /// The program with its environment, for calls with files of their own.
    pub(crate) fn command_line(&self) -> Command {
        let mut command = Command::new(&self.bin);
        command.env_clear().envs(&self.env);
        command
    }

    pub(crate) fn start(self) -> Child {
        let mut child = self
            .command_line()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("cannot start {}: {e}", self.bin.display()));
        let stdin = self
            .stdin
            .unwrap_or_else(|| self.network.to_string().into_bytes());
        // VERSION does not read it, so writing may fail.
        let _ = child.stdin.take().unwrap().write_all(&stdin);
        child
    }

    pub(crate) fn run(self) -> Outcome {
        let _dir = Arc::clone(&self.dir);
        let version = self.version_of_errors();
        Outcome::of(self.start(), version)
    }

    /// The `cniVersion` that an error object has (spec §2.5): that of the configuration, supported or not, when there is
    /// one and it could be read.
    pub(crate) fn version_of_errors(&self) -> String {
        let network = match &self.stdin {
            Some(stdin) => serde_json::from_slice(stdin).unwrap_or_default(),
            None => self.network.clone(),
        };
        let written = network["cniVersion"].as_str().unwrap_or_default();
        if written.is_empty() {
            UNKNOWN_VERSION
        } else {
            written
        }
        .to_owned()
    }
}

/// What errors say whose configuration was not read, or says no version.
const UNKNOWN_VERSION: &str = "0.1.0";

pub(crate) struct Outcome {
    /// What an error object must have for `cniVersion`, if the configuration was read.
    version: String,
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    pub(crate) fn of(child: Child, version: String) -> Self {
        let output = child.wait_with_output().unwrap();
        Self {
            version,
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// `OK[10.0.0.2/29>10.0.0.1, …]`: exactly this result in the shape of 1.0.0.
    #[track_caller]
    pub(crate) fn ok(&self, ips: &[&str]) {
        let ip = |text: &&str| {
            let (address, gateway) = text.split_once('>').unwrap();
            json!({"address": address, "gateway": gateway})
        };
        let ips: Vec<Value> = ips.iter().map(ip).collect();
        self.result(&json!({"cniVersion": "1.0.0", "ips": ips}));
    }

    /// Success with exactly this document.
    #[track_caller]
    pub(crate) fn result(&self, expected: &Value) {
        assert_eq!(&self.json(), expected, "stderr: {}", self.stderr);
        assert_eq!(self.status, Some(0));
    }

    /// `OK[]`: success without a word.
    #[track_caller]
    pub(crate) fn silent(&self) {
        assert_eq!(self.stdout, "", "stderr: {}", self.stderr);
        assert_eq!(self.status, Some(0));
    }

    /// The addresses of a result, without prefix length.
    #[track_caller]
    pub(crate) fn addresses(&self) -> Vec<String> {
        assert_eq!(self.status, Some(0), "{}", self.stdout);
        let document = self.json();
        let ips = document["ips"].as_array().unwrap().iter();
        let address = |ip: &Value| {
            ip["address"]
                .as_str()
                .unwrap()
                .split('/')
                .next()
                .unwrap()
                .to_owned()
        };
        ips.map(address).collect()
    }

    /// `ERR code "msg"`: exactly one error object, with a version.
    #[track_caller]
    pub(crate) fn err(&self, code: u64, msg: &str) -> Value {
        let found = self.failed(code);
        assert_eq!(found["msg"], json!(msg));
        found
    }

    /// An error of this code, whatever its text.
    #[track_caller]
    pub(crate) fn failed(&self, code: u64) -> Value {
        let found = self.json();
        assert_eq!(found["code"], json!(code), "{found}");
        // Of the environment, only an unknown command is noticed after the configuration is read (spec §2.1).
        let is_read = code != 4 || found["msg"].as_str().unwrap().starts_with("unknown CNI_COMMAND");
        let version = if is_read {
            self.version.as_str()
        } else {
            UNKNOWN_VERSION
        };
        assert_eq!(found["cniVersion"], version, "{found}");
        assert!(
            found["details"].is_null() || found["details"] != json!(""),
            "{found}"
        );
        assert_eq!(self.status, Some(1), "{found}");
        found
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| {
            panic!(
                "not one JSON document ({e}): {:?}; stderr: {}",
                self.stdout, self.stderr
            )
        })
    }
}

/// `S`.
pub(crate) fn s() -> Value {
    json!({"subnet": "10.0.0.0/29"})
}

/// `subnet` alone.
pub(crate) fn subnet(cidr: &str) -> Value {
    json!({"subnet": cidr})
}

/// `ranges` of one range per set, each with just a subnet.
pub(crate) fn sets(cidrs: &[&str]) -> Value {
    let sets: Vec<Value> = cidrs.iter().map(|cidr| json!([{"subnet": cidr}])).collect();
    json!({"ranges": sets})
}
