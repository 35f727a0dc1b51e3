//! Input that means harm: a clear CNI error each, one document, and nothing touched outside.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use testkit::cni::{Call, PluginDir, store};

use crate::{binary, config, ours};

/// A data directory inside a folder where nothing else may appear.
struct Ground {
    plugins: PluginDir,
    folder: tempfile::TempDir,
}

impl Ground {
    fn new() -> Self {
        let ground = Self {
            plugins: ours(),
            folder: tempfile::tempdir().expect("a temporary folder can be made"),
        };
        fs::create_dir_all(ground.data()).expect("the folder is new");
        ground
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("a/b/data")
    }

    fn config(&self) -> Value {
        config(&self.data(), &json!({"subnet": "10.0.0.0/24"}))
    }

    fn call(&self, verb: &str) -> Call {
        Call::new(self.plugins.plugin("host-local"), verb).config(&self.config())
    }

    /// Everything below the folder.
    fn everything(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("readable") {
                let path = entry.expect("readable").path();
                if path.is_dir() && !path.is_symlink() {
                    folders.push(path.clone());
                }
                found.push(path);
            }
        }
        found.sort();
        found
    }

    /// Runs each call with ADD and DEL: it fails with this code, and nothing appears or goes.
    fn refuses(&self, code: u64, what: &str, change: impl Fn(Call) -> Call) {
        let before = self.everything();
        for verb in ["ADD", "DEL"] {
            let answer = change(self.call(verb)).run().expect("the plugin can be started");
            let error = answer
                .error()
                .unwrap_or_else(|why| panic!("{verb} with {what:?}: {why:#}"));
            assert_eq!(error["code"], code, "{verb} with {what:?}: {error}");
            assert_eq!(self.everything(), before, "{verb} with {what:?}");
        }
    }
}

#[test]
fn no_network_name_leads_out_of_the_data_directory() {
    let ground = Ground::new();
    let tricks = [
        "..",
        ".",
        "../x",
        "../../x",
        "/etc",
        "a/b",
        "a/../../x",
        "x\0y",
        "x\n",
        " x",
        "-x",
        ".x",
        "%2e%2e",
        "é",
        "x\\y",
    ];
    for name in tricks {
        let mut config = ground.config();
        config["name"] = json!(name);
        ground.refuses(7, name, |call| call.config(&config));
    }
}

#[test]
fn no_container_id_or_interface_name_leads_anywhere() {
    let ground = Ground::new();
    for id in [
        "..",
        ".",
        "../x",
        "/etc",
        "a/b",
        "-x",
        ".x",
        "x\n",
        "x\r\neth0",
        "x y",
        "é",
        "*",
    ] {
        ground.refuses(4, id, |call| call.id(id));
    }
    for ifname in [
        "..",
        ".",
        "../x",
        "a/b",
        "/",
        "a:b",
        "a b",
        "a\tb",
        "a\nb",
        "a\u{2003}b",
        "sixteen-letters-",
    ] {
        ground.refuses(4, ifname, |call| call.env("CNI_IFNAME", ifname));
    }
}

#[test]
fn names_longer_than_a_file_name_are_an_error_not_a_surprise() {
    let ground = Ground::new();
    let mut config = ground.config();
    config["name"] = json!("x".repeat(300));
    let answer = ground.call("ADD").config(&config).run().expect("it starts");
    assert_eq!(answer.error().expect("an error object")["code"], 999);
    // A container id is content, not a name: any length that the kernel passes on works.
    let id = "x".repeat(100_000);
    assert!(ground.call("ADD").id(&id).run().expect("it starts").is_ok());
    assert!(ground.call("CHECK").id(&id).run().expect("it starts").is_ok());
    assert!(ground.call("DEL").id(&id).run().expect("it starts").is_ok());
    assert_eq!(
        store::reservations(&ground.data().join("net"))
            .expect("readable")
            .len(),
        0
    );
}

#[test]
fn links_in_the_network_directory_are_neither_followed_nor_removed() {
    let ground = Ground::new();
    let network = ground.data().join("net");
    let outside = ground.folder.path().join("outside");
    let victim = ground.folder.path().join("victim");
    fs::create_dir(&network).expect("new");
    fs::write(&victim, store::content("c1", "eth0")).expect("writable");
    symlink(&outside, network.join("10.0.0.2")).expect("new");
    symlink(&victim, network.join("10.0.0.3")).expect("new");
    let answer = ground.call("ADD").id("c9").run().expect("it starts");
    assert_eq!(
        answer.addresses().expect("a result")[0].to_string(),
        "10.0.0.4",
        "both names are taken"
    );
    assert!(!outside.exists(), "a dangling link was written through");
    assert!(ground.call("DEL").run().expect("it starts").is_ok());
    assert_eq!(
        fs::read(&victim).expect("still there"),
        store::content("c1", "eth0")
    );
}

