//! Ways to the API server: kubeconfig forms, certificates, names, proxies (spec cni-ipam §5.3).

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    thread,
};

use rcgen::KeyPair;
use serde_json::json;

use super::support::{Api, Bench, Output, node, own_node, pki::Authority};

const BOTH: [&str; 2] = ["10.244.1.2/24>10.244.1.1", "fd00:1::2/64>fd00:1::1"];

/// A server over TLS and a call that knows its node's name.
struct Secure {
    authority: Authority,
    api: Api,
    bench: Bench,
}

impl Secure {
    fn new(names: &[&str]) -> Self {
        let authority = Authority::new();
        let api = Api::https(&[node("n1")], authority.server_config(&authority.server(names)));
        let mut bench = Bench::new("kube-node");
        bench.set("NODE_NAME", "n1");
        bench.write("pki/ca.crt", &authority.pem);
        Self {
            authority,
            api,
            bench,
        }
    }

    fn local() -> Self {
        Self::new(&["127.0.0.1"])
    }

    fn add_with(&self, cluster: &str, user: &str) -> Output {
        self.bench.kubeconfig(&self.api.url(), cluster, user);
        add(&self.bench, &self.bench.path("kubeconfig"))
    }

    fn add(&self, user: &str) -> Output {
        self.add_with(", certificate-authority: pki/ca.crt", user)
    }
}

fn stdin(bench: &Bench, kubeconfig: &str) -> String {
    let ipam = json!({"type": "kube-node", "dataDir": bench.data(), "kubeconfig": kubeconfig});
    json!({"cniVersion": "1.0.0", "name": "k8snet", "ipam": ipam}).to_string()
}

fn add(bench: &Bench, kubeconfig: &str) -> Output {
    bench.call("ADD", &stdin(bench, kubeconfig))
}

/// A new key as the command line tool writes it, and the same key in its older form. In the tree there is none: who
/// looks for secrets there should find nothing.
struct Key {
    pkcs8: String,
    traditional: String,
}

impl Key {
    fn ec() -> Self {
        let pkcs8 = openssl(
            &[
                "genpkey",
                "-algorithm",
                "EC",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
            ],
            "",
        );
        let traditional = openssl(&["ec"], &pkcs8);
        Self { pkcs8, traditional }
    }

    fn rsa() -> Self {
        let pkcs8 = openssl(
            &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
            "",
        );
        let traditional = openssl(&["rsa", "-traditional"], &pkcs8);
        Self { pkcs8, traditional }
    }
}

fn openssl(args: &[&str], stdin: &str) -> String {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let mut child = Command::new("openssl")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl runs; install the Debian package openssl");
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "openssl {args:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn client_certificate_works(pkcs8: &str, as_written: &str) {
    let secure = Secure::local();
    let pair = secure
        .authority
        .client_with("system:node:n1", &KeyPair::from_pem(pkcs8).unwrap());
    secure.bench.write("pki/me.crt", &pair.certificate);
    secure.bench.write("pki/me.key", as_written);
    secure
        .add("client-certificate: pki/me.crt, client-key: pki/me.key")
        .ok(&BOTH);
    assert!(secure.api.requests()[0].certificate);
}

#[test]
fn a_client_certificate_with_an_ec_key_in_pkcs8() {
    let key = Key::ec();
    client_certificate_works(&key.pkcs8, &key.pkcs8);
}

#[test]
fn a_client_certificate_with_an_ec_key_in_sec1() {
    let key = Key::ec();
    client_certificate_works(&key.pkcs8, &key.traditional);
}

#[test]
fn a_client_certificate_with_an_rsa_key_in_pkcs8() {
    let key = Key::rsa();
    client_certificate_works(&key.pkcs8, &key.pkcs8);
}

#[test]
fn a_client_certificate_with_an_rsa_key_in_pkcs1() {
    let key = Key::rsa();
    client_certificate_works(&key.pkcs8, &key.traditional);
}

/// The kubelet writes certificate and key into one file and names it twice.
#[test]
fn certificate_and_key_may_be_one_file() {
    let secure = Secure::local();
    let pair = secure.authority.client("system:node:n1");
    secure
        .bench
        .write("pki/me.pem", &format!("{}{}", pair.certificate, pair.key));
    secure
        .add("client-certificate: pki/me.pem, client-key: pki/me.pem")
        .ok(&BOTH);
}

