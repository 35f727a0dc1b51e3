//! Any kubeconfig, and any answer of a credential plugin: what cannot be used is one clear error, at once, and never a
//! crash. Their parsers are private, so the finished binary is asked, in front of an API server that would answer.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
use serde_json::json;
use testkit::cni::{Call, PluginDir, is_long};

use crate::binary;
use crate::support::{self, Api, pki::Authority};

/// Longest time for one call; nothing here is worth a second attempt, which would take all of the 15 s (spec §5.3).
const SOON: Duration = Duration::from_secs(14);

/// Values where others are expected: of other kinds, cut short, or with a meaning in YAML.
const ODD: [&str; 18] = [
    "null",
    "~",
    "5",
    "-0x1",
    "true",
    "[]",
    "[[]]",
    "{}",
    "{a: {b: [c]}}",
    "\"\"",
    "\"\\u0000\"",
    "'cut",
    "*a",
    "&a b",
    "!!binary =",
    "|",
    "\"a\\r\\nHost: b\"",
    "? x",
];

/// A node with an API server, and files that kubeconfigs may name.
struct Ground {
    api: Api,
    plugins: PluginDir,
    folder: tempfile::TempDir,
}

impl Ground {
    fn new() -> Self {
        let authority = Authority::new();
        let server = authority.server(&["127.0.0.1"]);
        let ground = Self {
            api: Api::https(&[support::node("n1")], authority.server_config(&server)),
            plugins: PluginDir::new(&[("kube-node", &binary())]).expect("links can be made"),
            folder: tempfile::tempdir().expect("a temporary folder can be made"),
        };
        ground.write("ca.crt", &authority.pem);
        let client = authority.client("system:node:n1");
        ground.write("client.crt", &client.certificate);
        ground.write("client.key", &client.key);
        ground.write("credential", "");
        ground.write(
            "plugin",
            &format!("#!/bin/sh\nexec /bin/cat '{}'\n", ground.path("credential")),
        );
        fs::set_permissions(ground.path("plugin"), fs::Permissions::from_mode(0o755)).expect("it is ours");
        ground
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("our own folder");
    }

    /// ADD without anything remembered: success, or one error object, soon. `PORT` and `DIR` stand for ours.
    fn ask(&self, kubeconfig: &str) -> Result<bool, TestCaseError> {
        let text = kubeconfig
            .replace("PORT", &self.api.port().to_string())
            .replace("DIR", &self.folder.path().to_string_lossy());
        self.write("kubeconfig", &text);
        let data = tempfile::tempdir_in(&self.folder).expect("our own folder");
        let started = Instant::now();
        let answer = self.call(data.path());
        prop_assert!(started.elapsed() < SOON, "took {:?}: {text}", started.elapsed());
        prop_assert!(!answer.stderr().contains("panicked"), "{answer:?}: {text}");
        if answer.is_ok() {
            prop_assert_eq!(
                answer.addresses().map(|found| found.len()).ok(),
                Some(2),
                "{}",
                text
            );
            return Ok(true);
        }
        let error = answer
            .error()
            .map_err(|why| TestCaseError::fail(format!("{why:#}: {text}")))?;
        prop_assert!(error["code"] == 100 || error["code"] == 11, "{error}: {text}");
        prop_assert_eq!(&error["msg"], "Get the own node object", "{}", text);
        prop_assert!(
            error["details"].as_str().is_some_and(|details| details.len() > 5),
            "{error}: {text}"
        );
        Ok(false)
    }

    fn call(&self, data: &Path) -> testkit::cni::Answer {
        let network = json!({"cniVersion": "1.0.0", "name": "net", "ipam": {
            "type": "kube-node", "dataDir": data, "kubeconfig": self.path("kubeconfig"),
        }});
        Call::new(self.plugins.plugin("kube-node"), "ADD")
            .env("NODE_NAME", "n1")
            .env("PATH", "/usr/bin:/bin")
            .config(&network)
            .run()
            .expect("it can be started")
    }
}

/// One of the odd values now and then, else the right one.
fn mostly(right: &'static str) -> impl Strategy<Value = &'static str> {
    prop_oneof![12 => Just(right), 1 => select(ODD.to_vec())]
}

fn server() -> impl Strategy<Value = &'static str> {
    let wrong = vec![
        "https://",
        "http://",
        "ftp://127.0.0.1:PORT",
        "https://127.0.0.1:99999",
        "https://[::1",
        "//127.0.0.1:PORT",
        "https://:PORT",
        "https://127.0.0.1:PORT:PORT",
        "https://a b:PORT",
        "\"https://127.0.0.1:PORT\\r\\nX: y\"",
        "https://me:secret@127.0.0.1:PORT",
        "https://127.0.0.1:PORT/prefix/?x=y",
        "https://127.0.0.1:-1",
    ];
    // A bare word is the name of a host, which would be looked for.
    let none = vec!["null", "~", "[]", "{}", "\"\"", "'cut", "*a"];
    prop_oneof![10 => Just("https://127.0.0.1:PORT"), 3 => select(wrong), 1 => select(none)]
}

