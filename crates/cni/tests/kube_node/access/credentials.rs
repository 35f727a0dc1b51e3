//! Tokens, passwords, credential plugins, and where all that is written down.

use serde_json::json;

use super::{Api, BOTH, Bench, Secure, add, node, own_node};

#[test]
fn tokens_passwords_and_token_files_are_sent() {
    for (user, expected) in [
        ("token: hunter2", "Bearer hunter2"),
        ("tokenFile: the/token", "Bearer from-file"),
        ("token: hunter2, tokenFile: the/token", "Bearer from-file"),
        ("token: hunter2, tokenFile: nowhere", "Bearer hunter2"),
        ("username: me, password: hunter2", "Basic bWU6aHVudGVyMg=="),
    ] {
        let secure = Secure::local();
        secure.api.require(expected);
        secure.bench.write("the/token", "from-file\n");
        secure.add(user).ok(&BOTH);
    }
}

#[test]
fn secrets_are_not_repeated_when_they_are_refused() {
    let secure = Secure::local();
    secure.api.require("Bearer other");
    let mut texts = String::new();
    for user in [
        "token: hunter2",
        "username: me, password: hunter2",
        "token: \"hunter2 x\"",
        "client-key-data: aHVudGVyMg==",
    ] {
        let output = secure.add(user);
        let details = output.failed(100, "Get the own node object");
        assert!(details.contains("kubeconfig"), "{details} should name the file");
        texts.push_str(&format!("{output:?}"));
    }
    assert!(!texts.contains("hunter2"), "{texts}");
    assert_eq!(secure.api.count(), 2, "401 is final");
}

#[test]
fn nothing_secret_goes_over_plain_http() {
    let api = Api::http(&[node("n1")]);
    let mut bench = Bench::new("kube-node");
    bench.set("NODE_NAME", "n1");
    let kubeconfig = bench.kubeconfig(
        &format!("{}/prefix/", api.url()),
        "",
        "token: hunter2, username: me, password: x",
    );
    add(&bench, &kubeconfig).ok(&BOTH);
    assert_eq!(api.requests()[0].authorization, None);
    assert_eq!(api.paths(), ["/prefix/api/v1/nodes/n1"]);
}

#[test]
fn a_credential_plugin_gives_a_token() {
    let secure = Secure::local();
    secure.api.require("Bearer from-plugin");
    let seen = secure.bench.path("seen");
    let script = "printf '%s' \"$KUBERNETES_EXEC_INFO\" > \"$SEEN\"; echo to-stderr >&2; test \"$1\" = an-argument; \
                  echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":{\"token\":\"from-plugin\"}}'";
    secure.bench.write_script("bin/login", script);
    let user = format!(
        "exec: {{apiVersion: client.authentication.k8s.io/v1, command: ./bin/login, args: [an-argument], \
         env: [{{name: SEEN, value: '{seen}'}}], interactiveMode: IfAvailable, provideClusterInfo: true}}"
    );
    secure.add(&user).ok(&BOTH);
    let info: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(seen).unwrap()).unwrap();
    assert_eq!(info["spec"]["interactive"], false);
    assert_eq!(info["spec"]["cluster"]["server"], secure.api.url());
}

#[test]
fn a_credential_plugin_gives_a_certificate() {
    let secure = Secure::local();
    let pair = secure.authority.client("me");
    let credential = json!({
        "kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1beta1",
        "status": {"clientCertificateData": pair.certificate, "clientKeyData": pair.key},
    });
    let file = secure.bench.write("credential.json", &credential.to_string());
    secure.bench.write_script("login", &format!("cat '{file}'"));
    secure
        .add("exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: ./login}")
        .ok(&BOTH);
    assert!(secure.api.requests()[0].certificate);
}

#[test]
fn a_credential_plugin_that_fails_is_named_and_its_output_is_not() {
    let secure = Secure::local();
    secure.bench.write_script("login", "echo hunter2");
    secure.bench.write_script("broken", "echo hunter2; exit 4");
    for (command, expected) in [
        ("./login", "no ExecCredential"),
        ("./broken", "exit status: 4"),
        ("nowhere", "install me"),
    ] {
        let user = format!(
            "exec: {{apiVersion: client.authentication.k8s.io/v1, command: {command}, installHint: install me}}"
        );
        let output = secure.add(&user);
        let details = output.failed(100, "Get the own node object");
        assert!(details.contains(expected), "{details} should contain {expected}");
        assert!(!format!("{output:?}").contains("hunter2"));
    }
}