#[test]
fn the_node_is_known_by_the_client_certificate() {
    let mut secure = Secure::local();
    secure.bench.unset("NODE_NAME");
    let pair = secure.authority.client("system:node:n1");
    secure.bench.write("me.crt", &pair.certificate);
    secure.bench.write("me.key", &pair.key);
    secure
        .add("client-certificate: me.crt, client-key: me.key")
        .ok(&BOTH);
    assert_eq!(secure.api.paths(), ["/api/v1/nodes/n1"]);
}

#[test]
fn certificates_may_be_in_the_kubeconfig_itself() {
    let secure = Secure::local();
    let pair = secure.authority.client("me");
    let base64 = |text: &str| {
        let mut child = std::process::Command::new("base64");
        child
            .arg("-w0")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped());
        let mut child = child.spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
    };
    let cluster = format!(", certificate-authority-data: {}", base64(&secure.authority.pem));
    let (certificate, key) = (base64(&pair.certificate), base64(&pair.key));
    secure
        .add_with(
            &cluster,
            &format!("client-certificate-data: {certificate}, client-key-data: {key}"),
        )
        .ok(&BOTH);
    assert!(secure.api.requests()[0].certificate);
}

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
fn a_certificate_of_another_authority_is_refused_at_once() {
    let secure = Secure::local();
    secure.bench.write("pki/ca.crt", &Authority::new().pem);
    let output = secure.add("");
    let details = output.failed(100, "Get the own node object");
    assert!(
        details.contains("not signed by the certificate authority"),
        "{details}"
    );
    secure.add_with(", insecure-skip-tls-verify: true", "").ok(&BOTH);
}

#[test]
fn a_certificate_for_another_name_is_refused_and_the_names_are_said() {
    let secure = Secure::new(&["api.example", "192.0.2.1"]);
    let details = secure.add("").failed(100, "Get the own node object");
    assert!(
        details.contains("127.0.0.1") && details.contains("api.example"),
        "{details}"
    );
    let cluster = ", certificate-authority: pki/ca.crt, tls-server-name: api.example";
    secure.add_with(cluster, "").ok(&BOTH);
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
fn a_server_with_an_ipv6_address() {
    let authority = Authority::new();
    let tls = authority.server_config(&authority.server(&["::1"]));
    let api = Api::start("[::1]:0", &[node("n1")], Some(tls));
    let mut bench = Bench::new("kube-node");
    bench.set("NODE_NAME", "n1");
    bench.write("ca.crt", &authority.pem);
    let kubeconfig = bench.kubeconfig(&api.url(), ", certificate-authority: ca.crt", "");
    assert!(api.url().starts_with("https://[::1]:"));
    add(&bench, &kubeconfig).ok(&BOTH);
}

#[test]
fn plain_http_spoken_to_a_tls_port_and_the_reverse_is_explained() {
    let secure = Secure::local();
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = plain.local_addr().unwrap();
    let served = thread::spawn(move || {
        let (mut client, _) = plain.accept().unwrap();
        // What the Go server says to a TLS hello.
        client
            .write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n400 Bad Request")
            .unwrap();
        let _ = io::copy(&mut client, &mut io::sink());
    });
    secure.bench.kubeconfig(
        &format!("https://{address}"),
        ", certificate-authority: pki/ca.crt",
        "",
    );
    let details = add(&secure.bench, &secure.bench.path("kubeconfig")).failed(100, "Get the own node object");
    assert!(details.contains("does not speak TLS"), "{details}");
    served.join().unwrap();
    secure
        .bench
        .kubeconfig(&secure.api.url().replace("https:", "http:"), "", "");
    let details = add(&secure.bench, &secure.bench.path("kubeconfig")).failed(100, "Get the own node object");
    assert!(details.contains("not HTTP"), "{details}");
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

/// A proxy that knows one request, and then copies.
fn proxy(expected: &'static str) -> (SocketAddr, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let served = thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        if !head.contains(expected) {
            client
                .write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                .unwrap();
            return head;
        }
        let target = head.split(' ').nth(1).unwrap().to_owned();
        let mut server = TcpStream::connect(target).unwrap();
        client
            .write_all(b"HTTP/1.1 200 Connection established\r\nX-Y: z\r\n\r\n")
            .unwrap();
        let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        // The end of either side is the end of the tunnel.
        thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
        });
        let _ = io::copy(&mut server, &mut client);
        head
    });
    (address, served)
}

