//! One call of the real binary under one of its names.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    io::Write as _,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with the binary under a plugin's name, a data directory, and the call to be made.
pub(crate) struct Bench {
    pub(crate) folder: TempDir,
    pub(crate) plugin: &'static str,
    env: HashMap<String, String>,
    pub(crate) args: Vec<String>,
    /// Commands of a shell that prepare a mount namespace for the call. Needs root.
    pub(crate) namespace: Option<String>,
}

/// What a call left.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
    /// The `cniVersion` that an error object must have (spec §2.5).
    version: String,
}

impl Output {
    /// The one document on stdout.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("stdout is not one document ({error}): {self:?}"))
    }

    #[track_caller]
    pub(crate) fn ok_empty(&self) {
        assert_eq!((self.code, self.stdout.as_str()), (0, ""), "{self:?}");
    }

    /// Succeeded with these addresses and gateways (`address>gateway`).
    #[track_caller]
    pub(crate) fn ok(&self, ips: &[&str]) {
        assert_eq!(self.code, 0, "{self:?}");
        let ips: Vec<Value> = ips
            .iter()
            .map(|ip| {
                let (address, gateway) = ip.split_once('>').unwrap();
                json!({"address": address, "gateway": gateway})
            })
            .collect();
        assert_eq!(
            self.json(),
            json!({"cniVersion": "1.0.0", "ips": ips}),
            "{self:?}"
        );
    }

    #[track_caller]
    pub(crate) fn addresses(&self) -> Vec<String> {
        assert_eq!(self.code, 0, "{self:?}");
        let document = self.json();
        let ips = document["ips"].as_array().unwrap().iter();
        ips.map(|ip| ip["address"].as_str().unwrap().to_owned()).collect()
    }

    /// Failed with exactly this error object.
    #[track_caller]
    pub(crate) fn error(&self, code: u32, msg: &str, details: &str) {
        assert_eq!(self.failed(code, msg), details, "{self:?}");
    }

    /// Failed with this code and message; the details as they are.
    #[track_caller]
    pub(crate) fn failed(&self, code: u32, msg: &str) -> String {
        assert_eq!(self.code, 1, "{self:?}");
        let document = self.json();
        assert_eq!(
            [&document["cniVersion"], &document["code"], &document["msg"]],
            [&json!(self.version), &json!(code), &json!(msg)],
            "{self:?}"
        );
        document
            .get("details")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    }
}