#[test]
fn missing_files_are_named() {
    let secure = Secure::local();
    for (cluster, user, expected) in [
        (
            ", certificate-authority: nowhere.crt",
            "",
            "certificate-authority: cannot read",
        ),
        (
            ", certificate-authority: kubeconfig",
            "",
            "certificate-authority: no certificate in PEM form",
        ),
        (
            ", certificate-authority: pki/ca.crt",
            "client-certificate: pki/ca.crt",
            "client-key is missing",
        ),
        (
            ", certificate-authority: pki/ca.crt",
            "client-certificate: pki/ca.crt, client-key: pki/ca.crt",
            "client-key: no private key",
        ),
        (
            ", certificate-authority: pki/ca.crt",
            "tokenFile: nowhere",
            "tokenFile: cannot read",
        ),
    ] {
        let details = secure
            .add_with(cluster, user)
            .failed(100, "Get the own node object");
        assert!(details.contains(expected), "{details} should contain {expected}");
    }
    assert_eq!(secure.api.count(), 0);
}

#[test]
fn of_a_kubeconfig_list_the_first_existing_file_counts() {
    let api = Api::http(&[node("n1")]);
    let mut bench = Bench::new("kube-node");
    bench.set("NODE_NAME", "n1");
    let real = bench.kubeconfig(&api.url(), "", "");
    let (none, last) = (bench.path("none"), bench.path("last"));
    bench.set("KUBECONFIG", &format!("{none}::{real}:{last}"));
    add(&bench, "").ok(&BOTH);
    bench.set("KUBECONFIG", &format!("{none}:{last}"));
    std::fs::remove_dir_all(bench.data()).unwrap();
    let details = add(&bench, "").failed(100, "Get the own node object");
    assert!(details.contains(&format!("cannot read {last}")), "{details}");
    bench.unset("KUBECONFIG");
    bench.write("home/.kube/config", &std::fs::read_to_string(&real).unwrap());
    let home = bench.path("home");
    bench.set("HOME", &home);
    add(&bench, "").ok(&BOTH);
}

#[test]
fn an_explicit_kubeconfig_beats_the_service_account_of_a_pod() {
    let mut secure = Secure::local();
    let plain = Api::http(&[own_node("me")]);
    let service = secure.bench.path("service");
    secure.bench.write("service/ca.crt", &secure.authority.pem);
    secure.bench.write("service/token", "of-the-pod\n");
    secure.bench.namespace = Some(format!(
        "/bin/mount -t tmpfs none /var\n/bin/mkdir -p /var/run/secrets/kubernetes.io\n\
         /bin/cp -r '{service}' /var/run/secrets/kubernetes.io/serviceaccount"
    ));
    secure.bench.set("KUBERNETES_SERVICE_HOST", "127.0.0.1");
    let port = secure.api.port().to_string();
    secure.bench.set("KUBERNETES_SERVICE_PORT", &port);
    secure.api.require("Bearer of-the-pod");
    add(&secure.bench, "").ok(&BOTH);
    assert_eq!((secure.api.count(), plain.count()), (1, 0));
    std::fs::remove_dir_all(secure.bench.data()).unwrap();
    plain.set_nodes(&[node("n1")]);
    secure.bench.kubeconfig(&plain.url(), "", "");
    add(&secure.bench, &secure.bench.path("kubeconfig")).ok(&BOTH);
    assert_eq!((secure.api.count(), plain.count()), (1, 1));
}

#[test]
fn a_pipe_or_a_device_is_not_waited_for() {
    let secure = Secure::local();
    let pipe = secure.bench.path("pipe");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    for path in [pipe.as_str(), "/dev/zero"] {
        let output = add(&secure.bench, path);
        let details = output.failed(100, "Get the own node object");
        assert!(
            details.contains(&format!("cannot read {path}: not a regular file")),
            "{details}"
        );
    }
    let details = secure
        .add("tokenFile: /dev/zero")
        .failed(100, "Get the own node object");
    assert!(details.contains("tokenFile: cannot read /dev/zero"), "{details}");
}