fn user() -> impl Strategy<Value = String> {
    let exec = (
        mostly("client.authentication.k8s.io/v1"),
        mostly("DIR/plugin"),
        mostly("Never"),
    )
        .prop_map(|(version, command, mode)| {
            format!("{{exec: {{apiVersion: {version}, command: {command}, interactiveMode: {mode}}}}}")
        });
    let pair = (mostly("DIR/client.crt"), mostly("DIR/client.key"))
        .prop_map(|(certificate, key)| format!("{{client-certificate: {certificate}, client-key: {key}}}"));
    let data = select(vec![
        "{client-certificate-data: AAAA, client-key-data: AAAA}",
        "{client-certificate-data: '***', client-key: DIR/client.key}",
        "{tokenFile: DIR/nowhere}",
        "{tokenFile: DIR}",
        "{token: \"a\\r\\nb\"}",
        "{username: a}",
        "{username: \"a:b\", password: \"\\u00e9\"}",
    ])
    .prop_map(str::to_owned);
    let token = mostly("secret").prop_map(|token| format!("{{token: {token}}}"));
    prop_oneof![3 => token, 2 => pair, 2 => exec, 2 => data, 1 => select(ODD.to_vec()).prop_map(str::to_owned)]
}

/// A kubeconfig with something wrong, as a rule; lines may be lost, doubled or moved.
fn kubeconfig() -> impl Strategy<Value = String> {
    let names = (mostly("test"), mostly("here"), mostly("me"));
    let accident = weighted(0.15, (0..12_usize, 0..3_u8));
    (names, server(), mostly("DIR/ca.crt"), user(), accident).prop_map(
        |((context, cluster, me), server, authority, user, accident)| {
            let text = format!(
                "apiVersion: v1\nkind: Config\ncurrent-context: {context}\ncontexts:\n- name: test\n  context: {{cluster: \
                 {cluster}, user: {me}}}\nclusters:\n- name: here\n  cluster: {{server: {server}, \
                 certificate-authority: {authority}}}\nusers:\n- name: me\n  user: {user}\n"
            );
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            match accident.filter(|(line, _)| *line < lines.len()) {
                Some((line, 0)) => drop(lines.remove(line)),
                Some((line, 1)) => lines.insert(line, lines[line].clone()),
                Some((line, _)) => lines[line].insert(0, '\t'),
                None => {}
            }
            lines.join("\n") + "\n"
        },
    )
}

/// What a credential plugin prints.
fn credential() -> impl Strategy<Value = String> {
    let odd = vec![
        "null",
        "5",
        "[]",
        "{}",
        "\"\"",
        "\"a\\r\\nb\"",
        "\"\\u0000\"",
        "1e400",
        "tru",
    ];
    let values = vec(weighted(0.12, select(odd)), 5);
    (values, weighted(0.1, 0..150_usize)).prop_map(|(values, cut)| {
        let defaults = [
            ("apiVersion", "\"client.authentication.k8s.io/v1\""),
            ("kind", "\"ExecCredential\""),
            ("status", ""),
            ("token", "\"secret\""),
            ("expirationTimestamp", "\"2999-01-01T00:00:00Z\""),
        ];
        let member = |at: usize| format!("\"{}\":{}", defaults[at].0, values[at].unwrap_or(defaults[at].1));
        let status = values[2].map_or_else(|| format!("{{{},{}}}", member(3), member(4)), str::to_owned);
        let text = format!("{{{},{},\"status\":{status}}}", member(0), member(1));
        text.chars().take(cut.unwrap_or(usize::MAX)).collect()
    })
}

/// Runs a check over many inputs; some must work, or the inputs are all too wrong to say much.
fn over(input: impl Strategy<Value = String>, check: impl Fn(&str) -> Result<bool, TestCaseError>) {
    let cases = if is_long() { 2_000 } else { 150 };
    let settings = Config {
        cases,
        failure_persistence: None,
        max_shrink_time: 20_000,
        ..Config::default()
    };
    let worked = std::cell::Cell::new(0_u32);
    let result = TestRunner::new(settings).run(&input, |text| {
        worked.set(worked.get() + u32::from(check(&text)?));
        Ok(())
    });
    if let Err(error) = result {
        match error {
            TestError::Fail(why, text) => panic!("{why}\nsmallest input:\n{text}"),
            TestError::Abort(why) => panic!("gave up: {why}"),
        }
    }
    let worked = worked.get();
    assert!(
        worked > cases / 20 && worked < cases,
        "{worked} of {cases} worked"
    );
}

#[test]
fn any_kubeconfig_is_used_or_refused_with_a_clear_error() {
    let ground = Ground::new();
    ground.write(
        "credential",
        r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"secret"}}"#,
    );
    over(kubeconfig(), |text| ground.ask(text));
}

#[test]
fn any_answer_of_a_credential_plugin_is_used_or_refused_with_a_clear_error() {
    let ground = Ground::new();
    let kubeconfig = "apiVersion: v1\nkind: Config\ncurrent-context: test\ncontexts:\n- name: test\n  context: {cluster: here, \
                      user: me}\nclusters:\n- name: here\n  cluster: {server: https://127.0.0.1:PORT, certificate-authority: \
                      DIR/ca.crt}\nusers:\n- name: me\n  user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: \
                      DIR/plugin, interactiveMode: Never}}\n";
    over(credential(), |text| {
        ground.write("credential", text);
        ground.ask(kubeconfig)
    });
}