impl Bench {
    pub(crate) fn new(plugin: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        symlink(
            env!("CARGO_BIN_EXE_cadastre-cni"),
            folder.path().join("bin").join(plugin),
        )
        .unwrap();
        let mut bench = Self {
            folder,
            plugin,
            env: HashMap::new(),
            args: Vec::new(),
            namespace: None,
        };
        for (name, value) in [
            ("CNI_CONTAINERID", "c1"),
            ("CNI_NETNS", "/run/netns/none"),
            ("CNI_IFNAME", "eth0"),
            ("PATH", "/usr/bin:/bin"),
        ] {
            bench.set(name, value);
        }
        let bin = bench.path("bin");
        bench.set("CNI_PATH", &bin);
        bench
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// The data directory.
    pub(crate) fn data(&self) -> String {
        self.path("data")
    }

    pub(crate) fn binary(&self) -> PathBuf {
        self.folder.path().join("bin").join(self.plugin)
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.env.insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn unset(&mut self, name: &str) {
        self.env.remove(name);
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Changes members of a JSON file.
    pub(crate) fn edit(&self, name: &str, members: &Value) {
        let path = self.folder.path().join(name);
        let mut file: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        for (key, value) in members.as_object().unwrap() {
            file[key] = value.clone();
        }
        fs::write(&path, file.to_string()).unwrap();
    }

    pub(crate) fn write_script(&self, name: &str, text: &str) -> String {
        let path = self.write(name, &format!("#!/bin/sh\n{text}\n"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// A kubeconfig of this server, with more lines of `cluster` and `user` in flow form.
    pub(crate) fn kubeconfig(&self, server: &str, cluster: &str, user: &str) -> String {
        self.kubeconfig_in(server, cluster, user, "")
    }

    /// The same, made for a node, as `cadastre-cni cni install` writes it.
    pub(crate) fn kubeconfig_of(&self, server: &str, node: &str) -> String {
        let extension = format!("extensions: [{{name: cadastre.dev/node, extension: {{name: {node}}}}}]");
        self.kubeconfig_in(server, "", "", &extension)
    }

    fn kubeconfig_in(&self, server: &str, cluster: &str, user: &str, context: &str) -> String {
        self.write(
            "kubeconfig",
            &format!(
                "apiVersion: v1\nkind: Config\ncurrent-context: test\ncontexts:\n- name: test\n  context:\n    cluster: here\n    \
                 user: me\n    {context}\nclusters:\n- name: here\n  cluster: {{server: \"{server}\"{cluster}}}\nusers:\n- name: me\n  user: {{{user}}}\n"
            ),
        )
    }

    pub(crate) fn call(&self, command: &str, stdin: &str) -> Output {
        self.call_for(
            command,
            self.env.get("CNI_CONTAINERID").map_or("", String::as_str),
            stdin,
        )
    }

    pub(crate) fn call_for(&self, command: &str, container: &str, stdin: &str) -> Output {
        // A call that hangs fails its test, and not all of them.
        let mut program = Command::new("/usr/bin/timeout");
        program.args(["--kill-after=5", "120"]);
        if let Some(setup) = &self.namespace {
            let script = format!("{setup}\nexec \"$0\" \"$@\"");
            let unshare = ["/usr/bin/unshare", "--mount", "--propagation", "private"];
            program.args(unshare).args(["/bin/sh", "-ec", &script]);
        }
        program.arg(self.binary());
        program.env_clear().envs(&self.env).args(&self.args);
        if !command.is_empty() {
            program.env("CNI_COMMAND", command);
        }
        if !container.is_empty() {
            program.env("CNI_CONTAINERID", container);
        }
        finish(&mut program, stdin, self.error_version(stdin))
    }

    /// That of the configuration; the commands of a person have none, and the version that the replaced program prints.
    fn error_version(&self, stdin: &str) -> String {
        if self.args.first().is_some_and(|command| command != "ipam") {
            return "0.4.0".to_owned();
        }
        let network: Value = serde_json::from_str(stdin).unwrap_or_default();
        network["cniVersion"].as_str().unwrap_or("0.1.0").to_owned()
    }

    /// As if the machine had been started since an address was reserved.
    pub(crate) fn pretend_restart(&self, network: &str, address: &str) {
        let data = self.folder.path().join("data");
        let file = fs::File::options()
            .write(true)
            .open(data.join(network).join(address))
            .unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        let record = data.join(".ipam-index").join(network).join("boot");
        let text = fs::read_to_string(&record).unwrap();
        let machine = text.split(' ').next().unwrap();
        fs::write(&record, format!("{machine} earlier\n")).unwrap();
    }

    /// Names and contents of the IP files of a network; `id/ifname`.
    pub(crate) fn reservations(&self, network: &str) -> BTreeMap<String, String> {
        files(&self.folder.path().join("data").join(network))
            .into_iter()
            .filter(|(name, _)| name.parse::<std::net::IpAddr>().is_ok())
            .map(|(name, content)| (name, content.replace("\r\n", "/")))
            .collect()
    }
}

/// The regular files of a folder.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return BTreeMap::new();
    };
    let entries = entries
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().unwrap().is_file());
    entries
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                fs::read_to_string(entry.path()).unwrap(),
            )
        })
        .collect()
}

fn finish(program: &mut Command, stdin: &str, version: String) -> Output {
    let start = Instant::now();
    let mut child = program
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A call that does not read stdin closes the pipe: no harm.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        took: start.elapsed(),
        version,
    }
}