#[test]
fn an_http_proxy_is_asked_for_a_tunnel() {
    let secure = Secure::local();
    let (address, served) = proxy("Proxy-Authorization: Basic bWU6aHVudGVyMg==");
    let cluster = format!(", certificate-authority: pki/ca.crt, proxy-url: 'http://me:hunter2@{address}'");
    secure.add_with(&cluster, "").ok(&BOTH);
    assert!(
        served
            .join()
            .unwrap()
            .starts_with(&format!("CONNECT 127.0.0.1:{} HTTP/1.1\r\n", secure.api.port()))
    );
}

#[test]
fn a_proxy_that_refuses_is_named() {
    let secure = Secure::local();
    let (address, served) = proxy("something else");
    let cluster = format!(", certificate-authority: pki/ca.crt, proxy-url: 'http://{address}'");
    let details = secure
        .add_with(&cluster, "")
        .failed(100, "Get the own node object");
    assert!(
        details.contains(&format!("proxy http://{address} answered 407")),
        "{details}"
    );
    served.join().unwrap();
}

#[test]
fn a_name_is_found_in_the_hosts_file() {
    let mut secure = Secure::new(&["api.cluster.example"]);
    let hosts = secure
        .bench
        .write("hosts", "192.0.2.9 other\n127.0.0.1 x api.cluster.example\n");
    secure.bench.namespace = Some(format!("/bin/mount --bind '{hosts}' /etc/hosts"));
    let server = format!("https://api.cluster.example:{}", secure.api.port());
    secure
        .bench
        .kubeconfig(&server, ", certificate-authority: pki/ca.crt", "");
    add(&secure.bench, &secure.bench.path("kubeconfig")).ok(&BOTH);
}

/// A name server on a loopback address of its own, because `resolv.conf` has no ports. It answers A for one name.
fn name_server(name: &'static str) -> Ipv4Addr {
    let (socket, address) = (1..=250)
        .find_map(|last| {
            let address = Ipv4Addr::new(127, 83, u8::try_from(std::process::id() % 250).unwrap(), last);
            UdpSocket::bind((address, 53))
                .ok()
                .map(|socket| (socket, address))
        })
        .unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, client)) = socket.recv_from(&mut buffer) {
            let question = &buffer[..length];
            let mut wanted: Vec<u8> = Vec::new();
            for label in name.split('.') {
                wanted.push(u8::try_from(label.len()).unwrap());
                wanted.extend(label.as_bytes());
            }
            let known = question[12..].starts_with(&wanted);
            let is_a = question[length - 3] == 1;
            let mut reply = question.to_vec();
            reply[2..4].copy_from_slice(if known { &[0x81, 0x80] } else { &[0x81, 0x83] });
            if known && is_a {
                reply[7] = 1;
                reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
            }
            let _ = socket.send_to(&reply, client);
        }
    });
    address
}

#[test]
fn a_name_is_asked_of_the_name_server_with_the_search_list() {
    let mut secure = Secure::new(&["api"]);
    let server = name_server("api.cluster.example");
    let hosts = secure.bench.write("hosts", "127.0.0.1 localhost\n");
    let resolv = secure.bench.write(
        "resolv.conf",
        &format!("nameserver {server}\nsearch wrong.example cluster.example\n"),
    );
    secure.bench.namespace = Some(format!(
        "/bin/mount --bind '{hosts}' /etc/hosts\n/bin/mount --bind '{resolv}' /etc/resolv.conf"
    ));
    let cluster = ", certificate-authority: pki/ca.crt";
    secure
        .bench
        .kubeconfig(&format!("https://api:{}", secure.api.port()), cluster, "");
    add(&secure.bench, &secure.bench.path("kubeconfig")).ok(&BOTH);
}

#[test]
fn a_name_nobody_knows_is_a_clear_error_in_time() {
    let mut secure = Secure::new(&["api"]);
    let server = name_server("api.cluster.example");
    let resolv = secure
        .bench
        .write("resolv.conf", &format!("nameserver {server}\n"));
    secure.bench.namespace = Some(format!("/bin/mount --bind '{resolv}' /etc/resolv.conf"));
    secure.bench.kubeconfig(
        "https://nowhere.example:6443",
        ", certificate-authority: pki/ca.crt",
        "",
    );
    let output = add(&secure.bench, &secure.bench.path("kubeconfig"));
    let details = output.failed(11, "Get the own node object");
    assert!(details.contains("no address for nowhere.example"), "{details}");
    assert!(
        output.took < std::time::Duration::from_millis(16_500),
        "{output:?}"
    );
}
