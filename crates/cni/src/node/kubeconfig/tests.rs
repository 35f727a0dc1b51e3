use std::path::Path;

use super::{super::access::Material, parse};

fn text(cluster: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts:\n- name: other\n  context: {{cluster: x}}\n\
         - name: c\n  context: {{cluster: k, user: u}}\nclusters:\n- name: k\n  cluster: {cluster}\n\
         users:\n- name: u\n  user: {user}\n"
    )
}

fn read(cluster: &str, user: &str) -> Result<super::Access, String> {
    parse(&text(cluster, user), Path::new("/etc/kubernetes/kubeconfig"))
}

#[test]
fn relative_paths_are_taken_from_the_folder_of_the_file() {
    let cluster = "{server: 'https://192.0.2.1:6443', certificate-authority: pki/ca.crt}";
    let access = read(
        cluster,
        "{client-certificate: /abs/me.crt, client-key: me.key, tokenFile: t}",
    )
    .unwrap();
    assert!(
        matches!(access.authorities, Some(Material::File(path)) if path == Path::new("/etc/kubernetes/pki/ca.crt"))
    );
    assert!(
        matches!(access.user.certificate, Some(Material::File(path)) if path == Path::new("/abs/me.crt"))
    );
    assert_eq!(
        access.user.token_file.as_deref(),
        Some(Path::new("/etc/kubernetes/t"))
    );
}

#[test]
fn data_beats_the_file() {
    let cluster = "{server: 'https://x', certificate-authority-data: Zm9v, certificate-authority: ca.crt}";
    let access = read(cluster, "{}").unwrap();
    assert!(matches!(access.authorities, Some(Material::Inline(pem)) if pem.reveal() == "foo"));
}

#[test]
fn secrets_are_not_shown() {
    let user = "{token: hunter2, username: me, password: hunter2, client-key-data: aHVudGVyMg==, \
                exec: {apiVersion: client.authentication.k8s.io/v1, command: c, args: [hunter2], \
                env: [{name: A, value: hunter2}]}}";
    let access = read(
        "{server: 'https://x', proxy-url: 'http://me:hunter2@p:3128'}",
        user,
    )
    .unwrap();
    assert!(!format!("{access:?}").contains("hunter2"));
    assert_eq!(access.proxy.unwrap().login.unwrap().password.reveal(), "hunter2");
}

#[test]
fn a_command_with_a_slash_is_relative_to_the_file() {
    let user = |command: &str| {
        format!("{{exec: {{apiVersion: client.authentication.k8s.io/v1beta1, command: {command}}}}}")
    };
    let command = |text: &str| {
        read("{server: 'https://x'}", &user(text))
            .unwrap()
            .user
            .exec
            .unwrap()
            .command
    };
    assert_eq!(command("./bin/login"), Path::new("/etc/kubernetes/./bin/login"));
    assert_eq!(command("login"), Path::new("login"));
}

#[test]
fn every_error_names_its_key() {
    let fine = "{server: 'https://x'}";
    let table = [
        ("{}", "{}", "clusters[k].cluster.server is missing"),
        (
            "{server: 'ftp://x'}",
            "{}",
            "clusters[k].cluster.server: scheme ftp is not supported",
        ),
        (
            "{server: [x]}",
            "{}",
            "clusters[k].cluster.server: a array where a text",
        ),
        (
            "{server: x, insecure-skip-tls-verify: 'yes'}",
            "{}",
            "insecure-skip-tls-verify: a string where true or false",
        ),
        (
            "{server: x, certificate-authority-data: '*'}",
            "{}",
            "certificate-authority-data: not base64",
        ),
        (
            "{server: x, proxy-url: 'socks5://p'}",
            "{}",
            "proxy-url: a socks5 proxy is not supported; only http:// is",
        ),
        (
            "{server: x, proxy-url: 'https://p'}",
            "{}",
            "proxy-url: a https proxy is not supported; only http:// is",
        ),
        (
            fine,
            "{auth-provider: {name: gcp}}",
            "users[u].user.auth-provider: not supported",
        ),
        (
            fine,
            "{exec: {command: c}}",
            "users[u].user.exec.apiVersion is missing",
        ),
        (
            fine,
            "{exec: {command: c, apiVersion: v1}}",
            "users[u].user.exec.apiVersion: v1 is not supported",
        ),
        (
            fine,
            "{token: true}",
            "users[u].user.token: a bool where a text is expected; quote it",
        ),
    ];
    for (cluster, user, expected) in table {
        let problem = read(cluster, user).unwrap_err();
        assert!(problem.contains(expected), "{problem} should contain {expected}");
    }
}

#[test]
fn missing_parts_are_named() {
    let problem = |text: &str| parse(text, Path::new("k")).unwrap_err();
    assert!(problem("").contains("not a mapping"));
    assert!(problem("kind: Config").contains("current-context is missing"));
    assert!(problem("current-context: a").contains("contexts has no entry named a"));
    let dangling = "current-context: a\ncontexts: [{name: a, context: {cluster: b}}]\n";
    assert!(problem(dangling).contains("clusters has no entry named b"));
}

#[test]
fn a_json_kubeconfig_is_read() {
    let json = r#"{"current-context":"c","contexts":[{"name":"c","context":{"cluster":"k"}}],
        "clusters":[{"name":"k","cluster":{"server":"https://[2001:db8::1]:6443","tls-server-name":"kubernetes"}}]}"#;
    let access = parse(json, Path::new("k")).unwrap();
    assert_eq!(access.server.to_string(), "https://[2001:db8::1]:6443");
    assert_eq!(access.server_name.as_deref(), Some("kubernetes"));
}