#[test]
fn a_data_directory_that_is_a_file_is_a_clear_error() {
    let ground = Ground::new();
    let file = ground.folder.path().join("file");
    fs::write(&file, "precious").expect("writable");
    let answer = ground
        .call("ADD")
        .config(&config(&file, &json!({"subnet": "10.0.0.0/24"})))
        .run();
    let error = answer.expect("it starts").error().expect("an error object");
    assert_eq!(error["code"], 999);
    assert!(
        error["msg"]
            .as_str()
            .is_some_and(|msg| msg.contains(&*file.to_string_lossy())),
        "names the file: {error}"
    );
    assert_eq!(fs::read(&file).expect("still there"), b"precious");
}

#[test]
fn a_result_that_nobody_can_read_is_undone() {
    let ground = Ground::new();
    let network = ground.data().join("net");
    let full = fs::File::options()
        .write(true)
        .open("/dev/full")
        .expect("the kernel has it");
    let (reader, closed) = std::io::pipe().expect("a pipe");
    drop(reader);
    for stdout in [Stdio::from(full), Stdio::from(closed)] {
        let mut child = ground.call("ADD").command();
        let mut child = child
            .stdin(Stdio::piped())
            .stdout(stdout)
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut stdin = child.stdin.take().expect("it is piped");
        stdin
            .write_all(ground.config().to_string().as_bytes())
            .expect("it reads");
        drop(stdin);
        assert_eq!(child.wait().expect("it ends").code(), Some(1));
        assert_eq!(store::reservations(&network).expect("readable").len(), 0);
    }
}

/// What is written to standard input, over and over.
fn flood(start: &str, filler: u8) -> (String, u64) {
    let ground = Ground::new();
    let flooded = drown(&mut ground.call("ADD").command(), start, filler);
    assert!(!ground.data().join("net").exists());
    flooded
}

/// Writes a gibibyte to a program's standard input, as far as it reads; the message and the code of its answer.
fn drown(program: &mut Command, start: &str, filler: u8) -> (String, u64) {
    const MIB: usize = 1 << 20;
    /// Memory that a plugin may take for input it will refuse; the configuration of a real network has kilobytes.
    const ALLOWED_KIB: u64 = 64 << 10;

    let mut child = program
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    let block = vec![filler; MIB];
    let mut peak = 0;
    // It may stop reading at any time; then the pipe breaks, which is an answer, too.
    if stdin.write_all(start.as_bytes()).is_ok() {
        for _ in 0..1024 {
            if stdin.write_all(&block).is_err() {
                break;
            }
            peak = peak.max(peak_memory(child.id()));
        }
    }
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(peak < ALLOWED_KIB, "it took {peak} KiB");
    let error: Value = serde_json::from_slice(&output.stdout).expect("one error object");
    (
        error["msg"].as_str().unwrap_or_default().to_owned(),
        error["code"].as_u64().unwrap_or_default(),
    )
}

/// The most memory a process had, in KiB; 0 when it has ended.
fn peak_memory(pid: u32) -> u64 {
    let status =
        fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

#[test]
fn a_gibibyte_on_stdin_is_an_error_without_a_gibibyte_of_memory() {
    for (start, filler) in [("", 0), ("", b' '), ("{\"name\":\"", b'x'), ("", b'[')] {
        let (msg, code) = flood(start, filler);
        assert!(
            [5, 6, 7].contains(&code),
            "{start:?} and {:?}: code {code}, {msg}",
            char::from(filler)
        );
    }
}

/// Without `CNI_COMMAND` it expands a network for a person (spec §6.6): that reads standard input, too.
#[test]
fn a_gibibyte_on_stdin_of_node_annotation_without_a_command_is_an_error_as_well() {
    let plugins = PluginDir::new(&[("node-annotation", &binary())]).expect("links can be made");
    for (start, filler) in [("", 0), ("", b' '), ("{\"name\":\"", b'x'), ("", b'[')] {
        let call = Call::new(plugins.plugin("node-annotation"), "")
            .without("CNI_COMMAND")
            .env("NODE_ANNOTATION_CFG", "/none");
        let (msg, code) = drown(&mut call.command(), start, filler);
        assert!(
            [5, 6, 11].contains(&code),
            "{start:?} and {:?}: code {code}, {msg}",
            char::from(filler)
        );
    }
}
